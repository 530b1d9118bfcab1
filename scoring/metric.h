#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/submission_table.h"

namespace podium::scoring {

// The private answers: numbers by row (in the answers' own order, which is also that of the
// submission table) and named column.
struct AnswerTable {
  std::vector<std::string> names;  // without the id
  std::size_t rows = 0;
  std::vector<double> values;  // values[row * names.size() + column]

  [[nodiscard]] double at(std::size_t row, std::size_t column) const {
    return values[row * names.size() + column];
  }
  // Where a column is, or an Error naming it.
  [[nodiscard]] Result<std::size_t> Column(std::string_view name) const;
};

// Reads every cell but the id's as a number. Any other cell is an Error: answers are Podium's own
// bytes.
[[nodiscard]] Result<AnswerTable> ReadAnswers(std::string_view csv, std::string_view id_column);

// What a metric sees. Rows of `submission` and `answers` match one to one; shapes and ranges were
// checked before.
struct MetricInput {
  const SubmissionTable& submission;
  const std::vector<ColumnRule>& columns;  // of the submission
  const AnswerTable& answers;
  const std::map<std::string, std::int64_t>& params;

  // An integer parameter that must lie in [1, max].
  [[nodiscard]] Result<std::int64_t> Param(const std::string& name, std::int64_t max) const;
};

// One entry of the catalogue. `score` is deterministic; an Error means that the task is broken
// (answers of one class), never that the submission is.
struct Metric {
  std::string_view name;
  bool lower_is_better;
  std::string_view what;  // definition, range and source, one sentence
  Result<double> (*score)(const MetricInput& input);
};

// All metrics, sorted by name.
[[nodiscard]] std::span<const Metric> Metrics();

// An unknown name is an Error with a suggestion.
[[nodiscard]] Result<const Metric*> FindMetric(std::string_view name);

// The metrics, one file a family.
Result<double> Accuracy(const MetricInput& input);
Result<double> LifeForwardMae(const MetricInput& input);
Result<double> RocAuc(const MetricInput& input);
Result<double> TopKHits(const MetricInput& input);

}  // namespace podium::scoring
