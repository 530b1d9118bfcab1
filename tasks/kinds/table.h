#pragma once

#include <memory>

#include "tasks/kinds/kind.h"

namespace podium::tasks {

// A CSV with a row an id, or what one of mle-bench's competitions takes; graded by podium-grade.
[[nodiscard]] std::unique_ptr<TaskKind> MakeTableKind();

}  // namespace podium::tasks
