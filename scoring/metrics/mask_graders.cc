#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scoring/metrics/custom_graders.h"
#include "scoring/metrics/mask_metrics.h"
#include "scoring/metrics/rle.h"
#include "scoring/metrics/row_match.h"

namespace podium::scoring {
namespace {

constexpr double kMaxSide = 1 << 20;

std::string RowText(std::size_t row) { return "row " + std::to_string(row + 1) + ": "; }

// A mask of the submission. `refuse_assertions`: graders that turn the decoder's assertions into
// an invalid submission.
Graded<RunMask> SubmittedMask(std::string_view text, std::uint64_t pixels, std::size_t row,
                              bool refuse_assertions) {
  auto mask = DecodeRle(text, pixels);
  if (mask) return std::move(*mask);
  std::string detail = RowText(row) + std::string(RleFaultText(mask.error()));
  if (refuse_assertions && IsAssertion(mask.error())) return Refused("bad_mask", std::move(detail));
  return Raised("bad_mask", std::move(detail));
}

Graded<RunMask> AnswerMask(std::optional<std::string_view> text, std::uint64_t pixels,
                           std::size_t row) {
  if (!text) return TaskFault("bad_answers", RowText(row) + "a mask of the answers is no text");
  auto mask = DecodeRle(*text, pixels);
  if (mask) return std::move(*mask);
  return TaskFault("bad_answers", RowText(row) + std::string(RleFaultText(mask.error())));
}

tl::unexpected<Fault> NotText(std::size_t row) {
  return Raised("not_text", RowText(row) + "the mask is missing or a number, not text");
}

// Sides of the images, from two columns of the answers.
struct ImageSizes {
  const Column* height = nullptr;
  const Column* width = nullptr;

  [[nodiscard]] std::size_t Height(std::size_t row) const {
    return static_cast<std::size_t>(height->number(row));
  }
  [[nodiscard]] std::size_t Width(std::size_t row) const {
    return static_cast<std::size_t>(width->number(row));
  }
  [[nodiscard]] std::uint64_t Pixels(std::size_t row) const { return Height(row) * Width(row); }
};

Graded<ImageSizes> SizesOf(const Frame& answers, std::string_view height, std::string_view width) {
  ImageSizes sizes;
  GRADED_ASSIGN(sizes.height, AnswersColumn(answers, height));
  GRADED_ASSIGN(sizes.width, AnswersColumn(answers, width));
  for (const Column* column : {sizes.height, sizes.width}) {
    for (std::size_t row = 0; row < answers.rows; ++row) {
      bool good = column->numeric() && column->number(row) >= 0 && column->number(row) <= kMaxSide;
      if (!good)
        return TaskFault("bad_answers", RowText(row) + "'" + column->name + "' is no size");
    }
  }
  return sizes;
}

double Mean(double sum, std::size_t n) { return sum / static_cast<double>(n); }

// DataFrame.fillna("") followed by "every cell is text".
bool AllText(const Frame& frame) {
  for (const Column& column : frame.columns) {
    for (std::size_t row = 0; row < frame.rows; ++row) {
      if (!TextOrEmpty(column, row)) return false;
    }
  }
  return true;
}

}  // namespace

Graded<double> GradeSalt(const Frame& submission, const Frame& answers) {
  constexpr std::uint64_t kPixels = 101 * 101;
  GRADED_ASSIGN(const Column* masks, SubmissionColumn(submission, "rle_mask"));
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(submission, "id"));
  GRADED_ASSIGN(const Column* true_masks, AnswersColumn(answers, "rle_mask"));
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(answers, "id"));
  if (submission.columns.size() != 2)
    return Refused("extra_columns", "only the columns id and rle_mask are allowed");
  GRADED_TRY(CheckRowCount(submission, answers));
  if (!AllText(submission)) return Refused("not_text", "every id and mask must be text");
  GRADED_ASSIGN(auto pairs, PairByIds(*ids, *true_ids));
  double sum = 0;
  for (std::size_t i = 0; i < answers.rows; ++i) {
    std::size_t row = pairs.submission[i];
    GRADED_ASSIGN(auto mask, SubmittedMask(*TextOrEmpty(*masks, row), kPixels, row, true));
    GRADED_ASSIGN(auto truth, AnswerMask(TextOrEmpty(*true_masks, pairs.answers[i]), kPixels,
                                         pairs.answers[i]));
    sum += SaltPrecision(truth, mask);
  }
  return Mean(sum, answers.rows);
}

