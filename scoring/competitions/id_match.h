#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "scoring/frame/frame.h"

namespace podium::scoring {

// The submission's row of each answer, where every answer has exactly one and no id occurs twice;
// else nothing. Without `may_have_more` the submission has no other rows. By hashing: about 100 ns
// a row, where sorting both tables costs ten times that.
[[nodiscard]] std::optional<std::vector<std::size_t>> MatchUnique(const Column& submission,
                                                                  const Column& answers,
                                                                  bool may_have_more);

}  // namespace podium::scoring
