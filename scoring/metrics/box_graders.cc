#include <cmath>
#include <map>

#include "scoring/metrics/custom_graders.h"
#include "scoring/metrics/detection_metrics.h"
#include "scoring/metrics/python_token.h"
#include "scoring/metrics/row_match.h"

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

// A prediction string: missing and numbers are what Python has no string method for.
Graded<std::string_view> PredictionText(const Column& column, std::size_t row, bool answers) {
  if (auto text = TextCell(column, row)) return *text;
  std::string detail = RowText(row) + "the prediction is missing or a number, not text";
  if (answers) return TaskFault("bad_answers", std::move(detail));
  return Raised("not_text", std::move(detail));
}

}  // namespace

Graded<double> GradeLyft3d(const Frame& submission, const Frame& answers) {
  GRADED_TRY(CheckRowCount(submission, answers));
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(submission, "Id"));
  GRADED_ASSIGN(const Column* strings, SubmissionColumn(submission, "PredictionString"));
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(answers, "Id"));
  GRADED_ASSIGN(const Column* true_strings, AnswersColumn(answers, "PredictionString"));
  GRADED_ASSIGN(auto pairs, PairByIds(*ids, *true_ids));
  std::vector<Sample3d> samples(answers.rows);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::size_t row = pairs.submission[i];
    auto text = TextOrEmpty(*strings, row);
    if (!text) return Raised("not_text", RowText(row) + "the prediction is a number, not text");
    GRADED_ASSIGN(samples[i].predicted, InRow(ParseBoxes3d(*text), row));
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::size_t row = pairs.answers[i];
    GRADED_ASSIGN(auto text, PredictionText(*true_strings, row, true));
    GRADED_ASSIGN(samples[i].truth, InRow(ParseBoxes3d(text), row, true));
  }
  return LyftMap3d(samples);
}

Graded<double> GradeSiimCovid(const Frame& submission, const Frame& answers) {
  GRADED_TRY(CheckRowCount(submission, answers));
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(submission, "id"));
  GRADED_ASSIGN(const Column* strings, SubmissionColumn(submission, "PredictionString"));
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(answers, "id"));
  GRADED_ASSIGN(const Column* true_strings, AnswersColumn(answers, "PredictionString"));
  GRADED_ASSIGN(auto pairs, PairByIds(*ids, *true_ids));
  std::vector<SampleBoxes> samples(answers.rows);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::size_t row = pairs.submission[i];
    GRADED_ASSIGN(auto text, PredictionText(*strings, row, false));
    GRADED_ASSIGN(samples[i].predicted, InRow(ParseLabeledBoxes(text), row));
    GRADED_ASSIGN(auto truth, PredictionText(*true_strings, pairs.answers[i], true));
    GRADED_ASSIGN(samples[i].truth, InRow(ParseLabeledBoxes(truth), pairs.answers[i], true));
  }
  return SiimMap(std::move(samples));
}

namespace {

// A place for each image, in the order in which the answers first name it.
std::map<std::string, std::size_t> ImagePlaces(const Column& image_ids) {
  std::map<std::string, std::size_t> places;
  for (std::size_t row = 0; row < image_ids.size(); ++row)
    places.try_emplace(image_ids.Str(row), places.size());
  return places;
}

Graded<std::vector<CocoTruth>> VinBigTruth(const Frame& answers,
                                           const std::map<std::string, std::size_t>& places) {
  const char* names[] = {"class_id", "x_min", "y_min", "x_max", "y_max"};
  const Column* columns[5];
  for (std::size_t c = 0; c < 5; ++c) {
    GRADED_ASSIGN(columns[c], AnswersColumn(answers, names[c]));
    if (!columns[c]->numeric())
      return TaskFault("bad_answers", std::string(names[c]) + " is not numeric");
  }
  const Column& image_ids = *answers.Find("image_id");
  std::vector<std::vector<CocoTruth>> by_image(places.size());
  for (std::size_t row = 0; row < answers.rows; ++row) {
    std::array<double, 5> v{};
    for (std::size_t c = 0; c < 5; ++c) {
      v[c] = columns[c]->number(row);
      if (!(std::abs(v[c]) < 9e15))
        return TaskFault("bad_answers", RowText(row) + "not a finite number");
    }
    std::size_t image = places.at(image_ids.Str(row));
    by_image[image].push_back({image,
                               static_cast<std::int64_t>(v[0]),
                               {v[1], v[2], v[3], v[4]},
                               (v[3] - v[1]) * (v[4] - v[2])});
  }
  std::vector<CocoTruth> out;
  for (auto& boxes : by_image) out.insert(out.end(), boxes.begin(), boxes.end());
  return out;
}

}  // namespace

Graded<double> GradeVinBigData(const Frame& submission, const Frame& answers) {
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(answers, "image_id"));
  auto places = ImagePlaces(*true_ids);
  GRADED_ASSIGN(auto truth, VinBigTruth(answers, places));
  GRADED_ASSIGN(const Column* strings, SubmissionColumn(submission, "PredictionString"));
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(submission, "image_id"));
  if (!SameValues(*ids, *true_ids))
    return Refused("wrong_ids", "the image ids are not those of the answers");
  std::vector<CocoDetection> detections;
  for (std::size_t row = 0; row < submission.rows; ++row) {
    GRADED_ASSIGN(auto text, PredictionText(*strings, row, false));
    GRADED_ASSIGN(auto boxes, InRow(ParseClassBoxes(text), row));
    for (const ClassBox& b : boxes)
      detections.push_back({places[ids->Str(row)], b.category, b.score, b.box,
                            (b.box[2] - b.box[0]) * (b.box[3] - b.box[1])});
  }
  return CocoMap40(truth, detections, places.size());
}

namespace {

Graded<std::vector<LabeledRect>> ParseRects(std::string_view text) {
  auto pieces = CutAtSpaces(text);
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
Graded<std::vector<LabeledPoint>> PagePoints(const Column& labels, std::size_t row) {
  if (labels.missing(row)) return std::vector<LabeledPoint>();
  GRADED_ASSIGN(auto text, PredictionText(labels, row, false));
  return InRow(ParseLabeledPoints(text), row);
}

}  // namespace

Graded<double> GradeKuzushiji(const Frame& submission, const Frame& answers) {
  GRADED_TRY(CheckRowCount(submission, answers));
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(submission, "image_id"));
  GRADED_ASSIGN(const Column* labels, SubmissionColumn(submission, "labels"));
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(answers, "image_id"));
  GRADED_ASSIGN(const Column* true_labels, AnswersColumn(answers, "labels"));
  GRADED_ASSIGN(auto pairs, PairByIds(*ids, *true_ids));
  PageCounts total;
  for (std::size_t i = 0; i < answers.rows; ++i) {
    GRADED_ASSIGN(auto points, PagePoints(*labels, pairs.submission[i]));
    std::vector<LabeledRect> rects;
    if (!true_labels->missing(pairs.answers[i])) {
      GRADED_ASSIGN(auto text, PredictionText(*true_labels, pairs.answers[i], true));
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