Graded<double> GradeHubmap(const Frame& submission, const Frame& answers) {
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(submission, "id"));
  GRADED_ASSIGN(const Column* masks, SubmissionColumn(submission, "predicted"));
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(answers, "id"));
  GRADED_ASSIGN(const Column* true_masks, AnswersColumn(answers, "encoding"));
  GRADED_ASSIGN(auto sizes, SizesOf(answers, "height_pixels", "width_pixels"));
  GRADED_TRY(CheckRowCount(submission, answers));
  if (!SameValues(*ids, *true_ids))
    return Refused("wrong_ids", "the ids are not those of the answers");
  auto rows = SortedRows(*ids);
  auto true_rows = SortedRows(*true_ids);
  double sum = 0;
  for (std::size_t i = 0; i < answers.rows; ++i) {
    std::uint64_t pixels = sizes.Pixels(true_rows[i]);
    auto text = TextOrEmpty(*masks, rows[i]);
    if (!text) return NotText(rows[i]);
    GRADED_ASSIGN(auto mask, SubmittedMask(*text, pixels, rows[i], false));
    GRADED_ASSIGN(auto truth,
                  AnswerMask(TextCell(*true_masks, true_rows[i]), pixels, true_rows[i]));
    sum += Dice(mask, truth, 1);
  }
  return Mean(sum, answers.rows);
}

Graded<double> GradeContrails(const Frame& submission, const Frame& answers) {
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(submission, "record_id"));
  GRADED_ASSIGN(const Column* masks, SubmissionColumn(submission, "encoded_pixels"));
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(answers, "record_id"));
  GRADED_ASSIGN(const Column* true_masks, AnswersColumn(answers, "encoded_pixels"));
  GRADED_ASSIGN(auto sizes, SizesOf(answers, "height", "width"));
  GRADED_TRY(CheckRowCount(submission, answers));
  GRADED_ASSIGN(auto pairs, PairByIds(*ids, *true_ids));
  auto cell = [](const Column& column, std::size_t row) {
    auto text = TextCell(column, row);
    return text == "-" ? std::optional<std::string_view>("") : text;
  };
  std::uint64_t common = 0, total = 0;
  for (std::size_t i = 0; i < answers.rows; ++i) {
    std::size_t row = pairs.submission[i];
    std::uint64_t pixels = sizes.Pixels(pairs.answers[i]);
    auto text = cell(*masks, row);
    if (!text) return NotText(row);
    GRADED_ASSIGN(auto truth,
                  AnswerMask(cell(*true_masks, pairs.answers[i]), pixels, pairs.answers[i]));
    GRADED_ASSIGN(auto mask, SubmittedMask(*text, pixels, row, false));
    common += CountCommon(mask, truth);
    total += mask.Count() + truth.Count();
  }
  if (total == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(2 * common) / static_cast<double>(total);
}

Graded<double> GradeVesuvius(const Frame& submission, const Frame& answers) {
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(answers, "Id"));
  GRADED_ASSIGN(const Column* true_masks, AnswersColumn(answers, "Predicted"));
  GRADED_ASSIGN(auto sizes, SizesOf(answers, "height", "width"));
  GRADED_TRY(CheckRowCount(submission, answers));
  if (submission.columns.size() != 2)
    return Refused("extra_columns", "exactly the columns Id and Predicted are allowed");
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(submission, "Id"));
  GRADED_ASSIGN(const Column* masks, SubmissionColumn(submission, "Predicted"));
  double sum = 0;
  for (std::size_t row = 0; row < answers.rows; ++row) {
    if (!SameCell(*ids, row, *true_ids, row))
      return Raised("wrong_ids",
                    RowText(row) + "the id is not the one of the answers at this place");
    auto text = TextCell(*masks, row);
    if (!text) return Refused("not_text", RowText(row) + "the mask is missing or not text");
    GRADED_ASSIGN(auto mask, SubmittedMask(*text, sizes.Pixels(row), row, true));
    GRADED_ASSIGN(auto truth, AnswerMask(TextCell(*true_masks, row), sizes.Pixels(row), row));
    sum += MaskFHalf(truth, mask);
  }
  return Mean(sum, answers.rows);
}

