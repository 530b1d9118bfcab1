#include "sandbox/host/cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace podium::sandbox {
namespace {

std::uint64_t ToNumber(std::string_view text) {
  std::uint64_t value = 0;
  text = Trim(text);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// One write to a control file; cgroup file systems take a value a write.
Status WriteControl(const std::filesystem::path& file, const std::string& value) {
  UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), value.data(), value.size()) < 0)
    return FailErrno(ErrorCode::kSandbox, "cannot write '" + value + "' to " + file.string(),
                     errno);
  return {};
}

using Values = std::vector<std::pair<std::string, std::string>>;

// Control files of v1 by controller, and of v2 under "".
Values LimitsOf(const std::string& controller, const SandboxSpec& spec) {
  auto with = [&](Mitigation m) { return !spec.without.contains(m); };
  std::string memory = std::to_string(spec.limits.memory_bytes);
  std::string pids = std::to_string(spec.limits.pids);
  std::string quota = std::to_string(static_cast<long>(spec.limits.cpus * 100'000));
  Values out;
  bool v2 = controller.empty();
  if (with(Mitigation::kMemoryLimit) && v2)
    out.insert(out.end(), {{"memory.max", memory}, {"memory.swap.max", "0"}});
  if (with(Mitigation::kMemoryLimit) && controller == "memory")
    out.insert(out.end(),
               {{"memory.limit_in_bytes", memory}, {"memory.memsw.limit_in_bytes", memory}});
  if (with(Mitigation::kPidsLimit) && (v2 || controller == "pids"))
    out.emplace_back("pids.max", pids);
  if (with(Mitigation::kCpuLimit) && v2) out.emplace_back("cpu.max", quota + " 100000");
  if (with(Mitigation::kCpuLimit) && controller == "cpu")
    out.insert(out.end(), {{"cpu.cfs_period_us", "100000"}, {"cpu.cfs_quota_us", quota}});
  return out;
}

constexpr const char* kTcpFile = "memory.kmem.tcp.limit_in_bytes";

}  // namespace

bool CountsTcpApart() {
  std::error_code ec;
  for (const auto& [options, mount] : CgroupMounts()) {
    for (auto controller : Split(options, ',')) {
      if (controller == "memory")
        return std::filesystem::exists(std::filesystem::path(mount) / kTcpFile, ec);
    }
  }
  return false;
}

std::uint64_t TcpBytes(const SandboxSpec& spec) {
  return std::min(spec.limits.memory_bytes / 4, std::uint64_t{128} << 20);
}

bool LimitTcp(const std::vector<CgroupDir>& dirs, std::uint64_t bytes) {
  for (const auto& d : dirs) {
    if (d.controller != "memory") continue;
    auto written = WriteControl(d.dir / kTcpFile, std::to_string(bytes));
    auto text = ReadFile(d.dir / kTcpFile, 4096);
    return written && text && ToNumber(*text) <= bytes;
  }
  return true;  // v2 counts them as memory
}

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

Millis CgroupCounters::Throttled() const {
  std::uint64_t nanos = Keyed("cpu", "cpu.stat", "no-such-file", "throttled_time");
  if (nanos > 0) return Millis(static_cast<std::int64_t>(nanos / 1'000'000));
  return Millis(static_cast<std::int64_t>(Keyed("", "", "cpu.stat", "throttled_usec") / 1000));
}

bool CgroupCounters::Enforces(const char* controller) const {
  std::string file = std::string(controller) + ".max";
  std::error_code ec;
  for (const auto& d : dirs_) {
    if (d.controller == controller) return true;
    if (d.controller.empty() && std::filesystem::exists(d.dir / file, ec)) return true;
  }
  return false;
}

Result<std::vector<std::filesystem::path>> MakeCgroups(const std::string& name,
                                                       const SandboxSpec& spec) {
  std::vector<std::filesystem::path> out;
  std::error_code ec;
  for (const auto& [options, mount] : CgroupMounts()) {
    std::filesystem::path root = mount, dir = root / name;
    bool wanted = options.empty();
    for (auto controller : Split(options, ','))
      wanted = wanted || controller == "memory" || controller == "pids" || controller == "cpu" ||
               controller == "cpuacct" || controller == "freezer";
    if (!wanted) continue;
    if (options.empty()) {
      // A controller must be handed down before a group below has its files.
      for (const char* controller : {"+memory", "+pids", "+cpu"})
        (void)WriteControl(root / "cgroup.subtree_control", controller);
    }
    std::filesystem::create_directory(dir, ec);
    if (ec) continue;
    Values values;
    if (options.empty()) values = LimitsOf("", spec);
    for (auto controller : Split(options, ',')) {
      Values more = controller.empty() ? Values{} : LimitsOf(std::string(controller), spec);
      values.insert(values.end(), more.begin(), more.end());
    }
    for (const auto& [file, value] : values) {
      if (std::filesystem::exists(dir / file, ec)) PODIUM_TRY(WriteControl(dir / file, value));
    }
    out.push_back(dir / "cgroup.procs");
  }
  return out;
}

Status FreezeGroups(const std::vector<CgroupDir>& dirs, Deadline deadline) {
  for (const auto& d : dirs) {
    bool v1 = d.controller == "freezer";
    if (!v1 && !d.controller.empty()) continue;
    std::filesystem::path state = d.dir / (v1 ? "freezer.state" : "cgroup.freeze");
    std::filesystem::path seen = v1 ? state : d.dir / "cgroup.events";
    if (!WriteControl(state, v1 ? "FROZEN" : "1")) continue;  // gone, or no freezer here
    for (;;) {
      auto text = ReadFile(seen, 4096);
      if (!text || text->find(v1 ? "FROZEN" : "frozen 1") != std::string::npos) break;
      if (deadline.expired()) return Fail(ErrorCode::kTimeout, d.dir.string() + " does not freeze");
      std::this_thread::sleep_for(kFreezePoll);
    }
    return {};  // one freezer is enough, and what one has stopped never gets to the other's
  }
  return {};
}

void ThawGroups(const std::vector<CgroupDir>& dirs) {
  for (const auto& d : dirs) {
    if (d.controller == "freezer") (void)WriteControl(d.dir / "freezer.state", "THAWED");
    if (d.controller.empty()) (void)WriteControl(d.dir / "cgroup.freeze", "0");
  }
}

namespace {

void KillListed(const CgroupDir& group, int spared) {
  auto text = ReadFile(group.dir / "cgroup.procs", 1 << 20);
  if (!text) return;
  for (auto line : Split(*text, '\n')) {
    long pid = std::atol(std::string(line).c_str());
    if (pid > 1 && pid != spared) ::kill(static_cast<pid_t>(pid), SIGKILL);
  }
}

}  // namespace

void KillGroups(const std::vector<CgroupDir>& dirs) {
  for (const auto& d : dirs) {
    if (d.controller.empty() && WriteControl(d.dir / "cgroup.kill", "1")) continue;
    KillListed(d, 0);
  }
}

void KillOthers(const std::vector<CgroupDir>& dirs, int spared) {
  if (dirs.empty() || !FreezeGroups(dirs, Deadline::In(kFreezeTime))) return;
  for (const auto& d : dirs) KillListed(d, spared);
  ThawGroups(dirs);
}

}  // namespace podium::sandbox
