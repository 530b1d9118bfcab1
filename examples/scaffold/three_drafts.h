#pragma once

#include "agents/registry.h"

namespace examples {

// A search that only drafts, `drafts.count` times, and hands in the best.
[[nodiscard]] podium::agents::ScaffoldInfo ThreeDrafts();

}  // namespace examples
