#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "scoring/competitions/custom_graders.h"
#include "scoring/competitions/row_match.h"
#include "scoring/metrics/detection_metrics.h"

namespace podium::scoring {
namespace {

using Corners = std::array<double, 4>;
using ImagePlaces = std::map<std::string, std::size_t>;

std::string RowText(std::size_t row) { return "row " + std::to_string(row + 1) + ": "; }

// What COCO's range of areas is asked about; exchanged corners make it negative in the original.
double Area(const CustomInput& in, const Corners& b) {
  double area = (b[2] - b[0]) * (b[3] - b[1]);
  return in.strict ? std::abs(area) : area;
}

// COCO's box is x, y, width, height; the original hands it the corners.
Corners CocoBox(const CustomInput& in, const Corners& b) {
  return in.strict ? Corners{b[0], b[1], b[2] - b[0], b[3] - b[1]} : b;
}

// A place for each image, in the order in which the answers first name it.
ImagePlaces PlacesOf(const Column& image_ids) {
  ImagePlaces places;
  for (std::size_t row = 0; row < image_ids.size(); ++row)
    places.try_emplace(image_ids.Str(row), places.size());
  return places;
}

Graded<std::vector<CocoTruth>> ReadTruth(const CustomInput& in, const ImagePlaces& places) {
  const char* names[] = {"class_id", "x_min", "y_min", "x_max", "y_max"};
  std::array<const Column*, 5> columns{};
  for (std::size_t c = 0; c < 5; ++c) {
    GRADED_ASSIGN(columns[c], AnswersColumn(in.answers, names[c]));
    if (!columns[c]->numeric())
      return TaskFault("bad_answers", std::string(names[c]) + " is not numeric");
  }
  const Column& image_ids = *in.answers.Find("image_id");
  std::vector<std::vector<CocoTruth>> by_image(places.size());
  for (std::size_t row = 0; row < in.answers.rows; ++row) {
    std::array<double, 5> v{};
    for (std::size_t c = 0; c < 5; ++c) {
      v[c] = columns[c]->number(row);
      if (!(std::abs(v[c]) < 9e15))
        return TaskFault("bad_answers", RowText(row) + "not a finite number");
    }
    Corners box = {v[1], v[2], v[3], v[4]};
    std::size_t image = places.at(image_ids.Str(row));
    by_image[image].push_back(
        {image, static_cast<std::int64_t>(v[0]), CocoBox(in, box), Area(in, box)});
  }
  std::vector<CocoTruth> out;
  for (auto& boxes : by_image) out.insert(out.end(), boxes.begin(), boxes.end());
  return out;
}

Graded<void> CheckStrictBox(const ClassBox& b, std::size_t row) {
  bool finite = std::isfinite(b.score);
  for (double v : b.box) finite = finite && std::isfinite(v);
  if (!finite) return Refused("not_finite", RowText(row) + "a box has a value that is not finite");
  return {};
}

Graded<std::vector<CocoDetection>> ReadDetections(const CustomInput& in, const Column& ids,
                                                  const ImagePlaces& places) {
  GRADED_ASSIGN(const Column* strings, SubmissionColumn(in.submission, "PredictionString"));
  std::vector<CocoDetection> out;
  for (std::size_t row = 0; row < in.submission.rows; ++row) {
    auto text = TextCell(*strings, row);
    if (!text)
      return Raised("not_text", RowText(row) + "the prediction is missing or a number, not text");
    auto boxes = ParseClassBoxes(*text);
    if (!boxes) return Raised(boxes.error().code, RowText(row) + boxes.error().detail);
    std::size_t image = places.at(ids.Str(row));
    for (const ClassBox& b : *boxes) {
      if (in.strict) GRADED_TRY(CheckStrictBox(b, row));
      out.push_back({image, b.category, b.score, CocoBox(in, b.box), Area(in, b.box)});
    }
  }
  return out;
}

}  // namespace

Graded<double> GradeVinBigData(const CustomInput& in) {
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(in.answers, "image_id"));
  ImagePlaces places = PlacesOf(*true_ids);
  GRADED_ASSIGN(auto truth, ReadTruth(in, places));
  GRADED_TRY(SubmissionColumn(in.submission, "PredictionString"));
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(in.submission, "image_id"));
  if (!in.strict && !SameSet(*ids, *true_ids))
    return Refused("wrong_ids", "the image ids are not the answers'");
  GRADED_ASSIGN(auto detections, ReadDetections(in, *ids, places));
  return CocoMap40(truth, detections, places.size(), in.strict ? 1 : 0);
}

}  // namespace podium::scoring
