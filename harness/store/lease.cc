#include "harness/store/lease.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/process_owner.h"
#include "base/records/lease_record.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "harness/store/journal.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using records::LeaseRecord;

std::int64_t NowMs(const Clock& clock) {
  return std::chrono::duration_cast<Millis>(clock.WallNow().time_since_epoch()).count();
}

// Whether the owner that a lease names still holds it. Out of sight, its heartbeat decides.
bool Holds(const LeaseRecord& lease, const Clock& clock) {
  if (!lease.held) return false;
  OwnerState state = StateOf(lease.owner);
  if (state == OwnerState::kAlive || state == OwnerState::kDead) return state == OwnerState::kAlive;
  return NowMs(clock) - lease.beat < kLeaseStale.count();
}

// Of a file that is no link: a run's folder may have come from elsewhere.
Result<LeaseRecord> ReadLease(const fs::path& trial_dir) {
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(trial_dir));
  PODIUM_ASSIGN(auto text, folder.Read("lease.json", 4096));
  return records::ParseLease(text, (trial_dir / "lease.json").string());
}

bool Damaged(const Error& error) { return error.code != ErrorCode::kNotFound; }

// The number of the last lease under which the trial's journal was written. A journal that cannot
// be read is its next reader's affair.
std::int64_t LastNumber(const fs::path& trial_dir) {
  auto lines = ReadJournal(trial_dir / "journal.jsonl");
  return lines && !lines->empty() ? lines->back().lease : 0;
}

// A heartbeat that is lost is no worse than one that was late: nothing waits for the disk. Readers
// see the old bytes or the new.
Status Replace(const fs::path& path, const std::string& text) {
  fs::path fresh = path;
  fresh += ".new";
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  UniqueFd fd(::open(fresh.c_str(), kFlags, 0644));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + fresh.string(), errno);
  PODIUM_TRY(WriteAll(fd.get(), text));
  if (::rename(fresh.c_str(), path.c_str()) == 0) return {};
  return FailErrno(ErrorCode::kIo, "cannot write " + path.string(), errno);
}

// Tells one lease.json from another; nullopt where there is none.
std::optional<LeaseFile> FileOf(const fs::path& trial_dir) {
  struct stat st {};
  if (::lstat((trial_dir / "lease.json").c_str(), &st) != 0) return std::nullopt;
  return LeaseFile{st.st_ino, st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
}

}  // namespace

Lease::Lease(Lease&& other) noexcept
    : dir_(std::exchange(other.dir_, {})),
      number_(other.number_),
      file_(other.file_),
      clock_(other.clock_),
      taken_over_(other.taken_over_) {}

Status Lease::Write(Worked worked) {
  LeaseRecord lease{.owner = ProcessOwner::Self(),
                    .number = number_,
                    .beat = NowMs(*clock_),
                    .attempt = worked.attempt,
                    .worked = worked.time};
  PODIUM_TRY(Replace(dir_ / "lease.json", records::ToText(lease)));
  file_ = FileOf(dir_);
  return {};
}

Result<std::optional<Lease>> Lease::TryTake(const fs::path& trial_dir, const Clock& clock) {
  PODIUM_ASSIGN(auto lock, FileLock::TryTake(trial_dir / "lease.lock"));
  if (!lock) return std::nullopt;
  auto former = ReadLease(trial_dir);
  if (former && Holds(*former, clock)) return std::nullopt;
  std::int64_t last = std::max(former ? former->number : 0, LastNumber(trial_dir));
  bool taken_over = former ? former->held : Damaged(former.error());
  Lease lease(trial_dir, last + 1, clock, taken_over);
  PODIUM_TRY(lease.Write(former ? Worked{former->attempt, former->worked} : Worked{}));
  return lease;
}

// Every owner's file is another one: while it is the one that was written here, nobody else has come.
Status Lease::CheckHeld() const {
  if (FileOf(dir_) == file_) return {};
  auto lease = ReadLease(dir_);
  bool held = lease && lease->number == number_;
  if (held) return {};
  return Fail(ErrorCode::kBusy, "another process has taken over " + dir_.string() +
                                    ": this one had not been heard of for " +
                                    FormatDuration(kLeaseStale) + " and writes nothing more");
}

Status Lease::Beat(Worked worked) {
  PODIUM_ASSIGN(auto lock, FileLock::TryTake(dir_ / "lease.lock"));
  if (!lock) return {};  // somebody looks at it just now: the next beat will do
  PODIUM_TRY(CheckHeld());
  return Write(worked);
}

// Given back in its place: a file that is deleted costs those that are made after it (ext4 looks at
// each inode that was freed in the last seconds).
Lease::~Lease() {
  if (dir_.empty() || !CheckHeld()) return;
  UniqueFd fd(::open((dir_ / "lease.json").c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  bool freed = fd && ::pwrite(fd.get(), records::kLeaseFree.data(), records::kLeaseFree.size(),
                              records::kLeaseStateAt) ==
                         static_cast<ssize_t>(records::kLeaseFree.size());
  if (!freed) ::unlink((dir_ / "lease.json").c_str());
}

Worked WorkedSoFar(const fs::path& trial_dir) {
  auto lease = ReadLease(trial_dir);
  return lease && lease->held ? Worked{lease->attempt, lease->worked} : Worked{};
}

std::string LeaseOwner(const fs::path& trial_dir, const Clock& clock) {
  auto lease = ReadLease(trial_dir);
  if (!lease || !Holds(*lease, clock)) return "";
  return lease->owner.host + ":" + std::to_string(lease->owner.pid);
}

}  // namespace podium::harness
