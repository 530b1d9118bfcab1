#include "harness/store/history.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <thread>

#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

OrderedJson Fields(const HistoryEntry& e) {
  OrderedJson out;
  out["n"] = e.number;
  out["t"] = e.time;
  out["event"] = e.event;
  out["trial"] = e.trial;
  if (e.event == "graded") {
    out["submission"] = e.submission_sha256;
    out["verdict"] = e.verdict_sha256;
    out["journal"] = e.journal_sha256;
  }
  return out;
}

std::string ChainDigest(const std::string& before, const HistoryEntry& e) {
  return Digest::Of(before + "\n" + DumpJson(Fields(e))).hex();
}

struct Chain {
  std::vector<HistoryEntry> entries;
  std::string last;             // digest of the last entry
  std::size_t sound_bytes = 0;  // of whole lines
};

Result<Chain> ParseChain(const std::string& text, const std::string& name) {
  Chain out;
  while (out.sound_bytes < text.size()) {
    std::size_t end = text.find('\n', out.sound_bytes);
    if (end == std::string::npos) break;
    std::string place = name + ":" + std::to_string(out.entries.size() + 1);
    PODIUM_ASSIGN(Json line, ParseJson(text.substr(out.sound_bytes, end - out.sound_bytes), place));
    HistoryEntry e;
    PODIUM_ASSIGN(e.number, JsonGet<std::int64_t>(line, "n"));
    PODIUM_ASSIGN(e.time, JsonGet<std::string>(line, "t"));
    PODIUM_ASSIGN(e.event, JsonGet<std::string>(line, "event"));
    PODIUM_ASSIGN(e.trial, JsonGet<std::string>(line, "trial"));
    e.submission_sha256 = JsonOr<std::string>(line, "submission", "");
    e.verdict_sha256 = JsonOr<std::string>(line, "verdict", "");
    e.journal_sha256 = JsonOr<std::string>(line, "journal", "");
    std::string digest = ChainDigest(out.last, e);
    bool follows = e.number == static_cast<std::int64_t>(out.entries.size()) + 1 &&
                   JsonOr<std::string>(line, "digest", "") == digest;
    if (!follows)
      return Fail(ErrorCode::kIo, place +
                                      ": does not follow from the line before: the history was "
                                      "changed or lines are missing");
    out.entries.push_back(std::move(e));
    out.last = std::move(digest);
    out.sound_bytes = end + 1;
  }
  return out;
}

// Where the next line goes, and what it continues.
struct LastLine {
  std::int64_t number = 0;
  std::string digest;
  std::size_t bytes = 0;  // of whole lines
};

Result<std::string> ReadTail(int fd, std::size_t from, std::size_t bytes, const fs::path& path) {
  std::string out(bytes, '\0');
  std::size_t have = 0;
  while (have < bytes) {
    ssize_t n = ::pread(fd, out.data() + have, bytes - have, static_cast<off_t>(from + have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return FailErrno(ErrorCode::kIo, "cannot read " + path.string(), errno);
    have += static_cast<std::size_t>(n);
  }
  return out;
}

// Looks at the end of the file alone, so that a line costs the same however many there are; whether
// the lines follow from each other is for the reader to say. Cuts a line that a crash tore.
Result<LastLine> ReadLast(int fd, const fs::path& path) {
  struct stat st {};
  if (::fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    return Fail(ErrorCode::kIo, path.string() + " is not a regular file");
  constexpr std::size_t kTail = 16 << 10;  // a line has some 500 bytes
  auto size = static_cast<std::size_t>(st.st_size);
  std::size_t from = size > kTail ? size - kTail : 0;
  PODIUM_ASSIGN(auto tail, ReadTail(fd, from, size - from, path));
  LastLine out;
  std::size_t end = tail.rfind('\n');
  if (end == std::string::npos && from > 0)
    return Fail(ErrorCode::kIo, path.string() + ": its last line is too long for a history's");
  out.bytes = end == std::string::npos ? 0 : from + end + 1;
  if (out.bytes < size && ::ftruncate(fd, static_cast<off_t>(out.bytes)) != 0)
    return FailErrno(ErrorCode::kIo, "cannot cut the torn end of " + path.string(), errno);
  if (end == std::string::npos) return out;
  std::size_t begin = end == 0 ? 0 : tail.rfind('\n', end - 1);
  begin = begin == std::string::npos || end == 0 ? 0 : begin + 1;
  PODIUM_ASSIGN(Json line, ParseJson(std::string_view(tail).substr(begin, end - begin),
                                     path.string() + ": its last line"));
  PODIUM_ASSIGN(out.number, JsonGet<std::int64_t>(line, "n"));
  PODIUM_ASSIGN(out.digest, JsonGet<std::string>(line, "digest"));
  return out;
}

Status LockFile(int fd, const fs::path& path) {
  for (Deadline deadline = Deadline::In(std::chrono::seconds(30)); !deadline.expired();) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK && errno != EINTR)
      return FailErrno(ErrorCode::kIo, "cannot lock " + path.string(), errno);
    std::this_thread::sleep_for(Millis(5));
  }
  return Fail(ErrorCode::kTimeout, "another process holds " + path.string());
}

}  // namespace

