#include "scoring/metric.h"

#include <algorithm>

#include "base/csv.h"
#include "base/text.h"

namespace podium::scoring {

Result<std::size_t> AnswerTable::Column(std::string_view name) const {
  auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  return Fail(ErrorCode::kGrader,
              "the answers have no column '" + std::string(name) + "'." + Suggest(name, names));
}

Result<AnswerTable> ReadAnswers(std::string_view csv, std::string_view id_column) {
  CsvReader reader(csv);
  std::vector<std::string_view> cells;
  PODIUM_ASSIGN(bool any, reader.Next(cells));
  auto id = std::ranges::find(cells, id_column);
  if (!any || id == cells.end())
    return Fail(ErrorCode::kGrader, "the answers have no column '" + std::string(id_column) + "'");
  auto id_cell = static_cast<std::size_t>(id - cells.begin());
  AnswerTable table;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    if (c != id_cell) table.names.emplace_back(cells[c]);
  }
  for (;; ++table.rows) {
    PODIUM_ASSIGN(bool more, reader.Next(cells));
    if (!more) return table;
    std::string place = "line " + std::to_string(reader.line()) + " of the answers";
    if (cells.size() != table.names.size() + 1)
      return Fail(ErrorCode::kGrader, place + " has another length than the header");
    for (std::size_t c = 0; c < cells.size(); ++c) {
      if (c == id_cell) continue;
      auto value = ParseCell(cells[c]);
      if (!value)
        return Fail(ErrorCode::kGrader,
                    place + ": '" + Printable(cells[c].substr(0, 60)) + "' is not a finite number");
      table.values.push_back(*value);
    }
  }
}

Result<std::int64_t> MetricInput::Param(const std::string& name, std::int64_t max) const {
  auto found = params.find(name);
  if (found != params.end() && found->second >= 1 && found->second <= max) return found->second;
  return Fail(ErrorCode::kGrader, "the task's grader needs params." + name +
                                      ", a whole number from 1 to " + std::to_string(max));
}

std::span<const Metric> Metrics() {
  static constexpr Metric kMetrics[] = {
      {"accuracy", false,
       "Share of rows with the right class, 0 to 1 (scikit-learn's accuracy_score).", Accuracy},
      {"life_forward_mae", true,
       "Share of cells that differ after stepping the submitted board delta generations of Life, 0 "
       "to 1 (Kaggle "
       "conways-reverse-game-of-life-2020).",
       LifeForwardMae},
      {"roc_auc", false,
       "Area under the ROC curve, 0 to 1; tied scores count half (Fawcett 2006; scikit-learn's "
       "roc_auc_score).",
       RocAuc},
      {"top_k_hits", false,
       "Positives among the params.k rows with the highest scores; rows tied at the line count by "
       "their share of positives (CoIL "
       "Challenge 2000).",
       TopKHits},
  };
  return kMetrics;
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
