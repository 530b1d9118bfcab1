#include "sandbox/host/lock_count.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/files.h"
#include "base/text.h"

namespace podium::sandbox {
namespace {

using Device = std::pair<unsigned, unsigned>;

std::set<long> ProcessesOf(const std::vector<CgroupDir>& groups) {
  std::set<long> out;
  for (const auto& group : groups) {
    auto text = ReadFile(group.dir / "cgroup.procs", 1 << 20);
    if (!text) continue;
    for (auto line : Split(*text, '\n')) {
      long pid = 0;
      if (std::from_chars(line.data(), line.data() + line.size(), pid).ec == std::errc())
        out.insert(pid);
    }
    if (!out.empty()) break;  // every controller's group holds the same processes
  }
  return out;
}

// The file systems that are this sandbox's alone: whatever it writes to.
std::set<Device> DevicesOf(int init_pid) {
  std::set<Device> out;
  auto text = ReadFile("/proc/" + std::to_string(init_pid) + "/mountinfo", 1 << 20);
  if (!text) return out;
  for (auto line : Split(*text, '\n')) {
    bool own = line.find(" - overlay ") != std::string_view::npos ||
               line.find(" - tmpfs ") != std::string_view::npos;
    Device device;
    std::string fields(line);
    if (own && std::sscanf(fields.c_str(), "%*d %*d %u:%u", &device.first, &device.second) == 2)
      out.insert(device);
  }
  return out;
}

}  // namespace

std::size_t CountLocks(int init_pid, const std::vector<CgroupDir>& groups, std::size_t enough) {
  std::unique_ptr<FILE, int (*)(FILE*)> locks(std::fopen("/proc/locks", "re"), std::fclose);
  if (!locks) return 0;
  auto pids = ProcessesOf(groups);
  auto devices = DevicesOf(init_pid);
  std::size_t found = 0;
  char line[256];
  for (std::size_t lines = 0; found < enough && lines < 2 * enough; ++lines) {
    if (!std::fgets(line, sizeof line, locks.get())) break;
    long pid = 0;
    Device device;
    // "7: POSIX  ADVISORY  WRITE 1234 08:01:4711 0 EOF", the device in hexadecimal.
    bool read =
        std::sscanf(line, "%*s %*s %*s %*s %ld %x:%x:", &pid, &device.first, &device.second) == 3;
    found += read && (pids.contains(pid) || devices.contains(device));
  }
  return found;
}

}  // namespace podium::sandbox
