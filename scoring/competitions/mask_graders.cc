#include <limits>
#include <vector>

#include "scoring/competitions/custom_graders.h"
#include "scoring/competitions/masks.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/mask_metrics.h"

namespace podium::scoring {
namespace {

std::string RowText(std::size_t row) { return "row " + std::to_string(row + 1) + ": "; }

// DataFrame.fillna("") followed by "every cell is text".
bool AllText(const Frame& frame) {
  for (const Column& column : frame.columns) {
    for (std::size_t row = 0; row < frame.rows; ++row) {
      if (!TextOrEmpty(column, row)) return false;
    }
  }
  return true;
}

Graded<void> CheckOnlyTwoColumns(const CustomInput& in) {
  if (in.strict || in.submission.columns.size() == 2) return {};
  return Refused("extra_columns", "more columns than the id and the mask");
}

}  // namespace

Graded<double> GradeSalt(const CustomInput& in) {
  constexpr std::uint64_t kPixels = std::uint64_t{101} * 101;
  GRADED_ASSIGN(const Column* masks, SubmissionColumn(in.submission, "rle_mask"));
  GRADED_TRY(SubmissionColumn(in.submission, "id"));
  GRADED_ASSIGN(const Column* truths, AnswersColumn(in.answers, "rle_mask"));
  GRADED_TRY(CheckOnlyTwoColumns(in));
  GRADED_TRY(CheckRowCount(in));
  if (!in.strict && !AllText(in.submission))
    return Refused("not_text", "every id and mask must be text");
  GRADED_ASSIGN(auto pairs, PairByIds(in, "id"));
  std::vector<double> scores;
  for (std::size_t i = 0; i < in.answers.rows; ++i) {
    std::size_t row = pairs.submission[i];
    std::size_t true_row = pairs.answers[i];
    auto text = TextOrEmpty(*masks, row);
    if (!text) return MaskIsNoText(row);
    GRADED_ASSIGN(auto mask, SubmittedMask(in, *text, kPixels, row, true));
    GRADED_ASSIGN(auto truth, AnswerMask(TextOrEmpty(*truths, true_row), kPixels, true_row));
    scores.push_back(in.strict ? ExactSaltPrecision(truth, mask) : SaltPrecision(truth, mask));
  }
  return NumpyMean(scores);
}

Graded<double> GradeHubmap(const CustomInput& in) {
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(in.submission, "id"));
  GRADED_ASSIGN(const Column* masks, SubmissionColumn(in.submission, "predicted"));
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(in.answers, "id"));
  GRADED_ASSIGN(const Column* truths, AnswersColumn(in.answers, "encoding"));
  GRADED_ASSIGN(auto sizes, SizesOf(in.answers, "height_pixels", "width_pixels"));
  GRADED_TRY(CheckRowCount(in));
  if (!in.strict && !SameSet(*ids, *true_ids))
    return Refused("wrong_ids", "the ids are not the answers'");
  GRADED_ASSIGN(auto pairs, PairByIds(in, "id"));
  std::vector<double> scores;
  for (std::size_t i = 0; i < in.answers.rows; ++i) {
    std::size_t row = pairs.submission[i];
    std::size_t true_row = pairs.answers[i];
    auto text = TextOrEmpty(*masks, row);
    if (!text) return MaskIsNoText(row);
    GRADED_ASSIGN(auto mask, SubmittedMask(in, *text, sizes.Pixels(true_row), row, false));
    GRADED_ASSIGN(auto truth, AnswerMask(in.strict ? TextOrEmpty(*truths, true_row)
                                                   : TextCell(*truths, true_row),
                                         sizes.Pixels(true_row), true_row));
    scores.push_back(Dice(mask, truth, 1));
  }
  return NumpyMean(scores);
}

Graded<double> GradeContrails(const CustomInput& in) {
  GRADED_TRY(SubmissionColumn(in.submission, "record_id"));
  GRADED_ASSIGN(const Column* masks, SubmissionColumn(in.submission, "encoded_pixels"));
  GRADED_ASSIGN(const Column* truths, AnswersColumn(in.answers, "encoded_pixels"));
  GRADED_ASSIGN(auto sizes, SizesOf(in.answers, "height", "width"));
  GRADED_TRY(CheckRowCount(in));
  GRADED_ASSIGN(auto pairs, PairByIds(in, "record_id"));
  auto cell = [&](const Column& column, std::size_t row) {
    auto text = in.strict ? TextOrEmpty(column, row) : TextCell(column, row);
    return text == "-" ? std::optional<std::string_view>("") : text;
  };
  std::uint64_t common = 0;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < in.answers.rows; ++i) {
    std::size_t row = pairs.submission[i];
    std::size_t true_row = pairs.answers[i];
    auto text = cell(*masks, row);
    if (!text) return MaskIsNoText(row);
    GRADED_ASSIGN(auto truth,
                  AnswerMask(cell(*truths, true_row), sizes.Pixels(true_row), true_row));
    GRADED_ASSIGN(auto mask, SubmittedMask(in, *text, sizes.Pixels(true_row), row, false));
    common += CountCommon(mask, truth);
    total += mask.Count() + truth.Count();
  }
  if (total == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(2 * common) / static_cast<double>(total);
}

Graded<double> GradeVesuvius(const CustomInput& in) {
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(in.answers, "Id"));
  GRADED_ASSIGN(const Column* truths, AnswersColumn(in.answers, "Predicted"));
  GRADED_ASSIGN(auto sizes, SizesOf(in.answers, "height", "width"));
  GRADED_TRY(CheckRowCount(in));
  GRADED_TRY(CheckOnlyTwoColumns(in));
  GRADED_ASSIGN(const Column* ids, SubmissionColumn(in.submission, "Id"));
  GRADED_ASSIGN(const Column* masks, SubmissionColumn(in.submission, "Predicted"));
  std::vector<double> scores;
  for (std::size_t row = 0; row < in.answers.rows; ++row) {
    if (!in.strict && !SameCell(*ids, row, *true_ids, row))
      return Raised("wrong_ids", RowText(row) + "not the id of the answers at this place");
    auto text = in.strict ? TextOrEmpty(*masks, row) : TextCell(*masks, row);
    if (!text) return Refused("not_text", RowText(row) + "the mask is missing or not text");
    GRADED_ASSIGN(auto mask, SubmittedMask(in, *text, sizes.Pixels(row), row, true));
    GRADED_ASSIGN(auto truth, AnswerMask(TextCell(*truths, row), sizes.Pixels(row), row));
    scores.push_back(MaskFHalf(truth, mask));
  }
  return NumpyMean(scores);
}

}  // namespace podium::scoring
