// S: what a submission's file may be, and what of it may be read.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/escape/groups.h"
#include "sandbox/escape/shell.h"

namespace podium::sandbox::escape {
namespace {

constexpr const char* kSubmission = "/home/submission/submission.csv";
constexpr std::uint64_t kMaxBytes = 1 << 20;

struct Taken {
  TakenFile file;
  std::string bytes;
  Millis wall{0};
};

Task<Taken> Take(Context& context, Sandbox& box) {
  std::filesystem::path to = context.scratch / "taken.csv";
  std::error_code ec;
  std::filesystem::remove(to, ec);
  auto started = SteadyNow();
  Deadline deadline = Deadline::In(std::chrono::seconds(20));
  auto taken = co_await box.TakeFile(kSubmission, to, kMaxBytes, deadline);
  Taken out;
  out.wall = Since(started);
  if (taken) {
    out.file = *taken;
  } else {
    out.file.fault = TakeFault::kUnreadable;
    out.file.detail = taken.error().message;
  }
  out.bytes = ReadFile(to, 64 << 20).value_or("");
  co_return out;
}

// Prepares with a script in a fresh folder of the shared sandbox, takes the submission, and expects
// one of the faults with nothing copied.
Task<CaseResult> Refused(Context& context, std::string script, std::vector<TakeFault> faults) {
  auto made = co_await Shell(*context.shared, "cd /home; rm -rf submission/* code/*; " + script);
  if (made.exit_code != 0) co_return Broken("could not be set up: " + made.output);
  Taken taken = co_await Take(context, *context.shared);
  auto cleaned =
      co_await Shell(*context.shared, "cd /home; rm -rf submission; mkdir -p submission || true");
  bool right = std::ranges::find(faults, taken.file.fault) != faults.end();
  std::string detail = "refused as " + std::string(TakeFaultText(taken.file.fault)) + " in " +
                       std::to_string(taken.wall.count()) + " ms";
  if (!right || !taken.bytes.empty())
    co_return Broken(taken.file.fault == TakeFault::kNone
                         ? "taken: " + std::to_string(taken.bytes.size()) + " bytes"
                         : detail);
  co_return Held(detail);
}

Case Trap(std::string_view id, std::string_view title, const std::string& script,
          const std::vector<TakeFault>& faults, bool first_release = true) {
  return {id, title, "INVALID", first_release,
          [script, faults](Context& c) { return Refused(c, script, faults); }};
}

// A process exchanges a regular file and a link for as long as the host collects.
Task<CaseResult> ExchangeRace(Context& context) {
  SandboxSpec spec = context.MakeSpec("s08");
  auto body = [&context](Sandbox& box) -> Task<CaseResult> {
    ExecSpec swap;
    swap.argv = {"sh", "-c",
                 "cd /home/submission; echo mine > a; ln -s /etc/hostname b; cp a submission.csv; "
                 "exec python3 -c \"\nimport ctypes, time\nlibc = ctypes.CDLL(None)\n"
                 "end = time.time() + 2.5\nn = 0\nwhile time.time() < end:\n"
                 "  for _ in range(100): libc.renameat2(-100, b'submission.csv', -100, b'b', 2)\n"
                 "  n += 100\nprint(n)\""};
    std::vector<Taken> seen;
    bool done = false;
    auto racing = [&]() -> Task<void> {
      Deadline deadline = Deadline::In(std::chrono::seconds(15));
      auto r = co_await box.Exec(swap, deadline);
      done = true;
    };
    std::size_t foreign = 0, takes = 0;
    boost::asio::co_spawn(co_await boost::asio::this_coro::executor, racing(),
                          boost::asio::detached);
    while (!done) {
      Taken taken = co_await Take(context, box);
      ++takes;
      if (taken.file.fault == TakeFault::kNone && taken.bytes != "mine\n") ++foreign;
    }
    co_return HeldIf(foreign == 0, std::to_string(takes) + " takes during exchanges, " +
                                       std::to_string(foreign) + " with another's bytes");
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

// After the seal nothing runs, so what is hashed is what is there.
Task<CaseResult> ChangedWhileCopied(Context& context) {
  SandboxSpec spec = context.MakeSpec("s09");
  auto body = [&context](Sandbox& box) -> Task<CaseResult> {
    bool done = false;
    auto writing = [&]() -> Task<void> {
      auto r = co_await Shell(box,
                              "i=0; while :; do i=$((i+1)); echo $i > "
                              "/home/submission/submission.csv; done",
                              Millis(20'000));
      done = true;
    };
    boost::asio::co_spawn(co_await boost::asio::this_coro::executor, writing(),
                          boost::asio::detached);
    Deadline soon = Deadline::In(Millis(700));
    co_await SleepUntil(soon);
    Deadline deadline = Deadline::In(std::chrono::seconds(20));
    auto sealed = co_await box.Seal(deadline);
    if (!sealed) co_return Broken("not sealed: " + sealed.error().message);
    Taken first = co_await Take(context, box);
    Deadline pause = Deadline::In(Millis(200));
    co_await SleepUntil(pause);
    Taken second = co_await Take(context, box);
    for (int i = 0; i < 200 && !done; ++i) {
      Deadline step = Deadline::In(Millis(50));
      co_await SleepUntil(step);
    }
    bool same = first.bytes == second.bytes && first.file.digest == second.file.digest;
    bool there =
        first.file.fault == TakeFault::kEmpty ||  // caught between opening and writing
        (first.file.fault == TakeFault::kNone && first.file.digest == Digest::Of(first.bytes));
    co_return HeldIf(same && there && done, "written until the seal; two takes after it " +
                                                std::string(same ? "agree" : "differ"));
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> LargerThanQuota(Context& context) {
  SandboxSpec spec = context.MakeSpec("s11");
  spec.limits.disk_bytes = 48 << 20;
  auto body = [](Sandbox& box) -> Task<CaseResult> {
    auto full =
        co_await Shell(box, "head -c 200000000 /dev/zero > /home/submission/submission.csv");
    auto after = co_await Shell(
        box, "rm /home/submission/submission.csv; echo on > /home/code/f; cat /home/code/f");
    co_return HeldIf(full.end == ExecEnd::kDiskLimit && after.output == "on\n",
                     "ended as " + std::string(ExecEndText(full.end)) + ", and the run goes on");
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

// A file that costs its sandbox one block, and its taker all of its bytes.
Task<CaseResult> FileOfHoles(Context& context) {
  SandboxSpec spec = context.MakeSpec("s24");
  spec.limits.disk_bytes = 64 << 20;
  auto body = [&context](Sandbox& box) -> Task<CaseResult> {
    auto made =
        co_await Shell(box,
                       "printf 'id,y\\n' > /home/submission/submission.csv; truncate -s 96M "
                       "/home/submission/submission.csv; wc -c < /home/submission/submission.csv");
    if (made.output != "100663296\n") co_return Broken("control: " + made.output);
    std::filesystem::path to = context.scratch / "holes.csv";
    Deadline deadline = Deadline::In(std::chrono::seconds(30));
    std::string from = "/home/submission/submission.csv";
    auto taken = co_await box.TakeFile(from, to, std::uint64_t{1} << 30, deadline);
    if (!taken) co_return Broken(taken.error().message);
    struct stat st {};
    auto bytes = ::stat(to.c_str(), &st) == 0 ? static_cast<std::uint64_t>(st.st_blocks) * 512 : 0;
    std::error_code ec;
    std::filesystem::remove(to, ec);
    co_return HeldIf(taken->fault != TakeFault::kNone && bytes == 0,
                     std::string(TakeFaultText(taken->fault)) + ", " + FormatBytes(bytes) +
                         " of the host's disk");
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> WrittenAfterTheDeadline(Context& context) {
  SandboxSpec spec = context.MakeSpec("s21");
  auto body = [&context](Sandbox& box) -> Task<CaseResult> {
    auto late = co_await Shell(box,
                               "echo early > /home/submission/submission.csv; (setsid sh -c 'sleep "
                               "2; echo late > /home/submission/submission.csv' &) ; sleep 30",
                               Millis(700));
    Deadline deadline = Deadline::In(std::chrono::seconds(20));
    auto sealed = co_await box.Seal(deadline);
    Deadline pause = Deadline::In(Millis(2500));
    co_await SleepUntil(pause);
    Taken taken = co_await Take(context, box);
    co_return HeldIf(sealed && late.end == ExecEnd::kTimeLimit && taken.bytes == "early\n",
                     "ended as " + std::string(ExecEndText(late.end)) +
                         ", taken: " + std::string(Trim(taken.bytes)));
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> SpecialBits(Context& context) {
  SandboxSpec spec = context.MakeSpec("s22");
  auto body = [&context](Sandbox& box) -> Task<CaseResult> {
    auto made = co_await Shell(box,
                               "cd /home/submission; echo x > submission.csv; chmod 6777 "
                               "submission.csv; mkdir -m 0 locked");
    Taken taken = co_await Take(context, box);
    struct stat st {};
    int rc = ::stat((context.scratch / "taken.csv").c_str(), &st);
    bool plain = rc == 0 && (st.st_mode & 07777) == 0644 && st.st_uid == ::getuid();
    co_return HeldIf(plain, "taken as mode " + std::to_string((st.st_mode >> 6) & 7) +
                                std::to_string((st.st_mode >> 3) & 7) +
                                std::to_string(st.st_mode & 7) + " of our own user");
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> DeepAndMany(Context& context) {
  SandboxSpec spec = context.MakeSpec("s23");
  spec.limits.inodes = 3000;
  auto body = [](Sandbox& box) -> Task<CaseResult> {
    auto deep = co_await Shell(box,
                               "cd /home/code; i=0; while [ $i -lt 900 ]; do mkdir d && cd d || "
                               "exit 1; i=$((i+1)); done");
    auto many = co_await Shell(
        box, "cd /home/code; i=0; while [ $i -lt 6000 ]; do : > f$i || exit 1; i=$((i+1)); done");
    co_return HeldIf(many.end == ExecEnd::kDiskLimit,
                     "900 folders deep; files ended as " + std::string(ExecEndText(many.end)));
  };
  co_return co_await InOwnBox(context, std::move(spec), body);
}

}  // namespace

std::vector<Case> HandoverCases() {
  using enum TakeFault;
  // gVisor keeps FIFOs and sockets to itself: on the host they are missing.
  return {
      Trap("S01", "submission is a link to /etc/shadow",
           "ln -s /etc/shadow submission/submission.csv", {kSymlink}),
      Trap("S02", "submission is a link to an absolute path of the host",
           "ln -s /var/lib/podium/canary submission/submission.csv", {kSymlink}),
      Trap("S03", "the submission's folder is a link",
           "mkdir code/real; echo x > code/real/submission.csv; "
           "{ rmdir submission && ln -s /home/code/real submission; } 2>/dev/null || true",
           {kSymlink, kMissing}),
      Trap("S04", "submission is a link to /proc/self/environ",
           "ln -s /proc/self/environ submission/submission.csv", {kSymlink}),
      Trap("S05", "submission is a FIFO", "mkfifo submission/submission.csv",
           {kNotRegular, kMissing}),
      Trap("S06", "submission is a folder", "mkdir submission/submission.csv", {kNotRegular}),
      Trap("S06b", "submission is a socket",
           "python3 -c \"import socket; "
           "socket.socket(socket.AF_UNIX).bind('/home/submission/submission.csv')\"",
           {kNotRegular, kUnreadable, kMissing}),
      Trap("S06c", "submission is empty", ": > submission/submission.csv", {kEmpty}),
      Trap("S07", "submission has a second name",
           "echo x > code/x; ln code/x submission/submission.csv", {kHardLink}, false),
      {"S08", "file and link change places during collection", "INVALID", true, ExchangeRace},
      {"S09", "file is written while it is copied", "INVALID", true, ChangedWhileCopied},
      Trap("S10", "submission is a sparse file of 8 TiB",
           "truncate -s 8T submission/submission.csv", {kTooLarge}),
      {"S11", "submission larger than the disk", "LIMIT", false, LargerThanQuota},
      {"S21", "submission written after the deadline", "NOEFFECT", true, WrittenAfterTheDeadline},
      {"S22", "set-user-id bits and locked folders", "NOEFFECT", false, SpecialBits},
      {"S23", "deep folders and many files", "LIMIT", false, DeepAndMany},
      {"S24", "submission is a file of holes", "INVALID", false, FileOfHoles}};
}

}  // namespace podium::sandbox::escape
