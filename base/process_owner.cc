#include "base/process_owner.h"

#include <unistd.h>

#include <filesystem>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace podium {
namespace {

// Does not change while a process lives.
const std::string& BootId() {
  static const std::string id = [] {
    auto text = ReadFile("/proc/sys/kernel/random/boot_id", 100);
    return text ? std::string(Trim(*text)) : "";
  }();
  return id;
}

std::string PidNamespace() {
  std::error_code ec;
  return std::filesystem::read_symlink("/proc/self/ns/pid", ec).string();
}

// Empty when there is no such process, or only its zombie.
std::string StartTime(long pid) {
  auto text = ReadFile("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text) return "";
  std::size_t close = text->rfind(')');
  if (close == std::string::npos) return "";
  auto fields = Split(std::string_view(*text).substr(close + 2), ' ');
  if (fields.size() < 20 || fields[0] == "Z") return "";
  return std::string(fields[19]);
}

}  // namespace

ProcessOwner ProcessOwner::Self() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return {name, BootId(), PidNamespace(), ::getpid(), StartTime(::getpid())};
}

std::optional<ProcessOwner> ProcessOwner::FromJson(std::string_view text) {
  auto json = ParseJson(text, "a process's record");
  if (!json || !json->is_object()) return std::nullopt;
  return ProcessOwner{JsonOr<std::string>(*json, "host", ""),
                      JsonOr<std::string>(*json, "boot", ""),
                      JsonOr<std::string>(*json, "pid_namespace", ""),
                      JsonOr<long>(*json, "pid", 0), JsonOr<std::string>(*json, "start", "")};
}

std::string ProcessOwner::ToJson() const {
  return DumpJson(Json{{"host", host},
                       {"boot", boot},
                       {"pid_namespace", pid_namespace},
                       {"pid", pid},
                       {"start", start}});
}

OwnerState StateOf(const ProcessOwner& owner) {
  if (owner.boot != BootId()) return OwnerState::kOtherBoot;
  if (owner.pid_namespace != PidNamespace()) return OwnerState::kOtherNamespace;
  std::string start = StartTime(owner.pid);
  return !start.empty() && start == owner.start ? OwnerState::kAlive : OwnerState::kDead;
}

}  // namespace podium
