// Group K: the kernel's surface.

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <system_error>

#include "base/digest.h"
#include "base/files.h"
#include "base/process.h"
#include "sandbox/escape/groups.h"
#include "sandbox/host/host_paths.h"

namespace podium::sandbox::escape {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSetuid = "opt/podium-setuid";
constexpr const char* kSetgid = "opt/podium-setgid";
constexpr const char* kWithCaps = "opt/podium-caps";

// An image layer with programs that would give privileges: root's with the set-user-id bit, its
// group's, and one with every file capability.
Status MakePrivilegedLayer(const fs::path& layer) {
  PODIUM_TRY(MakeDirs(layer / "opt"));
  PODIUM_ASSIGN(auto bytes, ReadFile(ProgramDir() / "podium-probe", 64 << 20));
  for (const char* name : {kSetuid, kSetgid, kWithCaps})
    PODIUM_TRY(WriteFileAtomic(layer / name, bytes, 0755));
  ::chmod((layer / kSetuid).c_str(), 04755);
  ::chmod((layer / kSetgid).c_str(), 02755);
  vfs_cap_data caps{};
  caps.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  caps.data[0].permitted = caps.data[1].permitted = ~0u;
  if (::setxattr((layer / kWithCaps).c_str(), "security.capability", &caps, sizeof caps, 0) != 0 &&
      errno != EOPNOTSUPP)
    return FailErrno(ErrorCode::kIo, "cannot set a file capability", errno);
  return {};
}

Task<CaseResult> K05(Context& ctx) {
  auto spec = ctx.MakeSpec("k05");
  std::vector<std::string> programs;
  fs::path layer = ctx.scratch / "k05-layer";
  // An engine keeps every set of layers as an image of its own, which nobody would remove.
  if (!EngineKeepsImages(ctx)) {
    auto made = MakePrivilegedLayer(layer);
    if (!made) co_return Broken(made.error().message);
    spec.layers.insert(spec.layers.begin(), layer);
    for (const char* name : {kSetuid, kSetgid, kWithCaps})
      programs.push_back("/" + std::string(name));
  }
  BoxBody body = [&](Sandbox& box) -> Task<CaseResult> {
    co_return co_await ProbeIn(ctx, box, "K05", programs);
  };
  auto result = co_await InOwnBox(ctx, std::move(spec), body);
  auto removed = RemoveTree(layer);
  if (!removed) co_return Both(result, Broken(removed.error().message));
  co_return result;
}

// What programs of machine learning need of a kernel. A fence that breaks them is no fence to use.
constexpr const char* kOrdinaryWork = R"(
import mmap, multiprocessing, subprocess, threading
from multiprocessing import shared_memory

thread = threading.Thread(target=abs, args=(1,))
thread.start()
thread.join()
for method in ("fork", "spawn", "forkserver"):
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(abs, [-1, 2]) == [1, 2], method
memory = shared_memory.SharedMemory(create=True, size=1 << 20)
memory.buf[0] = 7
memory.close()
memory.unlink()
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.close()
subprocess.run(["true"], check=True)
try:
    import numpy
    assert (numpy.eye(200) @ numpy.eye(200)).trace() == 200.0
except ImportError:
    print("no numpy in this image")
print("threads, three kinds of worker processes, shared memory, executable memory work", end="")
)";

Task<CaseResult> K11(Context& ctx) {
  ExecSpec spec;
  spec.argv = {"python3", "-c", kOrdinaryWork};
  Deadline deadline = Deadline::In(std::chrono::seconds(60));
  auto ran = co_await ctx.shared->Exec(std::move(spec), deadline);
  if (!ran) co_return Broken(ran.error().message);
  if (ran->exit_code == 127) co_return Skipped("no Python in this image");
  if (ran->end == ExecEnd::kExited && ran->exit_code == 0) co_return Held(ran->output);
  co_return Broken("ordinary work fails (" + std::string(ExecEndText(ran->end)) + "):\n" +
                   ran->output);
}

Task<CaseResult> K13(Context& ctx) {
  std::vector<fs::path> programs = {ProgramDir() / "podium-init"};
  fs::path runtime = FindProgram(ctx.backend_name);
  if (!runtime.empty()) programs.push_back(runtime);
  auto digests = [programs] {
    std::string out;
    for (const auto& path : programs) {
      auto digest = DigestFile(path);
      out += digest ? digest->hex() : digest.error().message;
    }
    return out;
  };
  auto before = co_await ctx.reactor.Blocking(digests);
  auto result = co_await ProbeShared(ctx, "K13");
  auto after = co_await ctx.reactor.Blocking(digests);
  if (before != after) co_return Both(result, Broken("a program of the host has changed"));
  co_return result;
}

Task<CaseResult> K14(Context& ctx) {
  auto result = co_await ProbeShared(ctx, "K14");
  // The supervisor must go on as before.
  auto again = co_await ProbeShared(ctx, "K04");
  if (again.outcome != Outcome::kHeld)
    co_return Both(result, Broken("the sandbox does not go on: " + again.detail));
  co_return result;
}

// One hostile image: a layer above the good ones.
struct HostileLayer {
  std::string name;
  std::vector<std::pair<std::string, std::string>> links;  // {path in the layer, target}
};

