#include "sandbox/backends/engine/engine_check.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <system_error>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/host/mounts.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> Differs(const std::string& what, const std::string& asked,
                              const std::string& seen) {
  return Fail(ErrorCode::kSandbox, "the engine did not do what it was asked: " + what + " is " +
                                       (seen.empty() ? "not set" : seen) + " instead of " + asked);
}

// The words of a field of /proc/PID/status.
std::vector<std::string> Field(const std::string& status, std::string_view name) {
  for (auto line : Split(status, '\n')) {
    if (!line.starts_with(name) || line.substr(name.size(), 1) != ":") continue;
    std::vector<std::string> out;
    for (auto word : Split(line.substr(name.size() + 1), '\t')) {
      if (!Trim(word).empty()) out.emplace_back(Trim(word));
    }
    return out;
  }
  return {};
}

Status CheckStatus(const fs::path& proc, const ExpectedInit& expected) {
  PODIUM_ASSIGN(auto status, ReadFile(proc / "status", 1 << 16));
  // podium-init's user and the four capabilities of InitCapabilities (bits 5 to 8).
  std::string user = std::to_string(expected.first_id + kInitId);
  std::string none = "0000000000000000", four = "00000000000001e0";
  const std::pair<const char*, std::string> kFields[] = {
      {"Uid", user},    {"Gid", user},    {"CapInh", none},    {"CapPrm", four}, {"CapEff", four},
      {"CapBnd", four}, {"CapAmb", none}, {"NoNewPrivs", "1"}, {"Seccomp", "2"}};
  for (const auto& [name, value] : kFields) {
    auto words = Field(status, name);
    bool right =
        !words.empty() && std::ranges::all_of(words, [&](const auto& w) { return w == value; });
    if (!right) return Differs(name, value, Join(words, " "));
  }
  return {};
}

