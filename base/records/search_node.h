#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace podium::records {

struct TokenUsage {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
  int calls = 0;
  Millis wait{0};  // waiting for the model, retries included
};

// One candidate solution of a trial's search: what was proposed, what happened when it ran, and why
// it does not count if it does not. The journal's event "node".
struct SearchNode {
  int id = 0;                // 0, 1, 2, ... in the order in which they ended
  int step = 0;              // how many began before it: its id where no two are at work at once
  std::vector<int> parents;  // none: a draft; several: what was crossed
  std::string op = "draft";  // an operator's name (agents/operators/operator.h)
  std::string source;        // template and variant, or the model's name
  std::string plan;
  std::string code;
  std::string end;  // sandbox::ExecEndText, "" when nothing ran
  int exit_code = -1;
  std::string output;  // head and tail of what the program printed
  Millis exec_wall{0};
  TokenUsage tokens;
  std::optional<double> score;  // validation score as the program printed it, or of a hidden split
  std::optional<double> own_score;     // as it printed it, where `score` is of a hidden split
  std::optional<double> choice_score;  // of the hidden rows that make the final choice; no program
                                       // and no model is told
  std::string place;  // "112 of 204": on the leaderboard, where the search is told of it
  std::string submission_digest;  // of the file this node left, "" if none was taken
  std::string fault;   // why the node does not count: "exit_1", "time_limit", "no_score", ...; "" =
                       // it counts
  std::string detail;  // the same for a person

  [[nodiscard]] bool good() const { return fault.empty(); }
  // The first of its parents, -1 where it has none.
  [[nodiscard]] int parent() const { return parents.empty() ? -1 : parents.front(); }
};

}  // namespace podium::records
