#include "tests/support/docker_daemon.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <vector>

#include "base/process.h"
#include "base/text.h"
#include "sandbox/engine/engine_api.h"
#include "sandbox/host/host_paths.h"

namespace podium::tests {

Result<std::unique_ptr<DockerDaemon>> DockerDaemon::Start() {
  auto program = FindProgram("dockerd");
  if (program.empty()) return Fail(ErrorCode::kUnavailable, "dockerd is not installed");
  PODIUM_ASSIGN(auto temp, TempDir::Make("podium-dockerd"));
  std::unique_ptr<DockerDaemon> out(new DockerDaemon(std::move(temp)));
  const auto& dir = out->temp_.path();
  std::string socket = (dir / "socket").string();
  std::vector<std::string> args = {program.string(),
                                   "--bridge=none",
                                   "--iptables=false",
                                   "--ip6tables=false",
                                   "--data-root",
                                   (dir / "data").string(),
                                   "--exec-root",
                                   (dir / "exec").string(),
                                   "--pidfile",
                                   (dir / "pid").string(),
                                   "-H",
                                   "unix://" + socket};
  std::vector<char*> argv;
  for (auto& a : args) argv.push_back(a.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  std::string log = (dir / "log").string();
  ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  int error =
      ::posix_spawn(&out->pid_, args[0].c_str(), &actions, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return FailErrno(ErrorCode::kUnavailable, "cannot run dockerd", error);
  sandbox::EngineApi api(socket);
  for (int i = 0; i < 300; ++i) {
    auto reply = api.Call("GET", "/_ping", "", Deadline::In(std::chrono::seconds(5)));
    if (reply && reply->ok()) {
      ::setenv("DOCKER_HOST", ("unix://" + socket).c_str(), 1);
      return out;
    }
    int status = 0;
    if (::waitpid(out->pid_, &status, WNOHANG) == out->pid_) {
      out->pid_ = -1;
      break;
    }
    std::this_thread::sleep_for(Millis(100));
  }
  std::string said = ReadFile(log, 1 << 20).value_or("");
  return Fail(ErrorCode::kUnavailable,
              "dockerd does not come up: " +
                  said.substr(said.size() - std::min<std::size_t>(said.size(), 600)));
}

DockerDaemon::~DockerDaemon() {
  ::unsetenv("DOCKER_HOST");
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);  // it stops its containerd too
  for (int i = 0; i < 200; ++i) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      break;
    }
    std::this_thread::sleep_for(Millis(100));
  }
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (const auto& point : sandbox::MountsUnder(temp_.path())) ::umount2(point.c_str(), MNT_DETACH);
}

}  // namespace podium::tests
