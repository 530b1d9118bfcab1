#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/operators/operator.h"

namespace podium::agents {

// What a policy may look at. Borrows.
struct SearchState {
  const std::vector<SearchNode>& nodes;  // ended ones, in order
  bool lower_is_better = false;
  std::uint64_t seed = 0;
  int max_nodes = 1;
};

struct NextStep {
  std::string op{kDraft};
  std::vector<int> parents;  // indices into nodes, as many as the operator takes

  friend bool operator==(const NextStep&, const NextStep&) = default;
};

// Decides what a search does next. Holds its settings alone: the answer depends on them and on the
// state, so that an interrupted search goes on as it would have.
class Policy {
 public:
  virtual ~Policy() = default;
  // Nothing: the search ends.
  [[nodiscard]] virtual std::optional<NextStep> Next(const SearchState& state) const = 0;
};

// One well-mixed word from a counter (SplitMix64; Steele, Lea, Flood 2014).
[[nodiscard]] std::uint64_t MixedWord(std::uint64_t counter);

// What a policy draws in one step: words that depend on the seed and a counter alone, usually the
// number of nodes.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t counter) : word_(MixedWord(MixedWord(seed) + counter)) {}
  [[nodiscard]] double Uniform();  // in [0, 1)
  [[nodiscard]] std::size_t Below(std::size_t count);

 private:
  std::uint64_t word_;
};

// Consecutive debug steps that end in this node.
[[nodiscard]] int DebugDepth(const std::vector<SearchNode>& nodes, int index);

// Whether the first score is better than the second.
[[nodiscard]] inline bool Better(double a, double b, bool lower_is_better) {
  return lower_is_better ? a < b : a > b;
}

// Index of the best good node, -1 if there is none; of equals the first.
[[nodiscard]] int BestNode(const std::vector<SearchNode>& nodes, bool lower_is_better);

// Which node that counts a search hands in.
enum class Selection {
  kBest,  // of best validation score
  kLast   // the newest
};

// What a search hands in; if no node counts, the newest whose file has the right shape and whose
// score is unknown. -1: none.
[[nodiscard]] int ChosenNode(const std::vector<SearchNode>& nodes, bool lower_is_better,
                             Selection selection = Selection::kBest);

}  // namespace podium::agents
