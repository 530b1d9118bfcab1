#pragma once

#include <string_view>

#include "tables/fault.h"
#include "tables/frame/frame.h"

namespace podium::scoring {

// The answers of tensorflow2-question-answering (JSON lines of simplified Natural Questions) as a
// table of example_id ("<id>_long", "<id>_short") and PredictionString: the valid answers as words,
// "290:302 YES". The first annotation counts.
[[nodiscard]] Graded<Frame> ReadNqAnswers(std::string_view jsonl);

}  // namespace podium::scoring
