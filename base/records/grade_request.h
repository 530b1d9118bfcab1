#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/records/hand_over.h"
#include "base/result.h"

namespace podium::records {

// What one column of a submission may hold.
struct ColumnRule {
  std::string name;
  bool integer = false;  // whole numbers only; "3.0" is one
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

// The shape of a submission: exactly these columns, in any order; one row an id, in any order.
struct SubmissionRules {
  std::string id_column;
  std::vector<ColumnRule> columns;
};

// The grading of a task of Podium's own form: a metric over a table.
struct TableGrading {
  std::string task;         // id
  std::string task_digest;  // hex
  std::string mode = "strict";
  std::string metric;  // of scoring's catalogue
  bool lower_is_better = false;
  std::map<std::string, std::int64_t> params;
  SubmissionRules rules;
};

// Medal lines that are known without a board.
struct KnownLines {
  std::size_t rows = 0;  // of the leaderboard that they are from
  double gold = 0, silver = 0, bronze = 0, median = 0;
  std::string source;
};

// The grading of one of MLE-bench's competitions.
struct CompetitionGrading {
  std::string competition;  // text of its specification (scoring/competitions)
  std::string mode;         // "compat", "strict"
  std::optional<KnownLines> known;
};

// What podium-grade is asked. Holds no path and no time, so that equal requests are equal bytes.
struct GradeRequest {
  std::variant<TableGrading, CompetitionGrading> grading;
  HandOver hand_over;
};

// One line of JSON: "podium-grade-request/1" or "podium-competition-request/1".
[[nodiscard]] std::string ToText(const GradeRequest& request);
// An error (kIo) names the member that is missing or wrong.
[[nodiscard]] Result<GradeRequest> ParseGradeRequest(std::string_view text);

}  // namespace podium::records
