// jigsaw-unintended-bias-in-toxicity-classification: a quarter each of the overall AUC and of the
// power means (p = -5) over identities of three AUCs (Borkan et al. 2019, "Nuanced metrics for
// measuring unintended bias"): within the subgroup; background positive, subgroup negative;
// background negative, subgroup positive.

#include <cmath>
#include <vector>

#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"
#include "scoring/metrics/roc_auc.h"

namespace podium::scoring {
namespace {

constexpr double kPower = -5;

struct Rows {
  std::vector<double> scores;
  std::vector<std::uint8_t> toxic;
};

// 1 where a value reaches one half; missing does not.
Graded<std::vector<std::uint8_t>> Halves(const Column& column, Side side) {
  GRADED_ASSIGN(auto values, AnyNumbers(column, side));
  std::vector<std::uint8_t> out(values.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = values[i] >= 0.5;
  return out;
}

template <class Keep>
double AucWhere(const Rows& rows, const Keep& keep) {
  Rows kept;
  for (std::size_t i = 0; i < rows.scores.size(); ++i) {
    if (!keep(i)) continue;
    kept.scores.push_back(rows.scores[i]);
    kept.toxic.push_back(rows.toxic[i]);
  }
  return RocAucOf(kept.scores, kept.toxic);
}

double PowerMean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += std::pow(value, kPower);
  return std::pow(sum / static_cast<double>(values.size()), 1 / kPower);
}

Graded<Rows> ReadRows(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  Rows rows;
  GRADED_ASSIGN(rows.toxic, Halves(*truth, Side::kAnswers));
  if (in.TextParamOr("predictions", "ranked") == "halved") {
    GRADED_ASSIGN(auto halves, Halves(*predicted, Side::kSubmission));
    rows.scores.assign(halves.begin(), halves.end());
  } else {
    GRADED_ASSIGN(auto scores, FiniteNumbers(*predicted, Side::kSubmission));
    rows.scores.assign(scores.begin(), scores.end());
  }
  return rows;
}

}  // namespace

// params.identities: answer columns, yes from 0.5 up. params.predictions: "ranked" as they are, or
// "halved": 1 from 0.5 up, else 0, before ranking (MLE-bench; there an AUC of 0 is a fault).
Graded<double> JigsawBias(const MetricInput& in) {
  auto found = in.params.find("identities");
  if (found == in.params.end() || found->second.list.empty())
    return TaskFault("bad_params", "the metric needs params.identities, a list of answer columns");
  GRADED_ASSIGN(Rows rows, ReadRows(in));
  bool halved = in.TextParamOr("predictions", "ranked") == "halved";
  std::vector<double> areas[3];
  for (const std::string& name : found->second.list) {
    GRADED_ASSIGN(const Column* column, in.AnswerColumn(name));
    GRADED_ASSIGN(auto member, Halves(*column, Side::kAnswers));
    const auto& toxic = rows.toxic;
    areas[0].push_back(AucWhere(rows, [&](std::size_t i) { return member[i] != 0; }));
    areas[1].push_back(AucWhere(rows, [&](std::size_t i) { return toxic[i] != member[i]; }));
    areas[2].push_back(AucWhere(rows, [&](std::size_t i) { return toxic[i] == member[i]; }));
  }
  double score = RocAucOf(rows.scores, rows.toxic) / 4;
  for (const auto& kind : areas) {
    for (double area : kind) {
      if (halved && area == 0) return Raised("zero_auc", "an AUC of 0 has no power mean");
    }
    score += PowerMean(kind) / 4;
  }
  return score;
}

}  // namespace podium::scoring
