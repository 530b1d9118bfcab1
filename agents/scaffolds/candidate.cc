#include "agents/scaffolds/candidate.h"

#include <algorithm>

namespace podium::agents {

namespace {

// Builds them. Nodes are counted through: first those that have ended, then those in work.
class CandidateList {
 public:
  CandidateList(const SearchState& state, int max_debug_depth)
      : state_(state), max_debug_depth_(max_debug_depth), of_(Count(), 0) {
    for (std::size_t node : FirstNodes()) {
      of_[node] = out_.size();
      out_.emplace_back();
    }
    for (std::size_t i = 0; i < Count(); ++i) Take(i);
  }

  [[nodiscard]] std::vector<Candidate> Done() { return std::move(out_); }

 private:
  [[nodiscard]] std::size_t Count() const { return static_cast<std::size_t>(state_.begun()); }
  [[nodiscard]] const SearchNode& Node(std::size_t i) const {
    std::size_t ended = state_.nodes.size();
    return i < ended ? state_.nodes[i] : state_.in_work[i - ended];
  }

  // Those that no debug step made, in the order in which they began.
  [[nodiscard]] std::vector<std::size_t> FirstNodes() const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < Count(); ++i) {
      if (Node(i).op != kDebug) out.push_back(i);
    }
    std::ranges::stable_sort(out, {}, [this](std::size_t i) { return Node(i).step; });
    return out;
  }

  // Parents have been taken before.
  void Take(std::size_t i) {
    const SearchNode& node = Node(i);
    if (node.op == kDebug) of_[i] = of_[static_cast<std::size_t>(node.parent())];
    Candidate& candidate = out_[of_[i]];
    if (node.op != kDebug) {
      for (int parent : node.parents)
        candidate.parents.push_back(static_cast<int>(of_[static_cast<std::size_t>(parent)]));
    }
    candidate.in_work = i >= state_.nodes.size();
    if (candidate.in_work) {
      candidate.open = false;
    } else {
      Judge(candidate, static_cast<int>(i));
    }
  }

  void Judge(Candidate& candidate, int newest) const {
    const SearchNode& node = state_.nodes[static_cast<std::size_t>(newest)];
    candidate.last = newest;
    candidate.good = node.good() && node.score.has_value();
    candidate.score = candidate.good ? *node.score : 0;
    candidate.open = !candidate.good && DebugDepth(state_.nodes, newest) <= max_debug_depth_;
  }

  const SearchState& state_;
  int max_debug_depth_;
  std::vector<std::size_t> of_;  // a node's candidate
  std::vector<Candidate> out_;
};

}  // namespace

std::vector<Candidate> Candidates(const SearchState& state, int max_debug_depth) {
  return CandidateList(state, max_debug_depth).Done();
}

std::optional<NextStep> DebugOfOpen(const std::vector<Candidate>& candidates) {
  auto open = std::ranges::find(candidates, true, &Candidate::open);
  if (open == candidates.end()) return std::nullopt;
  return NextStep{std::string(kDebug), {open->last}};
}

bool IsNewestOfLiving(const SearchState& state, int max_debug_depth, int node) {
  return std::ranges::any_of(Candidates(state, max_debug_depth), [&](const Candidate& candidate) {
    return candidate.last == node && (candidate.good || !candidate.settled());
  });
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
