#include "harness/store/history.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/process_owner.h"
#include "base/text.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "history";
constexpr const char* kOneForAll = "history.jsonl";  // of older runs

// Adds what one file holds.
Status ReadChain(const ForeignFolder& folder, const std::string& file,
                 std::vector<HistoryLine>& out) {
  PODIUM_ASSIGN(auto text, folder.Read(file, std::uint64_t{1} << 32));
  std::string name = (folder.path() / file).string(), last;
  std::int64_t number = 0;
  for (std::size_t at = 0;;) {
    std::size_t end = text.find('\n', at);
    if (end == std::string::npos) return {};
    std::string place = name + ":" + std::to_string(++number);
    PODIUM_ASSIGN(auto parsed, records::ParseHistoryLine(
                                   std::string_view(text).substr(at, end - at), last, place));
    if (parsed.line.number != number)
      return Fail(ErrorCode::kIo, place + ": is not line " + std::to_string(parsed.line.number) +
                                      " of its writer: lines are missing");
    out.push_back(std::move(parsed.line));
    last = std::move(parsed.digest);
    at = end + 1;
  }
}

}  // namespace

Status HistoryWriter::Open() {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(run_dir_));
  PODIUM_ASSIGN(auto folder, run.MakeFolder(kFolder));
  ProcessOwner self = ProcessOwner::Self();
  std::string name = self.host + "-" + std::to_string(self.pid) + "-" + self.start;
  for (int again = 0; again < 1000; ++again) {
    std::string file = name + (again ? "-" + std::to_string(again) : "") + ".jsonl";
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
    fd_ = UniqueFd(::openat(folder.fd(), file.c_str(), kFlags, 0644));
    if (!fd_ && errno == EEXIST) continue;
    if (!fd_) break;
    if (::fsync(folder.fd()) == 0) return {};
    break;
  }
  return FailErrno(ErrorCode::kIo, "cannot make a history in " + folder.path().string(), errno);
}

Status HistoryWriter::WriteGroup(std::vector<HistoryLine> lines) {
  if (!fd_) PODIUM_TRY(Open());
  std::string text, digest = digest_;
  for (auto& line : lines) {
    line.number = ++number_;
    line.time = IsoTime(clock_.WallNow());
    auto chained = records::ToText(line, digest);
    text += chained.text;
    digest = std::move(chained.digest);
  }
  PODIUM_TRY(WriteAll(fd_.get(), text));
  if (::fdatasync(fd_.get()) != 0)
    return FailErrno(ErrorCode::kIo, "cannot sync the history of " + run_dir_.string(), errno);
  digest_ = std::move(digest);
  return {};
}

Status HistoryWriter::Append(std::vector<HistoryLine> lines) {
  std::unique_lock lock(mutex_);
  asked_ += static_cast<std::int64_t>(lines.size());
  std::int64_t mine = asked_;
  std::ranges::move(lines, std::back_inserter(waiting_));
  while (status_ && done_ < mine) {
    if (writing_) {
      written_.wait(lock);
      continue;
    }
    writing_ = true;
    std::vector<HistoryLine> group = std::exchange(waiting_, {});
    auto count = static_cast<std::int64_t>(group.size());
    lock.unlock();
    Status written = WriteGroup(std::move(group));
    lock.lock();
    writing_ = false;
    done_ += count;
    if (!written) status_ = written;
    written_.notify_all();
  }
  return status_;
}

Result<std::vector<HistoryLine>> ReadHistory(const fs::path& run_dir) {
  std::vector<HistoryLine> out;
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(run_dir));
  PODIUM_ASSIGN(bool one_for_all, run.Has(kOneForAll));
  if (one_for_all) PODIUM_TRY(ReadChain(run, kOneForAll, out));
  auto folder = run.Folder(kFolder);
  if (!folder && folder.error().code == ErrorCode::kNotFound) return out;
  if (!folder) return tl::unexpected(folder.error());
  PODIUM_ASSIGN(auto files, folder->List({.entries = 1'000'000, .depth = 1}));
  for (const auto& file : files) PODIUM_TRY(ReadChain(*folder, file.name, out));
  std::ranges::stable_sort(out, {}, &HistoryLine::time);
  return out;
}

std::vector<std::string> GradingProblems(const std::vector<HistoryLine>& lines,
                                         const TrialView& trial) {
  const HistoryLine* last = nullptr;
  for (const auto& line : lines) {
    if (line.trial == trial.id.str() && line.event == "graded") last = &line;
  }
  if (!last) return {"the run's history knows of no grading"};
  std::vector<std::string> out;
  auto folder = ForeignFolder::Open(trial.dir);
  auto verdict = folder ? folder->DigestOf("verdict.json") : tl::unexpected(folder.error());
  if (!verdict || last->verdict_sha256 != verdict->hex())
    out.emplace_back("verdict.json is not what was graded: its digest differs");
  auto journal = SealedDigest(trial.dir / "journal.jsonl");
  if (!journal || journal->hex() != last->journal_sha256)
    out.emplace_back("journal.jsonl was changed after the seal: its digest differs");
  return out;
}

std::vector<HistoryFlag> HistoryFlags(const std::vector<HistoryLine>& lines, const RunView& run) {
  struct Seen {
    int gradings = 0, attempts_after = 0;
    std::set<std::string> submissions;
    std::vector<std::string> retried;
  };
  std::map<std::string, Seen> seen;
  for (const auto& e : lines) {
    Seen& s = seen[e.trial];
    if (e.event == "retried") s.retried.push_back(e.why.empty() ? "no reason given" : e.why);
    if (e.event == "attempt") s.attempts_after += s.gradings > 0;
    if (e.event != "graded") continue;
    ++s.gradings;
    s.submissions.insert(e.submission_sha256);
  }
  std::set<std::string> in_run;
  for (const auto& t : run.trials) in_run.insert(t.id.str());
  std::vector<HistoryFlag> out;
  for (const auto& [trial, s] : seen) {
    bool listed = in_run.contains(trial);
    for (const auto& why : s.retried)
      out.push_back({trial, "retried after infrastructure_exhausted: " + Printable(why)});
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
