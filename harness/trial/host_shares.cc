#include "harness/trial/host_shares.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/process_owner.h"
#include "base/text.h"
#include "sandbox/host/host_paths.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using Device = sandbox::GpuDevices::Device;

constexpr double kRounding = 1e-9;
constexpr const char* kFolder = "shares";

Result<FileLock> Lock(const fs::path& dir) {
  auto pause = kSharesLockPoll;
  for (Deadline deadline = Deadline::In(kSharesLockTime); !deadline.expired();) {
    PODIUM_ASSIGN(auto lock, FileLock::TryTake(dir / "shares.lock"));
    if (lock) return std::move(*lock);
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestSharesLockPoll);
  }
  return Fail(ErrorCode::kTimeout, "another process holds " + (dir / "shares.lock").string());
}

std::string ToText(const HostShare& mine) {
  Json json = Json::parse(ProcessOwner::Self().ToJson());
  json["cores"] = mine.cores;
  json["memory_bytes"] = mine.memory_bytes;
  json["gpus"] = Json::array();
  for (const Device& gpu : mine.gpus)
    json["gpus"].push_back({{"name", gpu.name}, {"nodes", gpu.nodes}});
  return DumpJson(json) + "\n";
}

HostShare ShareFrom(const Json& json) {
  HostShare out{.cores = JsonOr(json, "cores", 0.0),
                .memory_bytes = JsonOr<std::uint64_t>(json, "memory_bytes", 0),
                .gpus = {}};
  auto gpus = json.find("gpus");
  if (gpus == json.end() || !gpus->is_array()) return out;
  for (const Json& gpu : *gpus)
    out.gpus.push_back(
        {JsonOr<std::string>(gpu, "name", ""), JsonOr<std::vector<std::string>>(gpu, "nodes", {})});
  return out;
}

struct Other {
  std::string who;
  HostShare share;
};

// Under the lock: the living processes but for this one. Files of dead ones are removed.
Result<std::vector<Other>> OthersIn(const fs::path& dir, const fs::path& own) {
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(dir / kFolder));
  PODIUM_ASSIGN(auto files, folder.List({.entries = 100'000, .depth = 1}));
  std::vector<Other> out;
  for (const auto& file : files) {
    if (file.name == own.filename()) continue;
    auto text = folder.Read(file.name, 1 << 20);
    auto owner = text ? ProcessOwner::FromJson(*text) : std::nullopt;
    OwnerState state = owner ? StateOf(*owner) : OwnerState::kDead;
    if (state == OwnerState::kDead || state == OwnerState::kOtherBoot) {
      ::unlinkat(folder.fd(), file.name.c_str(), 0);
      continue;
    }
    auto json = ParseJson(*text, file.name);
    if (json)
      out.push_back({"pid " + std::to_string(owner->pid) + " on " + owner->host, ShareFrom(*json)});
  }
  return out;
}

bool SameGpu(const std::vector<Device>& a, const std::vector<Device>& b) {
  sandbox::GpuDevices left, right;
  left.devices = a;
  right.devices = b;
  return sandbox::ShareGpu(left, right);
}

// Why `mine` does not go beside the others; "" where it does.
std::string WhyNot(const HostShare& mine, const std::vector<Other>& others,
                   const Machine& machine) {
  double cores = mine.cores;
  std::uint64_t memory = mine.memory_bytes;
  std::string holders, gpu;
  for (const auto& [who, share] : others) {
    cores += share.cores;
    memory += share.memory_bytes;
    if (share.cores > 0)
      holders += (holders.empty() ? "" : ", ") + who + " holds " + FormatDouble(share.cores) +
                 " cores and " + FormatBytes(share.memory_bytes);
    if (SameGpu(mine.gpus, share.gpus)) gpu = who + " holds the GPU";
  }
  if (!gpu.empty()) return gpu;
  bool fits = cores <= machine.cores + kRounding && memory <= machine.memory_bytes;
  return fits || holders.empty() ? "" : holders;
}

}  // namespace

fs::path HostShares::DefaultDir() {
  const char* own = std::getenv("PODIUM_HOST_STATE");
  return own && *own ? fs::path(own) : sandbox::HostDir();
}

Result<HostShares> HostShares::Open(const fs::path& dir) {
  PODIUM_TRY(MakeDirs(dir / kFolder));
  ProcessOwner self = ProcessOwner::Self();
  fs::path file = dir / kFolder / (self.host + "-" + std::to_string(self.pid) + "-" + self.start);
  HostShares out(dir, file);
  PODIUM_TRY(out.Lower({}));
  return out;
}

HostShares::~HostShares() {
  if (fd_) ::unlink(file_.c_str());
}

// Under the lock: nobody sees a file that is half written, or was made and says nothing yet.
Status HostShares::Write(const HostShare& mine) {
  struct stat file {};
  bool there = fd_ && ::fstat(fd_.get(), &file) == 0 && file.st_nlink > 0;
  if (!there)
    fd_ = UniqueFd(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd_) return FailErrno(ErrorCode::kIo, "cannot make " + file_.string(), errno);
  std::string text = ToText(mine);
  auto bytes = static_cast<ssize_t>(text.size());
  if (::pwrite(fd_.get(), text.data(), text.size(), 0) == bytes &&
      ::ftruncate(fd_.get(), bytes) == 0)
    return {};
  return FailErrno(ErrorCode::kIo, "cannot write " + file_.string(), errno);
}

Result<std::string> HostShares::TryHold(const HostShare& mine, const Machine& machine) {
  PODIUM_ASSIGN(auto alone, Lock(dir_));
  PODIUM_ASSIGN(auto others, OthersIn(dir_, file_));
  std::string why = WhyNot(mine, others, machine);
  if (why.empty()) PODIUM_TRY(Write(mine));
  return why;
}

Status HostShares::Lower(const HostShare& mine) {
  PODIUM_ASSIGN(auto alone, Lock(dir_));
  return Write(mine);
}

}  // namespace podium::harness
