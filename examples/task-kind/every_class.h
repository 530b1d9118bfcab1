#pragma once

#include <memory>

#include "tasks/kinds/kind.h"

namespace examples {

// A table in which every class must be predicted at least once: a constant answer is refused.
[[nodiscard]] std::unique_ptr<podium::tasks::TaskKind> MakeEveryClassKind();

}  // namespace examples
