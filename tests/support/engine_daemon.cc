#include "tests/support/engine_daemon.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/text.h"
#include "sandbox/backends/engine/engine_api.h"
#include "sandbox/host/host_paths.h"

namespace podium::tests {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Status EngineDaemon::Run(std::vector<std::string> args,
                         const std::map<std::string, std::string>& env) {
  std::vector<std::string> variables;
  for (char** e = environ; *e; ++e) variables.emplace_back(*e);
  for (const auto& [key, value] : env) variables.push_back(key + "=" + value);
  auto argv = Pointers(args), envp = Pointers(variables);
  std::string log = (dir() / "log").string();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  int error = ::posix_spawn(&pid_, argv[0], &actions, &attributes, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    pid_ = -1;
    return FailErrno(ErrorCode::kUnavailable, "cannot run " + args[0], error);
  }
  sandbox::EngineApi api(socket().string());
  for (int i = 0; i < 300; ++i) {
    auto reply = api.Call("GET", "/_ping", "", Deadline::In(std::chrono::seconds(5)));
    if (reply && reply->ok()) {
      ::setenv(variable_.c_str(), ("unix://" + socket().string()).c_str(), 1);
      return {};
    }
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      break;
    }
    std::this_thread::sleep_for(Millis(100));
  }
  std::string said = ReadFile(log, 1 << 20).value_or("");
  return Fail(ErrorCode::kUnavailable,
              args[0] + " does not come up: " +
                  said.substr(said.size() - std::min<std::size_t>(said.size(), 600)));
}

void EngineDaemon::Stop() {
  ::unsetenv(variable_.c_str());
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);  // it stops its own helpers too
  for (int i = 0; i < 200 && pid_ > 0; ++i) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_)
      pid_ = -1;
    else
      std::this_thread::sleep_for(Millis(100));
  }
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

EngineDaemon::~EngineDaemon() {
  Stop();
  for (const auto& point : sandbox::MountsUnder(dir())) ::umount2(point.c_str(), MNT_DETACH);
}

}  // namespace podium::tests