namespace {

using Slices = std::map<std::string_view, std::vector<std::size_t>>;  // rows of a slice, in order

struct CaseDays {
  std::vector<std::vector<const std::vector<std::size_t>*>> days;  // slices of each, in order
  Slices slices;
};

// Rows 0 to n - 1 by slice id, and those by the part before "_slice_".
Graded<CaseDays> GroupByDay(const Column& ids, std::size_t n, const ImageSizes& sizes) {
  CaseDays out;
  for (std::size_t row = 0; row < n; ++row) {
    auto id = TextCell(ids, row);
    if (!id) return Raised("bad_id", RowText(row) + "the id is missing or not text");
    out.slices[*id].push_back(row);
  }
  std::map<std::string_view, std::size_t> place;
  std::vector<std::size_t> first_row;
  for (const auto& [id, rows] : out.slices) {
    std::string_view day = id.substr(0, id.find("_slice_"));
    auto [it, fresh] = place.try_emplace(day, out.days.size());
    if (fresh) {
      out.days.emplace_back();
      first_row.push_back(rows[0]);
    }
    out.days[it->second].push_back(&rows);
    for (std::size_t row : rows) {
      std::size_t first = first_row[it->second];
      if (sizes.Height(row) != sizes.Height(first) || sizes.Width(row) != sizes.Width(first))
        return Raised("bad_shape", RowText(row) + "slices of one day have different sizes");
    }
  }
  return out;
}

Volume StackOf(const std::vector<const std::vector<std::size_t>*>& day,
               const std::vector<RunMask>& masks, const ImageSizes& sizes) {
  std::size_t first = day.front()->front();
  Volume v{day.size(), sizes.Height(first), sizes.Width(first), {}};
  v.set.resize(v.depth * v.height * v.width);
  for (std::size_t z = 0; z < day.size(); ++z) {
    for (std::size_t row : *day[z]) {
      for (const PixelRun& run : masks[row].runs) {
        // Column-major: down, then right.
        for (std::uint64_t p = run.begin; p < run.end; ++p)
          v.set[(z * v.height + p % v.height) * v.width + p / v.height] = 1;
      }
    }
  }
  return v;
}

// Adds what is a number; nanmean of nothing is NaN.
struct NanMean {
  double sum = 0;
  std::size_t count = 0;
  void Add(double value) {
    if (std::isnan(value)) return;
    sum += value;
    ++count;
  }
  [[nodiscard]] double value() const { return sum / static_cast<double>(count); }
};

}  // namespace

Graded<double> GradeUwMadison(const Frame& submission, const Frame& answers) {
  for (const char* name : {"id", "class", "predicted"})
    GRADED_TRY(SubmissionColumn(submission, name));
  const Column& cells = *submission.Find("predicted");
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(answers, "id"));
  GRADED_ASSIGN(const Column* true_cells, AnswersColumn(answers, "predicted"));
  GRADED_ASSIGN(auto sizes, SizesOf(answers, "image_height", "image_width"));
  std::vector<RunMask> masks, truths;
  std::size_t n = std::min(submission.rows, answers.rows);
  for (std::size_t row = 0; row < n; ++row) {
    auto text = TextOrEmpty(cells, row);
    if (!text) return NotText(row);
    GRADED_ASSIGN(auto mask, SubmittedMask(*text, sizes.Pixels(row), row, false));
    masks.push_back(std::move(mask));
  }
  for (std::size_t row = 0; row < answers.rows; ++row) {
    GRADED_ASSIGN(auto truth, AnswerMask(TextOrEmpty(*true_cells, row), sizes.Pixels(row), row));
    truths.push_back(std::move(truth));
  }
  GRADED_ASSIGN(auto days, GroupByDay(*submission.Find("id"), n, sizes));
  GRADED_ASSIGN(auto true_days, GroupByDay(*true_ids, answers.rows, sizes));
  NanMean dice, distance;
  for (std::size_t row = 0; row < n; ++row)
    dice.Add(Dice(masks[row], truths[row], std::numeric_limits<double>::quiet_NaN()));
  for (std::size_t d = 0; d < std::min(days.days.size(), true_days.days.size()); ++d)
    distance.Add(ScaledHausdorff(StackOf(days.days[d], masks, sizes),
                                 StackOf(true_days.days[d], truths, sizes)));
  return 0.4 * dice.value() + 0.6 * (1 - distance.value());
}

}  // namespace podium::scoring
