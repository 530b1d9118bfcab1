#pragma once

#include "agents/registry.h"

namespace podium::agents {

// A model with tools in a loop: it says what it does, sees what came of it, and goes on until it
// submits or its budget ends.
[[nodiscard]] ScaffoldInfo ReactScaffold();

}  // namespace podium::agents
