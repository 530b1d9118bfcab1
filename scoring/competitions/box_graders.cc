#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "scoring/competitions/custom_graders.h"
#include "scoring/competitions/row_match.h"
#include "scoring/metrics/detection_metrics.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/python_token.h"

namespace podium::scoring {
namespace {

std::string RowText(std::size_t row) { return "row " + std::to_string(row + 1) + ": "; }

// What a parser gives, with the row in the words of its fault; faults of the answers are the
// task's.
template <class T>
Graded<T> InRow(Graded<T> parsed, std::size_t row, bool answers = false) {
  if (parsed) return parsed;
  Fault fault = std::move(parsed).error();
  fault.detail = RowText(row) + fault.detail;
  if (answers) return TaskFault("bad_answers", std::move(fault.detail));
  return tl::unexpected(std::move(fault));
}

// A prediction string: missing cells and numbers have no string methods in Python.
Graded<std::string_view> PredictionText(const Column& column, std::size_t row, bool answers) {
  if (auto text = TextCell(column, row)) return *text;
  std::string detail = RowText(row) + "the prediction is missing or a number, not text";
  if (answers) return TaskFault("bad_answers", std::move(detail));
  return Raised("not_text", std::move(detail));
}

// Strict mode: boxes of classes that a sample lacks are checked too, and confidences.
Graded<void> CheckBoxes3d(const std::vector<Box3d>& boxes, std::size_t row) {
  for (const Box3d& box : boxes) {
    auto good = CheckBox3d(box);
    if (!good) return Refused(good.error().code, RowText(row) + good.error().detail);
    if (!std::isfinite(box.confidence))
      return Refused("not_finite", RowText(row) + "a confidence is not finite");
  }
  return {};
}

Graded<void> CheckFinite(const std::vector<LabeledBox>& boxes, std::size_t row) {
  for (const LabeledBox& b : boxes) {
    bool finite = std::isfinite(b.confidence) &&
                  std::ranges::all_of(b.box, [](double v) { return std::isfinite(v); });
    if (!finite)
      return Refused("not_finite", RowText(row) + "a box has a value that is not finite");
  }
  return {};
}

}  // namespace

Graded<double> GradeLyft3d(const CustomInput& in) {
  GRADED_TRY(CheckRowCount(in));
  GRADED_TRY(SubmissionColumn(in.submission, "Id"));
  GRADED_ASSIGN(const Column* strings, SubmissionColumn(in.submission, "PredictionString"));
  GRADED_ASSIGN(const Column* truths, AnswersColumn(in.answers, "PredictionString"));
  GRADED_ASSIGN(auto pairs, PairByIds(in, "Id"));
  std::vector<Sample3d> samples(in.answers.rows);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::size_t row = pairs.submission[i];
    auto text = TextOrEmpty(*strings, row);
    if (!text) return Raised("not_text", RowText(row) + "the prediction is a number, not text");
    GRADED_ASSIGN(samples[i].predicted, InRow(ParseBoxes3d(*text), row));
    if (in.strict) GRADED_TRY(CheckBoxes3d(samples[i].predicted, row));
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::size_t row = pairs.answers[i];
    GRADED_ASSIGN(auto text, PredictionText(*truths, row, true));
    GRADED_ASSIGN(samples[i].truth, InRow(ParseBoxes3d(text), row, true));
  }
  return LyftMap3d(samples);
}

Graded<double> GradeSiimCovid(const CustomInput& in) {
  GRADED_TRY(CheckRowCount(in));
  GRADED_TRY(SubmissionColumn(in.submission, "id"));
  GRADED_ASSIGN(const Column* strings, SubmissionColumn(in.submission, "PredictionString"));
  GRADED_ASSIGN(const Column* truths, AnswersColumn(in.answers, "PredictionString"));
  GRADED_ASSIGN(auto pairs, PairByIds(in, "id"));
  std::vector<SampleBoxes> samples(in.answers.rows);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::size_t row = pairs.submission[i];
    GRADED_ASSIGN(auto text, PredictionText(*strings, row, false));
    GRADED_ASSIGN(samples[i].predicted, InRow(ParseLabeledBoxes(text), row));
    if (in.strict) GRADED_TRY(CheckFinite(samples[i].predicted, row));
    GRADED_ASSIGN(auto truth, PredictionText(*truths, pairs.answers[i], true));
    GRADED_ASSIGN(samples[i].truth, InRow(ParseLabeledBoxes(truth), pairs.answers[i], true));
  }
  return SiimMap(std::move(samples));
}

namespace {

Graded<std::vector<LabeledRect>> ParseRects(std::string_view text) {
  auto pieces = SplitBlanks(text);
  if (pieces.size() % 5 != 0) return TaskFault("bad_answers", "a page is no multiple of 5 tokens");
  std::vector<LabeledRect> rects;
  for (std::size_t i = 0; i < pieces.size(); i += 5) {
    std::array<double, 4> v{};
    for (std::size_t k = 0; k < 4; ++k) {
      auto value = ParseFloatToken(pieces[i + k + 1]);
      if (!value) return TaskFault("bad_answers", "a box of a page is not numeric");
      v[k] = *value;
    }
    rects.push_back({pieces[i], v[0], v[1], v[2], v[3]});
  }
  return rects;
}

// The points of a page; a missing cell is a page without any.
Graded<std::vector<LabeledPoint>> PagePoints(const CustomInput& in, const Column& labels,
                                             std::size_t row) {
  if (labels.missing(row)) return std::vector<LabeledPoint>();
  GRADED_ASSIGN(auto text, PredictionText(labels, row, false));
  GRADED_ASSIGN(auto points, InRow(ParseLabeledPoints(text), row));
  bool finite = std::ranges::all_of(
      points, [](const LabeledPoint& p) { return std::isfinite(p.x) && std::isfinite(p.y); });
  if (in.strict && !finite) return Refused("not_finite", RowText(row) + "a point is not finite");
  return points;
}

}  // namespace

Graded<double> GradeKuzushiji(const CustomInput& in) {
  GRADED_TRY(CheckRowCount(in));
  GRADED_TRY(SubmissionColumn(in.submission, "image_id"));
  GRADED_ASSIGN(const Column* labels, SubmissionColumn(in.submission, "labels"));
  GRADED_ASSIGN(const Column* truths, AnswersColumn(in.answers, "labels"));
  GRADED_ASSIGN(auto pairs, PairByIds(in, "image_id"));
  PageCounts total;
  for (std::size_t i = 0; i < in.answers.rows; ++i) {
    GRADED_ASSIGN(auto points, PagePoints(in, *labels, pairs.submission[i]));
    std::vector<LabeledRect> rects;
    if (!truths->missing(pairs.answers[i])) {
      GRADED_ASSIGN(auto text, PredictionText(*truths, pairs.answers[i], true));
      GRADED_ASSIGN(rects, ParseRects(text));
    }
    PageCounts page = MatchPage(rects, points);
    total.hits += page.hits;
    total.false_points += page.false_points;
    total.missed += page.missed;
  }
  return F1(total);
}

}  // namespace podium::scoring
