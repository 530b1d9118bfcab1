#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tables/fault.h"
#include "tables/frame/frame.h"

namespace podium::scoring {

// A parameter as a task's YAML gives it: a number, a word, or a list of words.
struct ParamValue {
  enum class Kind { kNumber, kText, kList };
  Kind kind = Kind::kNumber;
  double number = 0;
  std::string text;
  std::vector<std::string> list;

  ParamValue() = default;
  ParamValue(double value) : number(value) {}  // NOLINT: a number is one
  ParamValue(std::string value) : kind(Kind::kText), text(std::move(value)) {}  // NOLINT
  ParamValue(std::vector<std::string> value)                                    // NOLINT
      : kind(Kind::kList), list(std::move(value)) {}
  bool operator==(const ParamValue&) const = default;
};
using MetricParams = std::map<std::string, ParamValue>;

// What a metric sees: both tables, rows matched one to one. A metric that pairs rows itself says
// so.
struct MetricInput {
  const Frame& submission;
  const Frame& answers;
  std::span<const std::string> targets;  // the graded columns, of the same names in both tables
  const MetricParams& params;
  // The line of the file (0-based, without header) that each row came from; empty: the same order.
  std::span<const RowIndex> submission_rows = {};
  std::span<const RowIndex> answer_rows = {};

  [[nodiscard]] std::size_t rows() const { return answers.rows; }
  [[nodiscard]] Graded<const Column*> Predicted(std::size_t target = 0) const;
  [[nodiscard]] Graded<const Column*> Truth(std::size_t target = 0) const;
  [[nodiscard]] Graded<const Column*> AnswerColumn(std::string_view name) const;
  [[nodiscard]] Graded<const Column*> SubmissionColumn(std::string_view name) const;

  // Parameters; a missing one without fallback, or one of another kind, is the task's fault.
  [[nodiscard]] Graded<std::int64_t> IntParam(const std::string& name, std::int64_t min,
                                              std::int64_t max) const;
  [[nodiscard]] Graded<std::string> TextParam(const std::string& name) const;
  [[nodiscard]] std::string TextParamOr(const std::string& name, const std::string& fallback) const;
  [[nodiscard]] double NumberParamOr(const std::string& name, double fallback) const;
};

// One entry of the catalogue. `score` is deterministic and touches nothing but its input.
struct Metric {
  std::string_view name;
  bool lower_is_better;
  std::string_view what;    // definition and range, one sentence
  std::string_view params;  // "k: how many guesses count", or ""
  std::string_view source;  // the library or page whose behaviour it equals
  Graded<double> (*score)(const MetricInput& input);
};

// All metrics, sorted by name.
[[nodiscard]] std::span<const Metric> Metrics();

// An unknown name is an Error with a suggestion.
[[nodiscard]] Result<const Metric*> FindMetric(std::string_view name);

}  // namespace podium::scoring
