#include "sandbox/backends/oci/removal.h"

#include <string>
#include <system_error>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "sandbox/host/removal.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// What gVisor's runtime and runc keep of a container in their state folders.
Status RemoveRuntimeState(const HostPaths& paths, Deadline deadline) {
  fs::path root = MountsDir() / paths.backend;
  std::error_code ec;
  if (paths.backend == "runsc") {
    ProcessSpec spec;
    spec.argv = {"runsc", "--root", root.string(), "delete", "--force", paths.id};
    auto result = RunProcess(spec, deadline);
    if (result && !result->ok()) LogDebug("runsc delete " + paths.id + ": " + result->err);
    std::vector<fs::path> left;
    for (fs::directory_iterator it(root, ec), end; !ec && it != end; it.increment(ec)) {
      if (it->path().filename().string().find(paths.id) != std::string::npos)
        left.push_back(it->path());
    }
    for (const auto& path : left) PODIUM_TRY(RemoveTree(path));
    return {};
  }
  return RemoveTree(root / paths.id);
}

}  // namespace

Status RemoveOciSandbox(const HostPaths& paths, Deadline deadline) {
  PODIUM_TRY(RemoveCgroups(paths, deadline));
  if (!paths.backend.empty()) PODIUM_TRY(RemoveRuntimeState(paths, deadline));
  return RemoveFiles(paths);
}

}  // namespace podium::sandbox
