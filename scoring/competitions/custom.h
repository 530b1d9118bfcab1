#pragma once

#include <string_view>

#include "scoring/fault.h"
#include "scoring/frame/frame.h"

namespace podium::scoring {

// A grader that is code: its checks and its metric are one (metrics/custom_graders.h).
using CustomGrader = Graded<double> (*)(const Frame& submission, const Frame& answers);

// The grader of a name that a specification's `metric` may give, or nullptr.
[[nodiscard]] CustomGrader FindCustomGrader(std::string_view name);

}  // namespace podium::scoring
