#pragma once

#include <vector>

#include "agents/scaffolds/policy.h"

namespace podium::agents {

// A node that no debug step made, with the debug steps that followed it: what policies that keep a
// tree or a population count as one.
struct Candidate {
  int last = 0;              // its newest node, an index
  std::vector<int> parents;  // indices of candidates
  bool good = false;         // its newest node counts
  bool open = false;         // its newest node failed and may be debugged
  double score = 0;          // of that node, where it counts
};

// In the order in which they began. A chain whose last node failed is open while that node's debug
// depth is no more than max_debug_depth.
[[nodiscard]] std::vector<Candidate> Candidates(const std::vector<SearchNode>& nodes,
                                                int max_debug_depth);

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