Status History::Append(HistoryEntry entry, const Clock& clock) const {
  UniqueFd fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path_.string(), errno);
  PODIUM_TRY(LockFile(fd.get(), path_));
  PODIUM_ASSIGN(auto last, ReadLast(fd.get(), path_));
  entry.number = last.number + 1;
  entry.time = IsoTime(clock.WallNow());
  OrderedJson line = Fields(entry);
  line["digest"] = ChainDigest(last.digest, entry);
  Status written = WriteAll(fd.get(), DumpJson(line) + "\n");
  if (written && ::fdatasync(fd.get()) != 0)
    written = FailErrno(ErrorCode::kIo, "cannot sync " + path_.string(), errno);
  // A part of a line would hide the next one from its readers.
  if (!written) (void)!::ftruncate(fd.get(), static_cast<off_t>(last.bytes));
  return written;
}

Result<std::vector<HistoryEntry>> History::Read() const {
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(path_.parent_path()));
  PODIUM_ASSIGN(bool there, folder.Has(path_.filename().string()));
  if (!there) return std::vector<HistoryEntry>();
  PODIUM_ASSIGN(auto text, folder.Read(path_.filename().string(), std::uint64_t{1} << 32));
  PODIUM_ASSIGN(auto chain, ParseChain(text, path_.string()));
  return std::move(chain.entries);
}

std::vector<HistoryFlag> HistoryFlags(const std::vector<HistoryEntry>& entries,
                                      const RunView& run) {
  struct Seen {
    int gradings = 0, attempts_after = 0;
    std::set<std::string> submissions;
  };
  std::map<std::string, Seen> seen;
  for (const auto& e : entries) {
    Seen& s = seen[e.trial];
    if (e.event == "attempt") s.attempts_after += s.gradings > 0;
    if (e.event != "graded") continue;
    ++s.gradings;
    s.submissions.insert(e.submission_sha256);
  }
  std::vector<HistoryFlag> out;
  for (const auto& [trial, s] : seen) {
    bool listed =
        std::ranges::any_of(run.trials, [&](const auto& t) { return t.id.str() == trial; });
    if (s.attempts_after > 0 || s.submissions.size() > 1)
      out.push_back({trial, "oracle_selected: graded " + std::to_string(s.gradings) +
                                " times with " + std::to_string(s.submissions.size()) +
                                " submissions, worked on " + std::to_string(s.attempts_after) +
                                " times after a score was known"});
    if (!listed && s.gradings > 0)
      out.push_back({trial, "oracle_selected: " + trial +
                                " was graded and is no longer among the run's trials"});
  }
  return out;
}

}  // namespace podium::harness
