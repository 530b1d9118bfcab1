// Group C: channels between two sandboxes, at once or one after another.

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/random.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/async/race.h"
#include "base/files.h"
#include "base/text.h"
#include "sandbox/escape/groups.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox::escape {
namespace {

namespace fs = std::filesystem;

// A SysV shared memory segment of the host, for as long as this lives.
class HostSegment {
 public:
  HostSegment() {
    unsigned random = 0;
    while (id_ < 0) {
      if (::getrandom(&random, sizeof random, 0) != sizeof random) return;
      key_ = static_cast<key_t>(random & 0x3fffffff) + 1;
      id_ = ::shmget(key_, 4096, IPC_CREAT | IPC_EXCL | 0666);
      if (id_ < 0 && errno != EEXIST) return;
    }
  }
  ~HostSegment() {
    if (id_ >= 0) ::shmctl(id_, IPC_RMID, nullptr);
  }
  HostSegment(const HostSegment&) = delete;
  HostSegment& operator=(const HostSegment&) = delete;
  [[nodiscard]] bool made() const { return id_ >= 0; }
  [[nodiscard]] std::string key() const { return std::to_string(key_); }

 private:
  int id_ = -1;
  key_t key_ = 0;
};

Task<CaseResult> C01(Context& ctx) {
  HostSegment segment;
  if (!segment.made()) co_return Skipped("this host gives no SysV shared memory");
  // First the host's segment, then everything of another sandbox under the same key.
  std::vector<std::string> look = {"look", segment.key(), RandomName()};
  std::vector<std::string> leave = look;
  leave[0] = "leave";
  auto of_host = co_await ProbeShared(ctx, "C01", look);
  BoxBody body = [&](Sandbox& first) -> Task<CaseResult> {
    auto left = co_await ProbeIn(ctx, first, "C01", leave);
    auto own = co_await ProbeIn(ctx, first, "C01", look);
    if (own.outcome != Outcome::kBroken)
      co_return Both(left, Broken("control: a sandbox does not see its own IPC"));
    auto seen = co_await ProbeShared(ctx, "C01", look);
    co_return Both(left, seen);
  };
  auto spec = ctx.MakeSpec("c01");
  auto of_other = co_await InOwnBox(ctx, std::move(spec), body);
  co_return Both(of_host, of_other);
}

// What is left in a sandbox is not in the next, and its memory file systems have their sizes.
Task<CaseResult> C02(Context& ctx) {
  std::string name = RandomName();
  std::vector<std::string> leave = {"leave", name}, look = {"look", name};
  std::vector<std::string> sizes = {std::to_string(ctx.spec.limits.shm_bytes),
                                    std::to_string(ctx.spec.limits.tmp_bytes)};
  BoxBody first = [&](Sandbox& box) -> Task<CaseResult> {
    co_return co_await ProbeIn(ctx, box, "F18", leave);
  };
  BoxBody second = [&](Sandbox& box) -> Task<CaseResult> {
    auto seen = co_await ProbeIn(ctx, box, "F18", look);
    auto sized = co_await ProbeIn(ctx, box, "sizes", sizes);
    co_return Both(seen, sized);
  };
  auto spec = ctx.MakeSpec("c02a");
  auto left = co_await InOwnBox(ctx, std::move(spec), first);
  auto next = ctx.MakeSpec("c02b");
  auto seen = co_await InOwnBox(ctx, std::move(next), second);
  co_return Both(left, seen);
}

// The line "user N" of a probe's output.
std::string UserLine(const std::string& detail) {
  std::size_t at = detail.find("user ");
  return at == std::string::npos ? "" : detail.substr(at, detail.find('\n', at) - at);
}

Task<CaseResult> C03(Context& ctx) {
  BoxBody body = [&ctx](Sandbox& other) -> Task<CaseResult> {
    // Rootless, what the sandbox is told are numbers of our own namespace: 0 is the user, and the
    // host's are 65,536 others.
    std::vector<std::string> args;
    if (IsRootless()) args = {"1024"};
    auto a = co_await ProbeShared(ctx, "C03", args);
    auto b = co_await ProbeIn(ctx, other, "C03", args);
    std::string user = UserLine(a.detail);
    if (!user.empty() && user == UserLine(b.detail))
      co_return Both(a, Broken("two sandboxes are one user of the host"));
    co_return Both(a, b);
  };
  auto spec = ctx.MakeSpec("c03");
  co_return co_await InOwnBox(ctx, std::move(spec), body);
}

constexpr int kHoldMs = 2500, kLookMs = 1200;

// "FROM TO" on a line of a probe's output, in milliseconds.
std::pair<long long, long long> Span(const std::string& detail) {
  long long from = 0, to = 0;
  for (std::size_t at = 0; at < detail.size();) {
    std::size_t end = std::min(detail.find('\n', at), detail.size());
    if (std::sscanf(detail.substr(at, end - at).c_str(), "%lld %lld", &from, &to) == 2)
      return {from, to};
    at = end + 1;
  }
  return {0, 0};
}

Task<CaseResult> LookLater(Context& ctx, Sandbox& box, std::vector<std::string> args) {
  Deadline later = Deadline::In(Millis(700));
  co_await SleepUntil(later);
  co_return co_await ProbeIn(ctx, box, "C04", std::move(args));
}

// One holds locks of every kind on a file of the data and watches it; the other asks for them.
Task<CaseResult> HoldAndLook(Context& ctx, Sandbox& holder, Sandbox& looker, std::string dir) {
  std::vector<std::string> warm = {"look", dir, "1"};
  auto ready = co_await ProbeIn(ctx, looker, "C04", warm);
  if (ready.outcome != Outcome::kHeld) co_return ready;
  auto ready_too = co_await ProbeIn(ctx, holder, "C04", warm);
  if (ready_too.outcome != Outcome::kHeld) co_return ready_too;
  std::vector<std::string> hold = {"hold", dir, std::to_string(kHoldMs)};
  std::vector<std::string> look = {"look", dir, std::to_string(kLookMs)};
  auto [held, seen] =
      co_await Together(ProbeIn(ctx, holder, "C04", hold), LookLater(ctx, looker, look));
  auto a = Span(held.detail), b = Span(seen.detail);
  bool overlap = std::min(a.second, b.second) - std::max(a.first, b.first) > 100;
  if (!overlap && held.outcome == Outcome::kHeld && seen.outcome == Outcome::kHeld)
    co_return Broken("control: the two sandboxes were not at work at the same time");
  co_return Both(held, seen);
}

Task<CaseResult> LocksPass(Context& ctx, std::string dir) {
  BoxBody outer = [&ctx, &dir](Sandbox& holder) -> Task<CaseResult> {
    BoxBody inner = [&ctx, &holder, &dir](Sandbox& looker) -> Task<CaseResult> {
      co_return co_await HoldAndLook(ctx, holder, looker, dir);
    };
    auto second = ctx.MakeSpec("c04b");
    co_return co_await InOwnBox(ctx, std::move(second), inner);
  };
  auto first = ctx.MakeSpec("c04a");
  co_return co_await InOwnBox(ctx, std::move(first), outer);
}

Task<CaseResult> C04(Context& ctx) {
  if (ctx.spec.data.empty()) co_return Skipped("the sandbox has no data");
  co_return co_await LocksPass(ctx, DataInside(ctx));
}

// A read inside moves no time on the host: the data's access times would be a slate.
Task<CaseResult> C06(Context& ctx) {
  fs::path dir = ctx.scratch / "c06-data", file = dir / "train.csv";
  auto made = MakeDirs(dir);
  if (made) made = WriteFileAtomic(file, "a,b\n1,2\n");
  if (!made) co_return Broken(made.error().message);
  // Last read two days before it was last written: relatime would note the next read.
  timespec times[2] = {{1'600'000'000, 0}, {1'600'172'800, 0}};
  struct stat before {};
  struct stat after {};
  if (::utimensat(AT_FDCWD, file.c_str(), times, 0) != 0 || ::stat(file.c_str(), &before) != 0)
    co_return Broken("cannot set times of " + file.string());
  auto spec = ctx.MakeSpec("c06");
  spec.data = {{dir, "/home/data"}};
  BoxBody body = [&ctx](Sandbox& box) -> Task<CaseResult> {
    std::vector<std::string> args = {"/home/data"};
    co_return co_await ProbeIn(ctx, box, "C06", args);
  };
  auto result = co_await InOwnBox(ctx, std::move(spec), body);
  bool same = ::stat(file.c_str(), &after) == 0 && before.st_atim.tv_sec == after.st_atim.tv_sec &&
              before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
              before.st_ctim.tv_nsec == after.st_ctim.tv_nsec;
  if (!same) result = Both(result, Broken("a read inside moved the file's times on the host"));
  auto removed = RemoveTree(dir);
  if (!removed) co_return Both(result, Broken(removed.error().message));
  co_return result;
}

// The lines "KEY PATH" of a probe's output by their key.
std::map<std::string, std::string> ByKey(const std::string& detail) {
  std::map<std::string, std::string> out;
  for (auto line : Split(detail, '\n')) {
    std::size_t at = line.find(' ');
    bool key = at != std::string_view::npos && line.find(':') < at;
    if (key) out.emplace(line.substr(0, at), line.substr(at + 1));
  }
  return out;
}

// Whether it is the engine's, which shows files of the host's (/etc/hosts, our sockets) to its
// containers; what is in /dev and /proc is not excused but the time namespace, which no engine
// makes, and Docker's user namespace, which is the daemon's (docs/threat-model.md says both).
bool EnginesOwn(const Context& ctx, const std::string& path) {
  bool engine = ctx.backend_name == "docker" || ctx.backend_name == "podman";
  if (path == "/proc/self/ns/time") return engine;
  if (path == "/proc/self/ns/user") return ctx.backend_name == "docker";
  return engine && !path.starts_with("/dev") && !path.starts_with("/proc");
}

// What a probe lists in two sandboxes at once must have nothing in common.
Task<CaseResult> NothingInCommon(Context& ctx, std::string probe, std::string what) {
  if (ctx.backend_name == "runsc")
    co_return Skipped("gVisor's inodes are its own kernel's, one a sandbox");
  BoxBody body = [&](Sandbox& other) -> Task<CaseResult> {
    auto a = co_await ProbeShared(ctx, probe);
    auto b = co_await ProbeIn(ctx, other, probe);
    auto ours = ByKey(a.detail), theirs = ByKey(b.detail);
    std::string common;
    for (const auto& [key, path] : ours) {
      bool rootless = IsRootless() && path.starts_with("/dev/");  // no node can be made
      if (theirs.contains(key) && !EnginesOwn(ctx, path) && !rootless)
        common += path + " (" + key + ") ";
    }
    if (ours.empty() || theirs.empty()) co_return Broken("control: nothing was listed");
    if (!common.empty()) co_return Broken("two sandboxes share " + common);
    co_return Held(std::to_string(ours.size()) + " " + what + ", none shared");
  };
  auto spec = ctx.MakeSpec("c09");
  co_return co_await InOwnBox(ctx, std::move(spec), body);
}

Task<CaseResult> C08(Context& ctx) {
  std::vector<std::string> args;
  if (auto id = ReadFile("/etc/machine-id", 256); id && id->size() >= 32)
    args.push_back(id->substr(0, 32));
  co_return co_await ProbeShared(ctx, "C08", args);
}

}  // namespace

std::vector<Case> CovertCases() {
  return {
      {"C01", "shared memory, semaphores, queues", "BLOCK", false, C01},
      {"C02", "leftovers of the sandbox before", "NOEFFECT", true, C02},
      {"C03", "kernel keyrings", "BLOCK", true, C03},
      {"C04", "locks, leases and watches on shared data", "NOEFFECT", true, C04},
      {"C05", "other socket families", "BLOCK", false, JustProbe("C05")},
      {"C06", "access times of shared data", "NOEFFECT", false, C06},
      {"C09", "file systems that two sandboxes have", "NOEFFECT", false,
       [](Context& ctx) { return NothingInCommon(ctx, "C09", "file systems"); }},
      {"C10", "inodes of devices, namespaces and covered files", "NOEFFECT", false,
       [](Context& ctx) { return NothingInCommon(ctx, "C10", "inodes"); }},
      {"C11", "locks, leases and watches on the image's files", "NOEFFECT", false,
       [](Context& ctx) { return LocksPass(ctx, "/usr/bin"); }},
      {"C08", "names by which a host is recognised", "NOEFFECT", false, C08},
  };
}

}  // namespace podium::sandbox::escape
