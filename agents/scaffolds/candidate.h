#pragma once

#include <vector>

#include "agents/scaffolds/policy.h"

namespace podium::agents {

// A node that no debug step made, with the debug steps that followed it: what policies that keep a
// tree or a population count as one.
struct Candidate {
  int last = -1;             // its newest node that has ended, an index; -1: none has
  std::vector<int> parents;  // indices of candidates
  bool good = false;         // that node counts
  bool open = false;         // that node failed, may be debugged, and nobody is at it
  bool in_work = false;      // its first node or a debug step is in work
  double score = 0;          // of that node, where it counts

  // Nothing more will come of it: it counts, or has failed for good.
  [[nodiscard]] bool settled() const { return !open && !in_work; }
};

// In the order in which they began. A chain whose last node failed is open while that node's debug
// depth is no more than max_debug_depth.
[[nodiscard]] std::vector<Candidate> Candidates(const SearchState& state, int max_debug_depth);

// The debug step of the first open candidate, if there is one.
[[nodiscard]] std::optional<NextStep> DebugOfOpen(const std::vector<Candidate>& candidates);

// Whether the node is the newest of a candidate that counts or is not settled.
[[nodiscard]] bool IsNewestOfLiving(const SearchState& state, int max_debug_depth, int node);

// The least and the greatest score of those that count, as a scale on which 1 is the best and 0 the
// worst. Where all are equal each is at 0.5.
class ScoreScale {
 public:
  ScoreScale(const std::vector<Candidate>& candidates, bool lower_is_better);
  [[nodiscard]] double Of(double score) const;

 private:
  double least_ = 0, greatest_ = 0;
  bool lower_is_better_ = false;
};

}  // namespace podium::agents
