#include "harness/store/control.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/process_owner.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "control.json";
constexpr const char* kWorkers = "workers";

Result<FileLock> LockControl(const fs::path& run_dir) {
  for (Deadline deadline = Deadline::In(kRunFolderTime); !deadline.expired();) {
    PODIUM_ASSIGN(auto lock, FileLock::TryTake(run_dir / ".control.lock"));
    if (lock) return std::move(*lock);
    std::this_thread::sleep_for(kRunFolderPoll);
  }
  return Fail(ErrorCode::kTimeout, "another process holds " + (run_dir / ".control.lock").string());
}

bool Lives(const ProcessOwner& owner, const fs::path& sign, const Clock& clock) {
  OwnerState state = StateOf(owner);
  if (state == OwnerState::kAlive || state == OwnerState::kDead) return state == OwnerState::kAlive;
  struct stat file {};
  if (::stat(sign.c_str(), &file) != 0) return false;
  auto age = clock.WallNow() - std::chrono::system_clock::from_time_t(file.st_mtim.tv_sec);
  return age < kLeaseStale;
}

}  // namespace

Result<RunControl> ReadControl(const fs::path& run_dir) {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(run_dir));
  auto text = run.Read(kFile, 64 << 20);
  if (!text && text.error().code == ErrorCode::kNotFound) return RunControl{};
  if (!text) return tl::unexpected(text.error());
  return records::ParseRunControl(*text, (run_dir / kFile).string());
}

Status ChangeControl(const fs::path& run_dir, const std::function<void(RunControl&)>& change) {
  PODIUM_ASSIGN(auto alone, LockControl(run_dir));
  PODIUM_ASSIGN(auto control, ReadControl(run_dir));
  change(control);
  ++control.number;
  return WriteFileAtomic(run_dir / kFile, records::ToText(control));
}

Result<WorkerSign> WorkerSign::Put(const fs::path& run_dir) {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(run_dir));
  PODIUM_ASSIGN(auto folder, run.MakeFolder(kWorkers));
  ProcessOwner self = ProcessOwner::Self();
  fs::path file =
      folder.path() / (self.host + "-" + std::to_string(self.pid) + "-" + self.start + ".json");
  PODIUM_TRY(WriteFileAtomic(file, self.ToJson() + "\n"));
  return WorkerSign(std::move(file));
}

WorkerSign::WorkerSign(fs::path file) : file_(std::move(file)) {
  beat_ = std::jthread([path = file_](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, stop, kHeartbeat, [&stop] { return stop.stop_requested(); }))
      ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  });
}

WorkerSign::~WorkerSign() {
  beat_ = {};
  std::error_code ec;
  if (!file_.empty()) fs::remove(file_, ec);
}

std::vector<std::string> WorkersOf(const fs::path& run_dir, const Clock& clock) {
  std::vector<std::string> out;
  auto run = ForeignFolder::Open(run_dir);
  auto folder = run ? run->Folder(kWorkers) : tl::unexpected(run.error());
  auto files = folder ? folder->List({.entries = 100'000, .depth = 1})
                      : Result<std::vector<ForeignEntry>>(tl::unexpected(folder.error()));
  if (!files) return out;
  for (const auto& file : *files) {
    auto text = folder->Read(file.name, 1 << 16);
    auto owner = text ? ProcessOwner::FromJson(*text) : std::nullopt;
    fs::path sign = folder->path() / file.name;
    if (owner && Lives(*owner, sign, clock)) {
      out.push_back("pid " + std::to_string(owner->pid) + " on " + owner->host);
      continue;
    }
    std::error_code ec;
    if (file.name.ends_with(".json")) fs::remove(sign, ec);
  }
  return out;
}

}  // namespace podium::harness
