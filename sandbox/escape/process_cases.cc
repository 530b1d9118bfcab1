// P: processes, limits and the supervisor.
#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "sandbox/escape/groups.h"
#include "sandbox/escape/shell.h"

namespace podium::sandbox::escape {
namespace {

using std::chrono::seconds;

std::string Ended(const ExecResult& r) {
  return "ended as " + std::string(ExecEndText(r.end)) + " in " + std::to_string(r.wall.count()) +
         " ms";
}

// By what the sandbox's record says that a limit is enforced.
std::string EnforcedBy(const Sandbox& box, std::string_view limit) {
  for (const auto& [what, how] : box.isolation().enforced) {
    if (what == limit) return how;
  }
  return "";
}

bool Unlimited(const Sandbox& box, std::string_view limit) {
  const auto& open = box.isolation().not_enforced;
  return std::ranges::find(open, limit) != open.end();
}

CaseResult NotLimited(const std::string& what) {
  return Skipped(what + " is not limited here, as the record says: no such control group");
}

Task<bool> Alive(Sandbox& box) {
  auto r = co_await Shell(box, "echo alive", Millis(10'000));
  co_return r.output == "alive\n";
}

// First as many processes as the limit twice over, which end by themselves: only where that is
// refused is it safe to let a bomb go off.
Task<CaseResult> ForkBomb(Context& context) {
  SandboxSpec spec = context.MakeSpec("p03");
  int many = 2 * spec.limits.pids;
  bool gvisor = context.backend_name == "runsc";  // its kernel ends when the host refuses a thread
  auto body = [many, gvisor](Sandbox& box) -> Task<CaseResult> {
    auto few =
        co_await Shell(box, "i=0; while [ $i -lt " + std::to_string(many) +
                                " ]; do sleep 3 & i=$((i+1)); done; echo /proc/[0-9]* | wc -w");
    if (few.end == ExecEnd::kExited && few.exit_code == 0)
      co_return Broken(std::to_string(many) + " processes could be started");
    auto bomb = co_await Shell(box, "b() { b | b & }; b; sleep 20", Millis(6000));
    bool usable = co_await Alive(box);
    // The refusals of a resource limit are counted nowhere, so that the end has another name.
    bool uncounted = EnforcedBy(box, "pids").find("RLIMIT_NPROC") != std::string::npos;
    co_return HeldIf(bomb.end == ExecEnd::kPidLimit || (gvisor && !usable) || (uncounted && usable),
                     Ended(bomb) + (usable ? "; the sandbox goes on" : "; the sandbox is gone"));
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

// Bounded, so that a host without the limit only loses a little for a moment.
constexpr const char* kHeap = "x = [bytearray(10**7) for _ in range(N)]";
constexpr const char* kMemfd =
    "import os; f = os.memfd_create('m'); [os.write(f, b'x' * 10**7) for _ in range(N)]";

Task<CaseResult> MemoryBomb(Context& context, std::string name, std::string code) {
  SandboxSpec spec = context.MakeSpec(name);
  std::uint64_t pieces = 3 * spec.limits.memory_bytes / 10'000'000;
  auto body = [pieces, code](Sandbox& box) -> Task<CaseResult> {
    if (Unlimited(box, "memory")) co_return NotLimited("memory");
    auto r =
        co_await Shell(box, "exec python3 -c \"N = " + std::to_string(pieces) + "\n" + code + "\"");
    bool usable = co_await Alive(box);
    co_return HeldIf(r.end == ExecEnd::kMemoryLimit,
                     Ended(r) + (usable ? "; the sandbox goes on" : "; the sandbox is gone"));
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> KillEverybody(Context& context) {
  SandboxSpec spec = context.MakeSpec("p01");
  bool gvisor = context.backend_name == "runsc";  // lets a process end its own sandbox
  auto body = [gvisor](Sandbox& box) -> Task<CaseResult> {
    auto one = co_await Shell(
        box, "kill -9 1; kill -STOP 1; kill -9 2 3 4 5 6 7 8 9 10 2>/dev/null; echo on");
    auto all = co_await Shell(box, "kill -9 -1");
    bool alive = co_await Alive(box);
    co_return HeldIf(alive || gvisor,
                     alive ? "PID 1 lives after kill -9 1 and kill -9 -1: " + Ended(all)
                           : "the sandbox ends with its PID 1, and nothing else");
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> LooksIntoInit(Context& context) {
  auto r =
      co_await Shell(*context.shared,
                     "for f in mem environ fd/3 maps cwd root exe; do "
                     "if head -c1 /proc/1/$f >/dev/null 2>&1 || ls -l /proc/1/$f >/dev/null "
                     "2>&1 && readlink /proc/1/$f >/dev/null 2>&1; then echo open $f; fi; done; "
                     "ls /proc/1/fd >/dev/null 2>&1 && echo open fds; true");
  bool closed = r.output.find("open") == std::string::npos;
  std::vector<std::string> args = {"P02", context.backend_name};
  auto traced = co_await Probe(*context.shared, std::move(args));
  if (traced.outcome == Outcome::kBroken) co_return traced;
  co_return HeldIf(closed, closed ? "/proc/1 is closed; " + traced.detail : r.output);
}

// 200 processes that ignore every signal that can be ignored, in sessions of their own.
Task<CaseResult> Stubborn(Context& context) {
  SandboxSpec spec = context.MakeSpec("p06");
  spec.limits.pids = std::max(spec.limits.pids, 600);
  Millis limit(context.backend_name == "runsc" ? 20'000 : 4'000);  // to start them all
  auto body = [limit](Sandbox& box) -> Task<CaseResult> {
    auto r = co_await Shell(box,
                            "trap '' TERM INT HUP QUIT; i=0; while [ $i -lt 200 ]; do setsid sh -c "
                            "\"trap '' TERM INT HUP QUIT; kill -STOP \\$\\$; sleep 100\" & "
                            "i=$((i+1)); done; sleep 1; echo /proc/[0-9]* | wc -w; sleep 100",
                            limit);
    auto started = SteadyNow();
    Deadline deadline = Deadline::In(seconds(30));
    auto sealed = co_await box.Seal(deadline);
    auto took = Since(started).count();
    auto over = (r.wall - limit).count();
    int seen = std::atoi(r.output.c_str());
    co_return HeldIf(sealed && seen >= 200 && over < 2000 && took < 2000,
                     std::to_string(seen) + " processes, gone " + std::to_string(over) +
                         " ms after the deadline; sealed in " + std::to_string(took) + " ms");
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> HoldsOutput(Context& context) {
  auto r = co_await Shell(*context.shared, "(sleep 60; echo late) & echo leader; exit 3");
  co_return HeldIf(r.exit_code == 3 && r.wall < seconds(5) && r.output == "leader\n", Ended(r));
}

Task<CaseResult> Floods(Context& context) {
  ExecSpec spec;
  // gVisor's pipes carry some 40 MB/s here.
  std::uint64_t bytes = context.backend_name == "runsc" ? 1'000'000'000 : 10'000'000'000;
  if (context.spec.without.contains(Mitigation::kOutputCap)) bytes = 100'000'000;
  spec.argv = {"sh", "-c", "head -c " + std::to_string(bytes) + " /dev/zero; echo; echo end"};
  spec.output_head_bytes = spec.output_tail_bytes = 100'000;
  Deadline deadline = Deadline::In(seconds(120));
  auto r = co_await context.shared->Exec(std::move(spec), deadline);
  if (!r) co_return Broken(r.error().message);
  bool kept = r->output.size() < 250'000 && r->output.ends_with("\nend\n") &&
              r->output.find("bytes left out") != std::string::npos;
  co_return HeldIf(kept && r->output_bytes == bytes + 5,
                   std::to_string(r->output_bytes) + " bytes written, " +
                       std::to_string(r->output.size()) + " kept, " + Ended(*r));
}

Task<CaseResult> PastTheDeadline(Context& context) {
  auto r =
      co_await Shell(*context.shared,
                     "trap '' ALRM TERM XCPU; setsid sleep 60 & while :; do :; done", Millis(800));
  bool alive = co_await Alive(*context.shared);
  co_return HeldIf(r.end == ExecEnd::kTimeLimit && r.wall < seconds(4) && alive, Ended(r));
}

// A program that starts itself anew to live on when its time is over.
Task<CaseResult> Relaunches(Context& context) {
  SandboxSpec spec = context.MakeSpec("p10");
  auto body = [](Sandbox& box) -> Task<CaseResult> {
    auto r = co_await Shell(
        box,
        "cat > /home/code/again.sh <<'E'\nsleep 0.3\necho x >> /home/code/log\nsetsid sh "
        "/home/code/again.sh </dev/null >/dev/null 2>&1 &\nE\n"
        "setsid sh /home/code/again.sh </dev/null >/dev/null 2>&1 & sleep 1.2; exit 0");
    auto count = "wc -l < /home/code/log 2>/dev/null || echo 0";
    auto before = co_await Shell(box, count);
    Deadline pause = Deadline::In(Millis(1500));
    co_await SleepUntil(pause);
    auto after = co_await Shell(box, count);
    co_return HeldIf(before.output == after.output,
                     "after its end " + std::string(Trim(before.output)) + " lines, later " +
                         std::string(Trim(after.output)));
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> SpinsEverywhere(Context& context) {
  SandboxSpec spec = context.MakeSpec("p05");
  spec.limits.cpus = 0.1;
  auto body = [](Sandbox& box) -> Task<CaseResult> {
    if (Unlimited(box, "cpu")) co_return NotLimited("CPU time");
    auto before = box.ReadUsage();
    auto r = co_await Shell(box,
                            "nice -n -10 true 2>/dev/null; for i in 1 2 3 4; do sh -c 'while :; do "
                            ":; done' & done; wait",
                            Millis(3000));
    auto after = box.ReadUsage();
    if (!before || !after) co_return Broken("no usage");
    auto used = (after->cpu - before->cpu).count();
    if (used == 0) co_return Skipped("this host counts no CPU time of a group");
    co_return HeldIf(used < 700, std::to_string(used) + " ms of CPU in 3 s at a tenth of a core");
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> BadCommands(Context& context) {
  ExecSpec huge;
  huge.argv = {"/bin/echo", std::string(3 << 20, 'x')};
  Deadline deadline = Deadline::In(seconds(20));
  auto big = co_await context.shared->Exec(std::move(huge), deadline);
  auto script = co_await Shell(*context.shared,
                               "printf 'echo plain' > /home/agent/s; chmod +x /home/agent/s");
  ExecSpec no_shebang;
  no_shebang.argv = {"/home/agent/s"};
  Deadline second = Deadline::In(seconds(20));
  auto plain = co_await context.shared->Exec(std::move(no_shebang), second);
  bool alive = co_await Alive(*context.shared);
  co_return HeldIf(big && plain && big->exit_code == 126 && alive,
                   "a command line too long: exit " + std::to_string(big ? big->exit_code : -1));
}

Task<CaseResult> SharedMemoryBomb(Context& context) {
  SandboxSpec spec = context.MakeSpec("p04c");
  auto body = [](Sandbox& box) -> Task<CaseResult> {
    auto shm = co_await Shell(
        box, "head -c 20000000000 /dev/zero > /dev/shm/x; s=$?; stat -c %s /dev/shm/x; exit $s");
    bool held = shm.end == ExecEnd::kMemoryLimit || shm.exit_code != 0;
    auto clean = co_await Shell(box, "rm -f /dev/shm/x");
    auto tmp = co_await Shell(
        box, "head -c 20000000000 /dev/zero > /tmp/x; s=$?; stat -c %s /tmp/x; exit $s");
    held = held && (tmp.end == ExecEnd::kMemoryLimit || tmp.exit_code != 0);
    co_return HeldIf(held, "/dev/shm " + Ended(shm) + "; /tmp " + Ended(tmp));
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

// Sizes of the two memory file systems, as the specification gives them.
Task<CaseResult> MemoryFileSystems(Context& context) {
  auto r = co_await Shell(*context.shared, "df -B1 --output=size /dev/shm /tmp | tail -n 2");
  auto lines = Split(r.output, '\n');
  if (lines.size() < 2) co_return Broken(r.output);
  std::string shm(Trim(lines[0])), tmp(Trim(lines[1]));
  const Limits& l = context.spec.limits;
  co_return HeldIf(shm == std::to_string(l.shm_bytes) && tmp == std::to_string(l.tmp_bytes),
                   "/dev/shm " + shm + " bytes, /tmp " + tmp + " bytes");
}

Task<CaseResult> PageCache(Context& context) {
  if (context.backend_name == "runsc")
    co_return Skipped("gVisor's own page cache is memory of the sandbox and stays until it ends");
  SandboxSpec spec = context.MakeSpec("p04d");
  auto body = [](Sandbox& box) -> Task<CaseResult> {
    if (Unlimited(box, "memory")) co_return NotLimited("memory");
    if (EnforcedBy(box, "disk").find("tmpfs") != std::string::npos)
      co_return Skipped("the disk is a tmpfs: its pages are memory in use and stay");
    auto r = co_await Shell(box,
                            "head -c 300000000 /dev/zero > /home/code/a && for i in 1 2 3; do cat "
                            "/home/code/a > /dev/null; done; echo on",
                            Millis(60'000));
    auto usage = box.ReadUsage();
    co_return HeldIf(
        r.end == ExecEnd::kExited && usage && usage->oom_kills == 0,
        "300 MB of file pages in 256 MiB are given back, nobody is killed: " + Ended(r));
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> Inodes(Context& context) {
  SandboxSpec spec = context.MakeSpec("p12");
  auto body = [](Sandbox& box) -> Task<CaseResult> {
    auto r = co_await Shell(box,
                            "cd /home/code; i=0; while [ $i -lt 6000 ]; do : > f$i || { echo made "
                            "$i; exit 1; }; i=$((i+1)); done");
    co_return HeldIf(r.end == ExecEnd::kDiskLimit, Ended(r));
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> FillsDisk(Context& context) {
  SandboxSpec spec = context.MakeSpec("p11");
  spec.limits.disk_bytes = 96 << 20;
  auto body = [](Sandbox& box) -> Task<CaseResult> {
    const char* const ways[] = {
        "head -c 2000000000 /dev/zero > /home/code/one",
        "i=0; while head -c 1000000 /dev/zero > /home/code/m$i; do i=$((i+1)); [ $i -lt 2000 ] || "
        "exit 0; done; exit 1",
        "exec 3> /home/code/gone; rm /home/code/gone; head -c 2000000000 /dev/zero >&3",
        "fallocate -l 2000000000 /home/code/far"};
    std::string detail;
    for (const char* way : ways) {
      auto r = co_await Shell(box, way, Millis(60'000));
      auto clean = co_await Shell(box, "rm -rf /home/code/*");
      if (r.exit_code == 0) co_return Broken(std::string("not stopped: ") + way);
      detail += std::string(detail.empty() ? "" : ", ") + std::string(ExecEndText(r.end));
    }
    co_return Held("one file, many, deleted but open, fallocate: " + detail);
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Case Own(std::string_view id, std::string_view title, std::string_view expects, auto function,
         bool first_release = true) {
  return {id, title, expects, first_release, function};
}

Case FromProbe(std::string_view id, std::string_view title, std::string_view expects) {
  return {id, title, expects, false, [id](Context& c) {
            return Probe(*c.shared, {std::string(id), c.backend_name});
          }};
}

}  // namespace

std::vector<Case> ProcessCases() {
  using enum ExecEnd;
  return {Own("P01", "kill PID 1 and everybody", "NOEFFECT", KillEverybody),
          Own("P02", "look into and trace PID 1", "BLOCK", LooksIntoInit),
          Own("P03", "fork bomb", "LIMIT", ForkBomb),
          Own("P04", "memory bomb on the heap", "LIMIT",
              [](Context& c) { return MemoryBomb(c, "p04", kHeap); }),
          Own("P04b", "memory bomb in a memfd", "LIMIT",
              [](Context& c) { return MemoryBomb(c, "p04b", kMemfd); }),
          Own("P04c", "memory bomb in /dev/shm and /tmp", "LIMIT", SharedMemoryBomb),
          Own("P04d", "page cache beyond the limit", "LIMIT", PageCache),
          Own("P04e", "sizes of /dev/shm and /tmp", "LIMIT", MemoryFileSystems),
          Own("P05", "spin on every core", "LIMIT", SpinsEverywhere, false),
          Own("P06", "200 processes that ignore signals, stopped, in sessions of their own",
              "LIMIT", Stubborn),
          Own("P07", "a grandchild keeps the output open", "LIMIT", HoldsOutput),
          Own("P08", "10 GB of output without a newline", "LIMIT", Floods),
          Own("P09", "run past the deadline", "LIMIT", PastTheDeadline),
          Own("P10", "start itself anew to outlive its end", "NOEFFECT", Relaunches),
          Own("P11", "fill the disk in four ways", "LIMIT", FillsDisk),
          Own("P12", "use up the inodes", "LIMIT", Inodes, false),
          FromProbe("P13", "use up descriptors, pipes, watches, queues, locks", "LIMIT"),
          Own("P14", "commands that cannot be run", "NOEFFECT", BadCommands, false),
          FromProbe("P15", "raise hard limits", "BLOCK")};
}

}  // namespace podium::sandbox::escape
