#include "tests/support/docker_daemon.h"

#include "base/process.h"

namespace podium::tests {

Result<std::unique_ptr<DockerDaemon>> DockerDaemon::Start() {
  auto program = FindProgram("dockerd");
  if (program.empty()) return Fail(ErrorCode::kUnavailable, "dockerd is not installed");
  PODIUM_ASSIGN(auto temp, TempDir::Make("podium-dockerd"));
  std::unique_ptr<DockerDaemon> out(new DockerDaemon(std::move(temp)));
  const auto& dir = out->dir();
  PODIUM_TRY(
      out->Run({program.string(), "--bridge=none", "--iptables=false", "--ip6tables=false",
                "--data-root", (dir / "data").string(), "--exec-root", (dir / "exec").string(),
                "--pidfile", (dir / "pid").string(), "-H", "unix://" + out->socket().string()}));
  return out;
}

}  // namespace podium::tests
