#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "base/files.h"
#include "base/result.h"

namespace podium::tests {

// A dockerd of the test's own, with its own folders and socket and no network, stopped and removed
// at the end. DOCKER_HOST points to it meanwhile.
class DockerDaemon {
 public:
  // kUnavailable where dockerd is not installed or does not come up within half a minute.
  [[nodiscard]] static Result<std::unique_ptr<DockerDaemon>> Start();
  ~DockerDaemon();
  DockerDaemon(const DockerDaemon&) = delete;
  DockerDaemon& operator=(const DockerDaemon&) = delete;

 private:
  explicit DockerDaemon(TempDir temp) : temp_(std::move(temp)) {}
  TempDir temp_;
  pid_t pid_ = -1;
};

}  // namespace podium::tests
