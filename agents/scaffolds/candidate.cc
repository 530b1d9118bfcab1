#include "agents/scaffolds/candidate.h"

#include <algorithm>

namespace podium::agents {

std::vector<Candidate> Candidates(const std::vector<SearchNode>& nodes, int max_debug_depth) {
  std::vector<Candidate> out;
  std::vector<int> of(nodes.size(), -1);  // a node's candidate
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const SearchNode& node = nodes[i];
    int index = static_cast<int>(i);
    if (node.op == kDebug) {
      of[i] = of[static_cast<std::size_t>(node.parent())];
    } else {
      of[i] = static_cast<int>(out.size());
      out.emplace_back();
      for (int parent : node.parents)
        out.back().parents.push_back(of[static_cast<std::size_t>(parent)]);
    }
    Candidate& candidate = out[static_cast<std::size_t>(of[i])];
    candidate.last = index;
    candidate.good = node.good() && node.score.has_value();
    candidate.score = candidate.good ? *node.score : 0;
    candidate.open = !candidate.good && DebugDepth(nodes, index) <= max_debug_depth;
  }
  return out;
}

ScoreScale::ScoreScale(const std::vector<Candidate>& candidates, bool lower_is_better)
    : lower_is_better_(lower_is_better) {
  bool any = false;
  for (const auto& candidate : candidates) {
    if (!candidate.good) continue;
    least_ = any ? std::min(least_, candidate.score) : candidate.score;
    greatest_ = any ? std::max(greatest_, candidate.score) : candidate.score;
    any = true;
  }
}

double ScoreScale::Of(double score) const {
  if (least_ == greatest_) return 0.5;
  double above = (score - least_) / (greatest_ - least_);
  return lower_is_better_ ? 1 - above : above;
}

}  // namespace podium::agents
