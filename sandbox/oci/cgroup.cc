#include "sandbox/oci/cgroup.h"

#include <charconv>
#include <cstdlib>

#include "base/files.h"
#include "base/text.h"

namespace podium::sandbox {
namespace {

std::uint64_t ToNumber(std::string_view text) {
  std::uint64_t value = 0;
  text = Trim(text);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::uint64_t CgroupCounters::Number(const char* controller, const char* v1_file,
                                     const char* v2_file) const {
  for (const auto& d : dirs_) {
    const char* file = d.controller.empty()         ? v2_file
                       : d.controller == controller ? v1_file
                                                    : nullptr;
    if (!file) continue;
    if (auto text = ReadFile(d.dir / file, 4096)) return ToNumber(*text);
  }
  return 0;
}

std::uint64_t CgroupCounters::Keyed(const char* controller, const char* v1_file,
                                    const char* v2_file, const char* key) const {
  for (const auto& d : dirs_) {
    const char* file = d.controller.empty()         ? v2_file
                       : d.controller == controller ? v1_file
                                                    : nullptr;
    if (!file) continue;
    auto text = ReadFile(d.dir / file, 65536);
    if (!text) continue;
    for (auto line : Split(*text, '\n')) {
      if (line.starts_with(std::string(key) + " "))
        return ToNumber(line.substr(std::string_view(key).size() + 1));
    }
  }
  return 0;
}

std::uint64_t CgroupCounters::OomKills() const {
  return Keyed("memory", "memory.oom_control", "memory.events", "oom_kill");
}
std::uint64_t CgroupCounters::ForkRefusals() const {
  return Keyed("pids", "pids.events", "pids.events", "max");
}
std::uint64_t CgroupCounters::MemoryPeak() const {
  return Number("memory", "memory.max_usage_in_bytes", "memory.peak");
}

Millis CgroupCounters::Cpu() const {
  std::uint64_t nanos = Number("cpuacct", "cpuacct.usage", "no-such-file");
  if (nanos > 0) return Millis(static_cast<std::int64_t>(nanos / 1'000'000));
  return Millis(static_cast<std::int64_t>(Keyed("", "", "cpu.stat", "usage_usec") / 1000));
}

bool CgroupCounters::Enforces(const char* controller) const {
  std::string file = std::string(controller) == "memory" ? "memory.max" : "pids.max";
  std::error_code ec;
  for (const auto& d : dirs_) {
    if (d.controller == controller) return true;
    if (d.controller.empty() && std::filesystem::exists(d.dir / file, ec)) return true;
  }
  return false;
}

}  // namespace podium::sandbox
