#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "sandbox/host/host_paths.h"

namespace podium::sandbox {

// The HTTP API of a container engine (Docker 20.10 or newer, Podman 4 or newer) at a UNIX
// socket. Calls block; every one ends by its deadline.
class EngineApi {
 public:
  explicit EngineApi(std::string socket) : socket_(std::move(socket)) {}

  struct Reply {
    long status = 0;
    std::string body;
    [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
  };
  // `path` begins with '/' and has its query; `body` is JSON or empty. An error means that the
  // engine could not be reached.
  [[nodiscard]] Result<Reply> Call(const std::string& method, const std::string& path,
                                   const std::string& body, Deadline deadline) const;
  // Sends what `read` gives, piece by piece, until it gives nothing.
  [[nodiscard]] Result<Reply> Upload(const std::string& path,
                                     std::function<std::size_t(char*, std::size_t)> read,
                                     Deadline deadline) const;
  // The JSON of a successful answer; otherwise the engine's own message.
  [[nodiscard]] Result<Json> Ask(const std::string& method, const std::string& path,
                                 const Json& body, Deadline deadline) const;

  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
};

// Where "docker" or "podman" listens: DOCKER_HOST or CONTAINER_HOST when it is a unix:// address,
// else the usual place.
[[nodiscard]] std::string EngineSocket(const std::string& engine);

// Removes a sandbox's container, running or not, with all that Podium made for it; whatever is
// already gone is no error. Blocking.
[[nodiscard]] Status RemoveEngineSandbox(const HostPaths& paths, Deadline deadline);

}  // namespace podium::sandbox
