#pragma once

namespace podium::scoring {

// Tries what the seal takes away, for the escape suite (`podium-grade --seal-test`): prints a line
// for each thing that a sealed process still has, "call NAME", "privilege WHAT" or "shares WHAT",
// and at last "tried N". Returns 0, or 1 where the sealed process cannot be looked at.
[[nodiscard]] int ProbeSeal();

}  // namespace podium::scoring
