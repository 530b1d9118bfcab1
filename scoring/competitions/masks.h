#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "scoring/competitions/row_match.h"
#include "scoring/metrics/rle.h"

namespace podium::scoring {

// A mask of the submission. In compat, `refuse_assertions` says that the original turns the
// decoder's assertions into an invalid submission; its other exceptions are kRaised.
[[nodiscard]] Graded<RunMask> SubmittedMask(const CustomInput& in, std::string_view text,
                                            std::uint64_t pixels, std::size_t row,
                                            bool refuse_assertions);

// A mask of the answers; no text and no mask are the task's fault.
[[nodiscard]] Graded<RunMask> AnswerMask(std::optional<std::string_view> text, std::uint64_t pixels,
                                         std::size_t row);

// kRaised "not_text".
[[nodiscard]] tl::unexpected<Fault> MaskIsNoText(std::size_t row);

// Sides of the images, from two columns of the answers.
struct ImageSizes {
  const Column* height = nullptr;
  const Column* width = nullptr;

  [[nodiscard]] std::size_t Height(std::size_t row) const;
  [[nodiscard]] std::size_t Width(std::size_t row) const;
  [[nodiscard]] std::uint64_t Pixels(std::size_t row) const { return Height(row) * Width(row); }
};
[[nodiscard]] Graded<ImageSizes> SizesOf(const Frame& answers, std::string_view height,
                                         std::string_view width);

}  // namespace podium::scoring
