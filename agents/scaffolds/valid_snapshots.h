#pragma once

#include <string>

#include "agents/trial_context.h"

namespace podium::agents {

// Keeps the last valid submission that an agent's sandbox held: what is handed in should the final
// one be missing or spoilt, and what a curve of scores over time is made from.
class ValidSnapshots {
 public:
  explicit ValidSnapshots(TrialContext& context) : context_(context) {}

  // Takes the submission out as it is now, and keeps it if it is valid and another than the last.
  // What stands in the way is a shape that says why.
  struct Look {
    ShapeVerdict shape;
    std::string digest;
  };
  [[nodiscard]] Task<Result<Look>> Take();

 private:
  TrialContext& context_;
  std::string kept_;  // digest of the last
};

}  // namespace podium::agents
