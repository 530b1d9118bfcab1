#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scoring/boards/mle_bench_board.h"

namespace podium::scoring {

// One entry of mle-bench's grading report.
struct CompetitionReport {
  std::string competition_id;
  std::optional<double> score;  // rounded; none: missing or invalid. May be NaN or infinite
  Thresholds thresholds;
  MedalFlags flags;
  bool submission_exists = false;  // a regular file whose name ends in .csv
  bool valid_submission = false;
  bool lower_is_better = false;
  std::string created_at;  // "2024-01-01T00:00:00"
  std::string submission_path;
};

// What mle-bench's grade_csv makes of a score and a board.
[[nodiscard]] CompetitionReport MakeCompetitionReport(std::string competition_id,
                                                      std::string submission_path, bool exists,
                                                      std::optional<double> rounded_score,
                                                      const MleBenchBoard& board,
                                                      std::string created_at);

// The report file, byte for byte as mle-bench writes it: totals, then the entries, indented by two,
// no newline at the end, NaN and Infinity as Python's bare tokens.
[[nodiscard]] std::string GradingReportText(std::span<const CompetitionReport> reports);

// Reads a report that mle-bench or Podium wrote. Thresholds may be absent (older reports); flags,
// submission_exists, valid_submission and competition_id may not. `name` is for messages.
[[nodiscard]] Result<std::vector<CompetitionReport>> ReadGradingReport(std::string_view json,
                                                                       std::string_view name);

}  // namespace podium::scoring
