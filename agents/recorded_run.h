#pragma once

#include <string>
#include <vector>

#include "base/clock.h"

namespace podium::agents {

// The times of a search that is done again from its record. What its clock said then decides, and
// not this machine's: a slower or a faster one comes to the same programs.
struct RecordedRun {
  struct Step {
    Millis left{0};    // of the trial's time, when the step began
    Millis ran{0};     // its program
    bool cut = false;  // which the time ended
  };
  std::vector<Step> steps;  // one a node
  // What ended it after these steps, where it was not the search itself: "time_limit",
  // "model_budget"; else "".
  std::string end;
};

}  // namespace podium::agents
