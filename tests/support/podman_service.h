#pragma once

#include <memory>
#include <set>
#include <string>

#include "tests/support/engine_daemon.h"

namespace podium::tests {

// `podman system service` on runc (Debian's crun does not start on hybrid control groups), with
// configuration, store and locks in a folder of its own; CONTAINER_HOST points to it.
class PodmanService final : public EngineDaemon {
 public:
  // kUnavailable where podman or runc is not installed or the service does not come up.
  [[nodiscard]] static Result<std::unique_ptr<PodmanService>> Start();
  ~PodmanService() override;
  // What removed containers have left: processes beside the service, and control groups. A monitor
  // and its last command may take some seconds to end, and have them.
  [[nodiscard]] std::set<std::string> Left() const;

 private:
  explicit PodmanService(TempDir temp);
  [[nodiscard]] std::set<pid_t> Helpers() const;
  void WaitForHelpers() const;
  std::set<std::filesystem::path> parents_before_;  // control groups of another Podman
};

}  // namespace podium::tests
