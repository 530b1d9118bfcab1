// Group U: devices that a sandbox is given, with a harmless device of this host in a GPU's place.

#include <fcntl.h>
#include <sys/stat.h>

#include "base/unique_fd.h"
#include "sandbox/escape/device_group.h"
#include "sandbox/escape/groups.h"

namespace podium::sandbox::escape {
namespace {

namespace fs = std::filesystem;

// A device of this host that any user may open and that no sandbox has by itself; opening it does
// nothing. Empty when there is none.
fs::path HarmlessDevice() {
  for (const char* path : {"/dev/fuse", "/dev/autofs", "/dev/net/tun", "/dev/vhost-net"}) {
    struct stat st {};
    if (::stat(path, &st) != 0 || !S_ISCHR(st.st_mode) || (st.st_mode & S_IROTH) == 0) continue;
    if (UniqueFd(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))) return path;
  }
  return {};
}

Task<CaseResult> U01(Context& ctx) {
  if (ctx.backend_name == "runsc") co_return Skipped("gVisor passes no devices on but GPUs");
  fs::path given = HarmlessDevice();
  if (given.empty()) co_return Skipped("this host has no device to stand in for a GPU");
  auto spec = ctx.MakeSpec("u01");
  spec.devices.push_back(given);
  BoxBody body = [&](Sandbox& box) -> Task<CaseResult> {
    std::vector<std::string> args = {given.string(), "/dev/loop-control"};
    auto nodes = co_await ProbeIn(ctx, box, "U01", args);
    auto group = co_await DeviceGroupHolds(ctx, box);
    co_return Both(nodes, group);
  };
  co_return co_await InOwnBox(ctx, std::move(spec), body);
}

}  // namespace

std::vector<Case> GpuCases() {
  return {{"U01", "device nodes that were not given", "BLOCK", false, U01}};
}

}  // namespace podium::sandbox::escape