Status CheckNamespaces(const fs::path& proc, const ExpectedInit& expected) {
  std::error_code ec;
  for (std::string name : {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user"}) {
    if (name == "user" && !expected.user_namespace) continue;
    auto theirs = fs::read_symlink(proc / "ns" / name, ec);
    if (theirs.empty() || theirs == fs::read_symlink(fs::path("/proc/self/ns") / name, ec))
      return Differs("the " + name + " namespace", "one of its own", "the host's");
  }
  if (!expected.user_namespace) return {};
  std::vector<std::string> asked = {"0", std::to_string(expected.first_id),
                                    std::to_string(IdRange::Count())};
  for (const char* map : {"uid_map", "gid_map"}) {
    PODIUM_ASSIGN(auto text, ReadFile(proc / map, 1 << 16));
    std::vector<std::string> words;
    for (auto word : Split(Trim(text), ' ')) {
      if (!word.empty()) words.emplace_back(word);
    }
    if (words != asked) return Differs(map, Join(asked, " "), Join(words, " "));
  }
  return {};
}

// Mount points that an engine or our request makes in every container, beside those of the kernel.
constexpr std::string_view kUsualMounts =
    "/ /proc /sys /dev /dev/pts /dev/shm /dev/mqueue /dev/null /dev/zero /dev/full /dev/random "
    "/dev/urandom /dev/tty /tmp /var/tmp /home /.podium /.podium-init /etc/passwd /etc/group "
    "/etc/hostname /etc/hosts /etc/resolv.conf /run/.containerenv";

// Nothing else is mounted but what the sandbox asks for: volumes, devices and secrets can stand in
// an engine's own configuration.
Status CheckMounts(const std::string& mountinfo, const SandboxSpec& spec) {
  std::set<std::string, std::less<>> known;
  for (auto where : Split(kUsualMounts, ' ')) known.emplace(where);
  for (const auto& data : spec.data) known.insert(data.inside);
  for (const auto& file : spec.root_files) known.insert(file.inside);
  for (const auto& device : spec.devices) known.insert(device.string());
  for (const auto& node : spec.gpus.nodes) known.insert(node.inside);
  for (const auto& mount : spec.gpus.mounts) known.insert(mount.inside);
  for (auto line : Split(mountinfo, '\n')) {
    auto fields = Split(line, ' ');
    if (fields.size() < 6) continue;
    bool kernels = fields[4].starts_with("/proc/") || fields[4].starts_with("/sys/");
    if (!kernels && !known.contains(fields[4]))
      return Fail(ErrorCode::kSandbox,
                  "the engine mounts " + std::string(fields[4]) +
                      ", which it was not asked to: take it out of its configuration");
  }
  return {};
}

// The "size=65536k" of the topmost file system at `where`, in bytes; 0 when there is none.
std::uint64_t SizeOfMount(const std::string& mountinfo, std::string_view where) {
  std::uint64_t size = 0;
  for (auto line : Split(mountinfo, '\n')) {
    auto fields = Split(line, ' ');
    if (fields.size() < 6 || fields[4] != where) continue;
    size = 0;
    for (auto option : Split(fields.back(), ',')) {
      if (!option.starts_with("size=")) continue;
      option.remove_prefix(5);
      auto end = std::from_chars(option.data(), option.data() + option.size(), size).ptr;
      if (end != option.data() + option.size() && *end == 'k') size *= 1024;
    }
  }
  return size;
}

// tmpfs counts in pages, and so does the memory controller.
bool Near(std::uint64_t seen, std::uint64_t asked) {
  constexpr std::uint64_t kPage = 65'536;
  return seen > 0 && seen < asked + kPage;
}

Status CheckSizes(const std::string& mounts, const Limits& limits) {
  const std::pair<const char*, std::uint64_t> kSizes[] = {{"/tmp", limits.tmp_bytes},
                                                          {"/dev/shm", limits.shm_bytes}};
  for (const auto& [where, asked] : kSizes) {
    std::uint64_t seen = SizeOfMount(mounts, where);
    if (!Near(seen, asked))
      return Differs("the size of " + std::string(where), std::to_string(asked),
                     seen == 0 ? "" : std::to_string(seen));
  }
  return {};
}

// The numbers of a control file, "max" being none; nothing where the host has no such file.
std::optional<std::vector<std::uint64_t>> Numbers(const std::vector<CgroupDir>& groups,
                                                  const char* controller, const char* v1_file,
                                                  const char* v2_file) {
  for (const auto& group : groups) {
    bool v2 = group.controller.empty();
    if (!v2 && group.controller != controller) continue;
    auto text = ReadFile(group.dir / (v2 ? v2_file : v1_file), 4096);
    if (!text) continue;
    std::vector<std::uint64_t> out;
    for (auto word : Split(Trim(*text), ' ')) {
      std::uint64_t value = 0;
      auto read = std::from_chars(word.data(), word.data() + word.size(), value);
      out.push_back(read.ec == std::errc() ? value : 0);
    }
    return out;
  }
  return std::nullopt;
}

// Memory or pids without a controller are the sandbox's to refuse or to record; it does not look at
// CPU.
Result<std::vector<std::string>> CheckGroups(int pid, const SandboxSpec& spec) {
  auto groups = CgroupsOf(pid);
  const Limits& l = spec.limits;
  auto memory = Numbers(groups, "memory", "memory.limit_in_bytes", "memory.max");
  if (memory && !Near(memory->front(), l.memory_bytes))
    return Differs("the memory limit", std::to_string(l.memory_bytes),
                   std::to_string(memory->front()));
  auto pids = Numbers(groups, "pids", "pids.max", "pids.max");
  if (pids && pids->front() != static_cast<std::uint64_t>(l.pids))
    return Differs("the pids limit", std::to_string(l.pids), std::to_string(pids->front()));
  auto quota = Numbers(groups, "cpu", "cpu.cfs_quota_us", "cpu.max");
  auto period = Numbers(groups, "cpu", "cpu.cfs_period_us", "cpu.max");
  if (!quota || !period || period->back() == 0) {
    if (spec.allow_unenforced) return std::vector<std::string>{"cpu"};
    return Differs("the CPU quota", FormatDouble(l.cpus), "");
  }
  double cpus = static_cast<double>(quota->front()) / static_cast<double>(period->back());
  if (cpus <= 0 || cpus > l.cpus + 0.01)
    return Differs("the CPU quota", FormatDouble(l.cpus), FormatDouble(cpus));
  return std::vector<std::string>{};
}

}  // namespace

Result<std::vector<std::string>> CheckEngineContainer(int pid, const SandboxSpec& spec,
                                                      const ExpectedInit& expected) {
  fs::path proc = fs::path("/proc") / std::to_string(pid);
  PODIUM_TRY(CheckStatus(proc, expected));
  PODIUM_TRY(CheckNamespaces(proc, expected));
  PODIUM_ASSIGN(auto mounts, ReadFile(proc / "mountinfo", 16 << 20));
  PODIUM_TRY(CheckMounts(mounts, spec));
  PODIUM_TRY(CheckSizes(mounts, spec.limits));
  return CheckGroups(pid, spec);
}

}  // namespace podium::sandbox