// `host`: a folder of the host, which does not exist inside. Set-up that follows a link there
// writes to the host.
std::vector<HostileLayer> HostileLayers(const std::string& host) {
  return {
      {"dev", {{"dev", host}}},
      {"proc", {{"proc", host}}},
      {"sys-etc", {{"sys", host}, {"etc", host}}},
      {"tmp", {{"tmp", host}, {"var", "../../../.." + host}}},
      {"init", {{".podium-init", host + "/init"}, {"home", host}}},
      {"shm",
       {{"dev/shm", host}, {"dev/pts", host}, {"dev/mqueue", host}, {"dev/null", host + "/null"}}},
      {"passwd", {{"etc/passwd", host + "/passwd"}, {"etc/mtab", host + "/mtab"}}},
      {"loop", {{"tmp", "/dev"}, {"dev", "/tmp"}, {"proc", "proc"}}},
      {"upwards", {{"tmp", "../../../../../../../.." + host}, {"dev", "/proc/self/cwd"}}},
      {"names", {{std::string(255, 'n'), std::string(255, 't')}, {"opt/\x1b[2J\n", "/"}}},
  };
}

Status MakeLayer(const fs::path& dir, const HostileLayer& layer) {
  PODIUM_TRY(RemoveTree(dir));
  PODIUM_TRY(MakeDirs(dir));
  for (const auto& [path, target] : layer.links) {
    PODIUM_TRY(MakeDirs((dir / path).parent_path()));
    std::error_code ec;
    fs::create_symlink(target, dir / path, ec);
    if (ec) return FailErrno(ErrorCode::kIo, "cannot make the link " + path, ec.value());
  }
  return {};
}

// Makes a sandbox on the image. It may fail with a word on why, or come up and hold.
Task<CaseResult> OnHostileImage(Context& ctx, const fs::path& layer, std::string name) {
  auto spec = ctx.MakeSpec("k15-" + name);
  spec.layers.insert(spec.layers.begin(), layer);
  HostPaths paths = HostPaths::For(spec.state_dir, spec.id);
  Deadline deadline = Deadline::In(std::chrono::seconds(30));
  auto box = co_await ctx.backend.Create(std::move(spec), deadline);
  std::error_code ec;
  if (!box) {
    bool named = !box.error().message.empty() && box.error().code != ErrorCode::kTimeout;
    bool clean = !fs::exists(paths.base, ec) && !fs::exists(paths.record, ec);
    if (!named || !clean)
      co_return Broken(name + (named ? ": something is left behind" : ": not refused in time"));
    co_return Held(name + " refused");
  }
  auto inside = co_await ProbeIn(ctx, **box, "F03");
  Deadline last = Deadline::In(std::chrono::seconds(60));
  auto gone = co_await (*box)->Destroy(last);
  if (!gone) co_return Broken(name + ": " + gone.error().message);
  // A probe that cannot run on such an image has reached nothing.
  if (inside.outcome == Outcome::kBroken && inside.detail.find("got through") != std::string::npos)
    co_return Broken(name + ": " + inside.detail);
  co_return Held(name + " resolved inside");
}

Task<CaseResult> K15(Context& ctx) {
  if (EngineKeepsImages(ctx)) co_return Skipped("each image would stay in the engine's store");
  fs::path target = ctx.scratch / "k15-host", layer = ctx.scratch / "k15-layer";
  auto made = MakeDirs(target / "shm");
  if (made) made = WriteFileAtomic(target / "passwd", "host\n");
  if (!made) co_return Broken(made.error().message);
  auto before = DigestTree(target);
  CaseResult result = Held("");
  std::string said;
  for (const auto& hostile : HostileLayers(fs::absolute(target).string())) {
    auto built = MakeLayer(layer, hostile);
    if (!built) co_return Broken(built.error().message);
    auto one = co_await OnHostileImage(ctx, layer, hostile.name);
    said += (said.empty() ? "" : ", ") + one.detail;
    if (one.outcome == Outcome::kBroken) result.outcome = Outcome::kBroken;
    auto after = DigestTree(target);
    if (!before || !after || *before != *after || !MountsUnder(target).empty()) {
      result.outcome = Outcome::kBroken;
      said += " but touched the host";
    }
  }
  for (const auto& dir : {target, layer}) {
    auto removed = RemoveTree(dir);
    if (!removed) co_return Broken(removed.error().message);
  }
  result.detail = said;
  co_return result;
}

}  // namespace

std::vector<Case> KernelCases() {
  return {
      {"K01", "new namespaces", "BLOCK", true, JustProbe("K01")},
      {"K02", "bpf, perf, io_uring, keys, modules, ...", "BLOCK", true, JustProbe("K02")},
      {"K03", "int 0x80 and x32 calls", "BLOCK", true, JustProbe("K03")},
      {"K04", "numbers newer than the table", "BLOCK", false, JustProbe("K04")},
      {"K05", "set-user-id programs and file capabilities", "NOEFFECT", true, K05},
      {"K06", "capability sets, securebits", "BLOCK", true, JustProbe("K06")},
      {"K07", "TIOCSTI, TIOCLINUX, /dev/tty", "BLOCK", true, JustProbe("K07")},
      {"K08", "personality, modify_ldt", "BLOCK", false, JustProbe("K08")},
      {"K09", "fences of one's own work, others' stay", "NOEFFECT", false, JustProbe("K09")},
      {"K10", "the mount calls by descriptor", "BLOCK", false, JustProbe("K10")},
      {"K11", "threads, worker processes, shared memory work", "NOEFFECT", false, K11},
      {"K12", "oom_score_adj, attributes, names of others", "BLOCK", false, JustProbe("K12")},
      {"K13", "the launcher's program", "BLOCK", true, K13},
      {"K14", "prctl against the supervisor", "NOEFFECT", false, K14},
      {"K15", "hostile root file systems", "BLOCK", true, K15},
  };
}

}  // namespace podium::sandbox::escape
