#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/process.h"
#include "base/result.h"

namespace podium::tests {

// An ordinary user with subordinate ids who exists only for what is started through this object: in
// a mount namespace of its own, where copies of /etc/passwd, /etc/subuid and /etc/subgid lie over
// the host's. Has a home and a cache of its own, with the images of this process's cache. Needs
// root.
class OrdinaryUser {
 public:
  static constexpr unsigned kId = 64'321;                 // uid and gid
  static constexpr unsigned kFirstSubId = 1'342'177'280;  // beyond what Podium as root gives out

  // kUnavailable where uidmap is missing or the user cannot reach the built programs.
  [[nodiscard]] static Result<OrdinaryUser> Make();

  // A program of the build folder and its arguments, as this user. `groups`: control groups it is
  // started in.
  [[nodiscard]] ProcessSpec Command(std::vector<std::string> argv,
                                    const std::vector<std::filesystem::path>& groups = {},
                                    const std::map<std::string, std::string>& env = {}) const;
  [[nodiscard]] std::filesystem::path home() const { return temp_.path() / "home"; }
  // Processes of the user and of its subordinate ids: "pid name".
  [[nodiscard]] static std::vector<std::string> Processes();
  // Those that are still there after five seconds.
  [[nodiscard]] static std::vector<std::string> StayingProcesses();

 private:
  explicit OrdinaryUser(TempDir temp) : temp_(std::move(temp)) {}
  TempDir temp_;
};

}  // namespace podium::tests
