#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/result.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// What a run's history says of one moment of a trial.
struct HistoryEntry {
  std::int64_t number = 0;  // 1, 2, 3, ...
  std::string time;         // UTC, ISO 8601
  std::string event;        // "attempt": an agent begins to work; "graded": before verdict.json
  std::string trial;        // TrialId::str()
  std::string submission_sha256;  // graded alone: of the submission, "" when there was none
  std::string verdict_sha256;     // graded alone: of verdict.json's bytes
  std::string journal_sha256;     // graded alone: of the journal up to "sealed"
};

// RUN/history.jsonl: every attempt and every grading of a run's trials, whatever became of their
// folders, one JSON object a line. Each line's "digest" is the SHA-256 of the line before and of
// its own fields, so that a line cannot be changed or left out without changing all that follow.
// That is evidence against mistakes and against those who cannot write the file, not against its
// owner: there is no key in it.
class History {
 public:
  explicit History(std::filesystem::path run_dir) : path_(std::move(run_dir) / "history.jsonl") {}

  // Durable when it returns. Any number of processes may append.
  [[nodiscard]] Status Append(HistoryEntry entry, const Clock& clock) const;

  // All entries; an error (kIo) names the first line whose digest does not follow. No file: none. A
  // last line cut by a crash is left out.
  [[nodiscard]] Result<std::vector<HistoryEntry>> Read() const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// What a history tells that the trials' folders do not: a trial graded more than once with
// different submissions, worked on again after a grading, or graded and then taken out of the run.
struct HistoryFlag {
  std::string trial;  // TrialId::str()
  std::string text;   // "oracle_selected: ..."
};
[[nodiscard]] std::vector<HistoryFlag> HistoryFlags(const std::vector<HistoryEntry>& entries,
                                                    const RunView& run);

}  // namespace podium::harness
