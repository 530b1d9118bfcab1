#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace podium::tests {

// The service of a container engine of the test's own, with its own folders and socket, stopped and
// removed at the end with all that it made. An environment variable names its socket meanwhile.
class EngineDaemon {
 public:
  EngineDaemon(const EngineDaemon&) = delete;
  EngineDaemon& operator=(const EngineDaemon&) = delete;
  virtual ~EngineDaemon();

 protected:
  // `variable` is the one that sandbox::EngineSocket reads.
  EngineDaemon(TempDir temp, std::string variable)
      : temp_(std::move(temp)), variable_(std::move(variable)) {}

  [[nodiscard]] const std::filesystem::path& dir() const { return temp_.path(); }
  [[nodiscard]] std::filesystem::path socket() const { return dir() / "socket"; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Runs the service, which must listen at socket(), with `env` beside this environment.
  // kUnavailable when it does not answer within half a minute.
  [[nodiscard]] Status Run(std::vector<std::string> args,
                           const std::map<std::string, std::string>& env = {});
  // Ends the service, which may take its time, and waits for it. For destructors of services that
  // leave more behind than it takes away itself.
  void Stop();

 private:
  TempDir temp_;
  std::string variable_;
  pid_t pid_ = -1;
};

}  // namespace podium::tests
