#include "sandbox/host/host_paths.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/files.h"
#include "base/json.h"
#include "base/process_owner.h"
#include "base/text.h"
#include "sandbox/host/rootless.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

bool HasOption(std::string_view options, std::string_view wanted) {
  for (auto o : Split(options, ',')) {
    if (o == wanted) return true;
  }
  return false;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CgroupMounts() {
  std::vector<std::pair<std::string, std::string>> out;
  auto text = ReadFile("/proc/self/mounts", 16 << 20);
  if (!text) return out;
  for (auto line : Split(*text, '\n')) {
    auto f = Split(line, ' ');
    if (f.size() < 4) continue;
    if (f[2] == "cgroup2") out.emplace_back("", f[1]);
    if (f[2] == "cgroup") out.emplace_back(f[3], f[1]);
  }
  return out;
}

fs::path MountsDir() { return IsRootless() ? RootlessMounts() : "/var/lib/podium"; }

fs::path HostDir() {
  if (!IsRootless()) return "/var/lib/podium";
  auto variable = [](const char* name) {
    const char* value = ::getenv(name);
    return fs::path(value ? value : "");
  };
  fs::path data = variable("XDG_DATA_HOME");
  if (!data.is_absolute()) data = variable("HOME") / ".local" / "share";
  // A home folder may be shared by machines: ids, owners and control groups are one machine's.
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return data / "podium" / "hosts" / host;
}

fs::path RecordsDir() { return HostDir() / "records"; }

std::string HostPaths::cgroup() const { return IsRootless() ? id : "podium-" + id; }

HostPaths HostPaths::For(const fs::path& state_dir, const std::string& id) {
  fs::path state = fs::absolute(state_dir);
  HostPaths out;
  out.id = id;
  out.base = MountsDir() / "sandboxes" / id;
  out.disk = state / (id + ".ext4");
  out.record = RecordsDir() / (id + ".json");
  return out;
}

bool MayRaiseLimits() {
  constexpr unsigned kSysResource = 24;
  auto status = ReadFile("/proc/self/status", 1 << 16);
  if (!status) return false;
  std::size_t at = status->find("\nCapEff:");
  if (at == std::string::npos) return false;
  return (std::strtoull(status->c_str() + at + 8, nullptr, 16) >> kSysResource & 1) != 0;
}

std::uint64_t OpenFiles() {
  constexpr std::uint64_t kWanted = 8192;
  rlimit own{};
  if (::getrlimit(RLIMIT_NOFILE, &own) != 0 || own.rlim_max >= kWanted) return kWanted;
  return MayRaiseLimits() ? kWanted : own.rlim_max;
}

std::vector<CgroupDir> GroupsNamed(std::vector<CgroupDir> all, const std::string& name) {
  std::erase_if(all, [&](const CgroupDir& d) {
    return name.empty() || d.dir.filename().string().find(name) == std::string::npos;
  });
  return all;
}

std::vector<CgroupDir> CgroupsOf(int pid) {
  std::vector<CgroupDir> out;
  auto text = ReadFile("/proc/" + std::to_string(pid) + "/cgroup", 1 << 20);
  if (!text) return out;
  auto mounts = CgroupMounts();
  for (auto line : Split(*text, '\n')) {
    std::size_t first = line.find(':');
    std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    std::string controllers(line.substr(first + 1, second - first - 1));
    std::string path(line.substr(second + 1));
    for (const auto& [options, mount] : mounts) {
      bool v2 = controllers.empty() && options.empty();
      if (v2) out.push_back({"", fs::path(mount + path)});
      for (auto c : Split(controllers, ',')) {
        if (!c.empty() && !options.empty() && HasOption(options, c))
          out.push_back({std::string(c), fs::path(mount + path)});
      }
    }
  }
  return out;
}

std::vector<std::string> MountsUnder(const fs::path& base) {
  std::vector<std::string> out;
  auto text = ReadFile("/proc/self/mounts", 64 << 20);
  if (!text) return out;
  for (auto line : Split(*text, '\n')) {
    auto f = Split(line, ' ');
    if (f.size() > 1 && (f[1] == base.string() || f[1].starts_with(base.string() + "/")))
      out.emplace_back(f[1]);
  }
  std::ranges::reverse(out);
  return out;
}

Status WriteRecord(const HostPaths& paths) {
  PODIUM_ASSIGN(Json record, ParseJson(ProcessOwner::Self().ToJson(), "record"));
  record["schema"] = "podium-sandbox/1";
  record["id"] = paths.id;
  record["disk"] = paths.disk.string();
  record["backend"] = paths.backend;
  record["engine"] = paths.engine;
  for (const auto& parent : paths.groups)
    record["groups"].push_back({parent.controller, parent.dir.string()});
  PODIUM_TRY(MakeDirs(RecordsDir()));
  return WriteFileAtomic(paths.record, DumpJson(record) + "\n");
}

}  // namespace podium::sandbox
