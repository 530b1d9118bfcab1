#pragma once

#include <memory>

#include "tests/support/engine_daemon.h"

namespace podium::tests {

// A dockerd without network; DOCKER_HOST points to it.
class DockerDaemon final : public EngineDaemon {
 public:
  // kUnavailable where dockerd is not installed or does not come up.
  [[nodiscard]] static Result<std::unique_ptr<DockerDaemon>> Start();

 private:
  explicit DockerDaemon(TempDir temp) : EngineDaemon(std::move(temp), "DOCKER_HOST") {}
};

}  // namespace podium::tests
