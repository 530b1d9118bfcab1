#include "scoring/metric.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

Graded<const Column*> ColumnOf(const Frame& frame, std::string_view name, bool answers) {
  if (const Column* found = frame.Find(name)) return found;
  std::string what = "no column '" + Printable(name) + "'";
  if (!answers) return Refused("missing_column", "the submission has " + what);
  std::vector<std::string> names;
  for (const Column& column : frame.columns) names.push_back(column.name);
  return TaskFault("bad_answers", "the answers have " + what + "." + Suggest(name, names));
}

tl::unexpected<Fault> BadParam(const std::string& name, const std::string& wanted) {
  return TaskFault("bad_params", "the task's grader needs params." + name + ", " + wanted);
}

}  // namespace

Graded<const Column*> MetricInput::Predicted(std::size_t target) const {
  if (target >= targets.size()) return TaskFault("bad_params", "the metric needs more targets");
  return SubmissionColumn(targets[target]);
}

Graded<const Column*> MetricInput::Truth(std::size_t target) const {
  if (target >= targets.size()) return TaskFault("bad_params", "the metric needs more targets");
  return AnswerColumn(targets[target]);
}

Graded<const Column*> MetricInput::AnswerColumn(std::string_view name) const {
  return ColumnOf(answers, name, true);
}

Graded<const Column*> MetricInput::SubmissionColumn(std::string_view name) const {
  return ColumnOf(submission, name, false);
}

Graded<std::int64_t> MetricInput::IntParam(const std::string& name, std::int64_t min,
                                           std::int64_t max) const {
  auto found = params.find(name);
  bool good = found != params.end() && found->second.kind == ParamValue::Kind::kNumber &&
              found->second.number == std::trunc(found->second.number) &&
              found->second.number >= static_cast<double>(min) &&
              found->second.number <= static_cast<double>(max);
  if (good) return static_cast<std::int64_t>(found->second.number);
  return BadParam(name,
                  "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
}

Graded<std::string> MetricInput::TextParam(const std::string& name) const {
  auto found = params.find(name);
  if (found != params.end() && found->second.kind == ParamValue::Kind::kText)
    return found->second.text;
  return BadParam(name, "a word");
}

std::string MetricInput::TextParamOr(const std::string& name, const std::string& fallback) const {
  auto found = params.find(name);
  return found == params.end() ? fallback : found->second.text;
}

double MetricInput::NumberParamOr(const std::string& name, double fallback) const {
  auto found = params.find(name);
  return found == params.end() ? fallback : found->second.number;
}

Result<const Metric*> FindMetric(std::string_view name) {
  std::vector<std::string> names;
  for (const Metric& metric : Metrics()) {
    if (metric.name == name) return &metric;
    names.emplace_back(metric.name);
  }
  return Fail(ErrorCode::kGrader, "no metric '" + std::string(name) + "'." + Suggest(name, names) +
                                      " Metrics: " + Join(names, ", ") + ".");
}

}  // namespace podium::scoring
