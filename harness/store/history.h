#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/records/history_line.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

using records::HistoryLine;

// A run's history: every attempt and every grading of its trials, whatever became of their folders.
// One file a writer, RUN/history/<writer>.jsonl (before: one for all, RUN/history.jsonl), one JSON
// object a line, chained: each line's "digest" is the SHA-256 of the line before and of its own
// fields, so that a line cannot be changed or left out without changing all that follow. That is
// evidence against mistakes and against those who cannot write the file, not against its owner:
// there is no key in it.
//
// The writer of one process. Its file is made with its first line. Any thread.
class HistoryWriter {
 public:
  HistoryWriter(std::filesystem::path run_dir, const Clock& clock)
      : run_dir_(std::move(run_dir)), clock_(clock) {}

  // Durable when it returns. Lines of threads that come at once share a write and a sync; the cost
  // does not grow with what was written before. Sets each line's number and time. Blocks.
  [[nodiscard]] Status Append(std::vector<HistoryLine> lines);

 private:
  [[nodiscard]] Status Open();
  [[nodiscard]] Status WriteGroup(std::vector<HistoryLine> lines);

  std::filesystem::path run_dir_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable written_;
  std::vector<HistoryLine> waiting_;
  std::int64_t asked_ = 0, done_ = 0;  // lines
  bool writing_ = false;
  Status status_;  // once it fails, for ever: what the disk holds is not known
  // Of whoever writes.
  UniqueFd fd_;
  std::int64_t number_ = 0;
  std::string digest_;
};

// All lines of a run's history by time; an error (kIo) names the first line whose digest does not
// follow. No file: none. A last line cut by a crash is left out.
[[nodiscard]] Result<std::vector<HistoryLine>> ReadHistory(const std::filesystem::path& run_dir);

// What of a graded trial is not as the last grading in the history says: the verdict's file, the
// journal up to the seal, or the grading itself. Blocks.
[[nodiscard]] std::vector<std::string> GradingProblems(const std::vector<HistoryLine>& lines,
                                                       const TrialView& trial);

// What a history tells that the trials' folders do not: a trial graded more than once with
// different submissions, worked on again after a grading, or graded and then taken out of the run.
struct HistoryFlag {
  std::string trial;  // TrialId::str()
  std::string text;   // "oracle_selected: ..."
};
[[nodiscard]] std::vector<HistoryFlag> HistoryFlags(const std::vector<HistoryLine>& lines,
                                                    const RunView& run);

}  // namespace podium::harness
