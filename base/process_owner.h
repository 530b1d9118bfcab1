#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace podium {

// A process as it is written beside what it holds (a trial, a sandbox), so that others can tell
// whether it still lives, also when its number was given to somebody else.
struct ProcessOwner {
  std::string host;           // for people
  std::string boot;           // the kernel's boot id: no two machines or boots share one
  std::string pid_namespace;  // "pid:[4026531836]"
  long pid = 0;
  std::string start;  // start time in clock ticks since boot (field 22 of /proc/PID/stat)

  [[nodiscard]] static ProcessOwner Self();
  // Members host, boot, pid_namespace, pid, start of a JSON object; others are ignored.
  [[nodiscard]] static std::optional<ProcessOwner> FromJson(std::string_view json);
  [[nodiscard]] std::string ToJson() const;
};

enum class OwnerState {
  kAlive,
  kDead,
  kOtherBoot,       // another machine, or this one before it was restarted
  kOtherNamespace,  // in another container of this machine: it cannot be looked for from here
};
[[nodiscard]] OwnerState StateOf(const ProcessOwner& owner);

}  // namespace podium
