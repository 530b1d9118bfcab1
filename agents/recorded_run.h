#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/records/event.h"

namespace podium::agents {

// The times of a search that is done again from its record. What its clock said then decides, and
// not this machine's: a slower or a faster one comes to the same programs, also where several nodes
// are worked on at the same time.
struct RecordedRun {
  struct Step {
    Millis left{0};                           // of the trial's time, when the step began
    Millis ran{0};                            // its program
    bool cut = false;                         // which the time ended
    int seen = 0;                             // how many nodes had ended when it began
    int id = 0;                               // its node's: how many had ended when that ended
    std::vector<records::JobSeen> jobs = {};  // as far as its tool saw them
  };
  std::vector<Step> steps;  // by SearchNode::step
  int nodes = 0;
  int searched = 0;  // of them, before one that joined others in the end
  // What ended it after these nodes, where it was not the search itself: "time_limit",
  // "model_budget"; else "".
  std::string end;
  std::map<int, Millis> cut_jobs = {};  // those that their time ended, with that
};

}  // namespace podium::agents
