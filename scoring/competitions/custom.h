#pragma once

#include <string_view>

#include "scoring/metric.h"
#include "tables/fault.h"
#include "tables/frame/frame.h"

namespace podium::scoring {

// A grader that is code: its checks and its metric are one. It sees both tables as they were read.
struct CustomInput {
  const Frame& submission;
  const Frame& answers;
  const MetricParams& params;
  bool strict = false;
};
using CustomGrader = Graded<double> (*)(const CustomInput& input);

// The grader of a name that a specification's `metric` may give, or nullptr.
[[nodiscard]] CustomGrader FindCustomGrader(std::string_view name);

}  // namespace podium::scoring
