// osic-pulmonary-fibrosis-progression: modified Laplace log likelihood,
// mean of -sqrt(2) min(|truth - predicted|, 1000) / s - ln(sqrt(2) s) with s = max(confidence, 70),
// over the last three weeks of each patient.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

constexpr std::size_t kGradedWeeks = 3;

struct Visit {
  std::string_view id;  // <patient>_<week>
  long week;
  double truth;
};

Graded<Visit> ReadVisit(std::string_view id, double truth) {
  Visit visit{id, 0, truth};
  std::size_t cut = id.rfind('_');
  std::string_view week = cut == std::string_view::npos ? id : id.substr(cut + 1);
  auto [end, ec] = std::from_chars(week.data(), week.data() + week.size(), visit.week);
  if (ec != std::errc() || end != week.data() + week.size())
    return TaskFault("bad_answers", "the id '" + Printable(id) + "' ends in no week");
  return visit;
}

// The graded visits by id: of each patient the last three with a value.
Graded<std::map<std::string_view, double>> GradedVisits(const MetricInput& in,
                                                        std::string_view id) {
  GRADED_ASSIGN(auto group, in.TextParam("group"));
  GRADED_ASSIGN(const Column* patients, in.AnswerColumn(group));
  GRADED_ASSIGN(const Column* id_column, in.AnswerColumn(id));
  GRADED_ASSIGN(auto ids, TextCells(*id_column, Side::kAnswers));
  GRADED_ASSIGN(const Column* column, in.Truth());
  GRADED_ASSIGN(auto truth, AnyNumbers(*column, Side::kAnswers));
  std::map<std::string, std::vector<Visit>> by_patient;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (std::isnan(truth[i])) continue;
    GRADED_ASSIGN(auto visit, ReadVisit(ids[i], truth[i]));
    by_patient[patients->Str(i)].push_back(visit);
  }
  std::map<std::string_view, double> graded;
  for (auto& [patient, visits] : by_patient) {
    std::ranges::stable_sort(visits, {}, &Visit::week);
    std::size_t first = visits.size() - std::min(visits.size(), kGradedWeeks);
    for (std::size_t i = first; i < visits.size(); ++i) graded[visits[i].id] = visits[i].truth;
  }
  return graded;
}

double Likelihood(double truth, double predicted, double confidence) {
  double s = confidence > 70 || std::isnan(confidence) ? confidence : 70;
  double error = std::abs(truth - predicted);
  if (error > 1000) error = 1000;
  return -std::numbers::sqrt2 * error / s - std::log(std::numbers::sqrt2 * s);
}

struct Guess {
  std::string_view id;
  double value;
  double confidence;
};

}  // namespace

// Targets: the value and its confidence. params.id, params.group: the visit's and the patient's
// column. Pairs rows itself: rows that are not graded are passed over. params.missing: "skip"
// leaves visits without a row out (MLE-bench), "refuse" (default) refuses.
Graded<double> LaplaceLikelihood(const MetricInput& in) {
  GRADED_ASSIGN(auto id, in.TextParam("id"));
  GRADED_ASSIGN(auto graded, GradedVisits(in, id));
  GRADED_ASSIGN(const Column* id_column, in.SubmissionColumn(id));
  GRADED_ASSIGN(auto ids, TextCells(*id_column, Side::kSubmission));
  GRADED_ASSIGN(const Column* value_column, in.Predicted(0));
  GRADED_ASSIGN(const Column* confidence_column, in.Predicted(1));
  GRADED_ASSIGN(auto values, AnyNumbers(*value_column, Side::kSubmission));
  GRADED_ASSIGN(auto confidences, AnyNumbers(*confidence_column, Side::kSubmission));
  std::vector<Guess> guesses;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (graded.contains(ids[i])) guesses.push_back({ids[i], values[i], confidences[i]});
  }
  std::ranges::stable_sort(guesses, {}, &Guess::id);
  std::size_t distinct = 0;
  for (std::size_t i = 0; i < guesses.size(); ++i)
    distinct += i == 0 || guesses[i].id != guesses[i - 1].id;
  if (distinct != graded.size() && in.TextParamOr("missing", "refuse") != "skip")
    return Refused("missing_ids",
                   std::to_string(graded.size() - distinct) + " graded visits have no row");
  if (distinct != guesses.size() && distinct != 1)
    return Raised("duplicate_id", "a graded visit has two rows");
  std::vector<double> scores;
  for (const Guess& guess : guesses)
    scores.push_back(Likelihood(graded.at(guess.id), guess.value, guess.confidence));
  if (scores.empty()) return std::numeric_limits<double>::quiet_NaN();
  return NumpyMean(scores);
}

}  // namespace podium::scoring
