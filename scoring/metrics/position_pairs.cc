// Two metrics that pair rows by something else than the id, as MLE-bench's graders of
// stanford-covid-vaccine and jigsaw-toxic-comment-classification-challenge do.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"
#include "scoring/metrics/roc_auc.h"

namespace podium::scoring {
namespace {

double Rmse(std::span<const double> a, std::span<const double> b) {
  std::vector<double> squares(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) squares[i] = (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(NumpyMean(squares));
}

// Rows of a sorted table whose flag is set; `by_row` says which flag each row looks up.
std::vector<double> Kept(std::span<const double> values, const std::vector<std::uint8_t>& flags,
                         std::span<const RowIndex> by_row) {
  std::vector<double> kept;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (flags[by_row.empty() ? i : by_row[i]] != 0) kept.push_back(values[i]);
  }
  return kept;
}

}  // namespace

// Mean column RMSE over the rows whose answer column params.keep is true. params.mask: "id"
// (default) keeps a row by its own flag; "file_row" by the flag of the answer that stands at the
// same line of its file (MLE-bench: right only where both files have the same order).
Graded<double> MaskedMcrmse(const MetricInput& in) {
  GRADED_ASSIGN(auto keep, in.TextParam("keep"));
  GRADED_ASSIGN(const Column* column, in.AnswerColumn(keep));
  if (column->dtype != DType::kBool) return TaskFault("bad_answers", "'" + keep + "' is not bool");
  bool by_file_row = in.TextParamOr("mask", "id") == "file_row" && !in.submission_rows.empty();
  std::vector<std::uint8_t> flags = column->bools;
  std::vector<std::uint8_t> by_line = flags;
  for (std::size_t i = 0; i < in.answer_rows.size(); ++i) by_line[in.answer_rows[i]] = flags[i];
  std::vector<double> columns;
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(const Column* predicted, in.Predicted(target));
    GRADED_ASSIGN(const Column* truth, in.Truth(target));
    GRADED_ASSIGN(auto p, AnyNumbers(*predicted, Side::kSubmission));
    GRADED_ASSIGN(auto t, AnyNumbers(*truth, Side::kAnswers));
    Column kept_p{.name = predicted->name, .dtype = DType::kFloat64};
    Column kept_t{.name = truth->name, .dtype = DType::kFloat64};
    kept_p.floats = by_file_row ? Kept(p, by_line, in.submission_rows) : Kept(p, flags, {});
    kept_t.floats = Kept(t, flags, {});
    GRADED_ASSIGN(auto graded_p, FiniteNumbers(kept_p, Side::kSubmission));
    GRADED_ASSIGN(auto graded_t, FiniteNumbers(kept_t, Side::kAnswers));
    if (graded_p.size() != graded_t.size() || graded_t.empty())
      return Raised("row_count", "another number of rows");
    columns.push_back(Rmse(graded_p, graded_t));
  }
  return NumpyMean(columns);
}

namespace {

std::vector<RowIndex> OrderOf(const std::vector<std::string>& ids) {
  std::vector<RowIndex> order(ids.size());
  std::iota(order.begin(), order.end(), RowIndex{0});
  std::ranges::stable_sort(order, {}, [&](RowIndex i) { return std::string_view(ids[i]); });
  return order;
}

std::vector<std::string> Ids(const Column& column) {
  std::vector<std::string> ids(column.size());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = column.Str(i);
  return ids;
}

// Which answers are graded: those whose labels do not add to less than 0.
Graded<std::unordered_map<std::string, bool>> KeptIds(const MetricInput& in,
                                                      const std::vector<std::string>& ids) {
  std::vector<double> sums(ids.size());
  for (std::size_t target = 0; target < in.targets.size(); ++target) {
    GRADED_ASSIGN(const Column* truth, in.Truth(target));
    GRADED_ASSIGN(auto values, AnyNumbers(*truth, Side::kAnswers));
    for (std::size_t i = 0; i < values.size(); ++i) sums[i] += values[i];
  }
  std::unordered_map<std::string, bool> kept;
  for (std::size_t i = 0; i < ids.size(); ++i) kept[ids[i]] = sums[i] >= 0;
  return kept;
}

// The rows of `order` that are graded; a fault where an id is not among the answers.
Graded<std::vector<RowIndex>> KeptRows(const std::vector<std::string>& ids,
                                       const std::unordered_map<std::string, bool>& kept) {
  std::vector<RowIndex> rows;
  for (RowIndex row : OrderOf(ids)) {
    auto found = kept.find(ids[row]);
    if (found == kept.end())
      return Raised("wrong_ids",
                    "the id '" + Printable(ids[row].substr(0, 60)) + "' is not among the answers");
    if (found->second) rows.push_back(row);
  }
  return rows;
}

Graded<double> AucOfColumns(const Column& scores, const std::vector<RowIndex>& rows,
                            const Column& truth, const std::vector<RowIndex>& true_rows) {
  Column picked = scores.Take(rows);
  GRADED_ASSIGN(auto p, FiniteNumbers(picked, Side::kSubmission));
  GRADED_ASSIGN(auto t, FiniteNumbers(truth.Take(true_rows), Side::kAnswers));
  std::vector<std::uint8_t> positive(t.size());
  for (std::size_t i = 0; i < t.size(); ++i) positive[i] = t[i] == 1;
  return RocAucOf(p, positive);
}

}  // namespace

// Mean AUC over columns paired by position, not by name: the k-th column of the submission besides
// params.id against the k-th of the answers; rows sorted by id on each side on their own; answers
// whose targets add to less than 0 and the submission's rows of the same id left out.
Graded<double> RocAucByPosition(const MetricInput& in) {
  GRADED_ASSIGN(auto id, in.TextParam("id"));
  GRADED_ASSIGN(const Column* true_ids, in.AnswerColumn(id));
  GRADED_ASSIGN(const Column* ids, in.SubmissionColumn(id));
  std::vector<std::string> answer_ids = Ids(*true_ids);
  GRADED_ASSIGN(auto kept, KeptIds(in, answer_ids));
  GRADED_ASSIGN(auto rows, KeptRows(Ids(*ids), kept));
  GRADED_ASSIGN(auto true_rows, KeptRows(answer_ids, kept));
  if (rows.size() != true_rows.size()) return Raised("row_count", "another number of graded rows");
  if (in.submission.columns.size() > in.answers.columns.size())
    return Raised("extra_column", "more columns than the answers have");
  std::vector<double> areas;
  auto truth = in.answers.columns.begin();
  for (const Column& column : in.submission.columns) {
    if (column.name == id) continue;
    if (truth->name == id) ++truth;
    GRADED_ASSIGN(double area, AucOfColumns(column, rows, *truth++, true_rows));
    areas.push_back(area);
  }
  return NumpyMean(areas);
}

}  // namespace podium::scoring
