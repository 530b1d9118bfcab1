#include "sandbox/sandbox.h"

#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "sandbox/backends/engine/engine_backend.h"
#include "sandbox/host/rootless.h"
#include "sandbox/backends/local/local_backend.h"
#include "sandbox/backends/oci/oci_backend.h"

namespace podium::sandbox {

std::string_view ExecEndText(ExecEnd end) {
  switch (end) {
    case ExecEnd::kExited:
      return "exited";
    case ExecEnd::kSignalled:
      return "signalled";
    case ExecEnd::kTimeLimit:
      return "time_limit";
    case ExecEnd::kMemoryLimit:
      return "memory_limit";
    case ExecEnd::kPidLimit:
      return "pid_limit";
    case ExecEnd::kDiskLimit:
      return "disk_limit";
    case ExecEnd::kInitGone:
      return "init_gone";
  }
  return "exited";
}

bool CausedByAgent(const Error& error) {
  return std::ranges::find(error.context, kAgentsFault) != error.context.end();
}

std::vector<std::string> BackendNames() {
  return {"runc", "crun", "runsc", "docker", "podman", "unsafe-local"};
}

Result<std::unique_ptr<Backend>> MakeBackend(const std::string& name, Reactor& reactor) {
  auto names = BackendNames();
  if (std::ranges::find(names, name) == names.end())
    return Fail(ErrorCode::kConfig, "there is no sandbox backend '" + name + "'." +
                                        Suggest(name, names) + " There are " + Join(names, ", "));
  if ((::geteuid() != 0 || IsRootless()) && name != "runc")
    return Fail(ErrorCode::kUnavailable,
                "without root Podium's sandboxes run on runc alone: run '" + name +
                    "' as root or with sudo");
  for (const auto& check : CheckHost()) {
    bool needed = check.required && (name == "runc" || check.name != "runc");
    if (needed && !check.ok)
      return Fail(ErrorCode::kUnavailable, check.name + ": " + check.found + ". " + check.advice +
                                               " (`podium doctor` shows all checks)");
  }
  if (name == "docker" || name == "podman") return MakeEngineBackend(name, reactor);
  if (name == "unsafe-local") return MakeLocalBackend(reactor);
  return MakeOciBackend(name, reactor);
}

}  // namespace podium::sandbox
