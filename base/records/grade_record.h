#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::records {

// Where a score stands among the lines of a leaderboard.
struct Standing {
  std::string medal = "none";  // "gold", "silver", "bronze", "none"
  bool above_median = false;
  std::optional<double> percentile;
  std::optional<std::int64_t> rank;
};

struct MedalLines {
  double gold = 0, silver = 0, bronze = 0, median = 0;
};

// The board that a score was ranked on.
struct BoardRecord {
  std::size_t rows = 0;
  MedalLines lines;
};

// What MLE-bench's competitions say beyond that.
struct CompetitionRecord {
  bool raised = false;     // compat: the original fails with an exception of its own
  std::string lines_from;  // "board", or a source
  std::string board_note;  // what is odd about the board
};

// What podium-grade seals of one grading: a function of its request and the bytes, with no path,
// time or host in it. Scores may be infinite or not a number (compat).
struct GradeRecord {
  std::string task, task_digest;
  std::string grader;  // "podium-grade/1"; "" where no grader wrote it
  std::string mode, metric;
  bool lower_is_better = false;
  std::optional<std::string> submission_sha256;
  std::optional<std::uint64_t> submission_bytes;
  std::string verdict;  // "scored", "invalid", "no_submission", "grader_error"
  std::string reason, detail;
  std::optional<double> raw_score, score;
  Standing standing;
  std::optional<BoardRecord> board;  // none where the board could not be read
  std::optional<CompetitionRecord> competition;
};

// One line of JSON, "podium-verdict/1".
[[nodiscard]] std::string ToText(const GradeRecord& record);
[[nodiscard]] Result<GradeRecord> ParseGradeRecord(std::string_view text, std::string_view where);

}  // namespace podium::records
