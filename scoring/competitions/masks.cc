#include "scoring/competitions/masks.h"

#include <string>

namespace podium::scoring {
namespace {

constexpr double kMaxSide = 1 << 20;

std::string RowText(std::size_t row) { return "row " + std::to_string(row + 1) + ": "; }

}  // namespace

Graded<RunMask> SubmittedMask(const CustomInput& in, std::string_view text, std::uint64_t pixels,
                              std::size_t row, bool refuse_assertions) {
  auto mask = in.strict ? DecodeRleStrictly(text, pixels) : DecodeRle(text, pixels);
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

tl::unexpected<Fault> MaskIsNoText(std::size_t row) {
  return Raised("not_text", RowText(row) + "the mask is missing or a number, not text");
}

std::size_t ImageSizes::Height(std::size_t row) const {
  return static_cast<std::size_t>(height->number(row));
}
std::size_t ImageSizes::Width(std::size_t row) const {
  return static_cast<std::size_t>(width->number(row));
}

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

}  // namespace podium::scoring
