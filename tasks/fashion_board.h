#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::tasks {

// The leaderboard table (score,count,kind,source,verified; best first) read from the Markdown table
// of submitted results in Fashion-MNIST's README. Its authors say that they have not tested these
// results, so no row is verified.
[[nodiscard]] Result<std::string> FashionBoard(std::string_view readme);

}  // namespace podium::tasks
