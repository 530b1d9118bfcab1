#pragma once

#include <cstdint>
#include <optional>
#include <span>
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
  // Begun and not ended, in the order in which they began: operators and parents, no results.
  std::span<const SearchNode> in_work = {};
  std::optional<int> step =
      std::nullopt;  // of the node that is asked for; nothing: as many as ended

  // Ended or in work.
  [[nodiscard]] int begun() const { return static_cast<int>(nodes.size() + in_work.size()); }
  // What draws depend on, with the seed: that node's own number.
  [[nodiscard]] std::uint64_t number() const {
    return step ? static_cast<std::uint64_t>(*step) : nodes.size();
  }
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
  // Nothing: not before one of the nodes in work ends; where none is in work, the search ends.
  [[nodiscard]] virtual std::optional<NextStep> Next(const SearchState& state) const = 0;
  // Whether the ended node may still become a parent: its workspace is kept while it may.
  [[nodiscard]] virtual bool MayGrow(const SearchState& state, int node) const;
};

// One well-mixed word from a counter (SplitMix64; Steele, Lea, Flood 2014).
[[nodiscard]] std::uint64_t MixedWord(std::uint64_t counter);

// What a policy draws in one step: words that depend on the seed and a counter alone, usually the
// step's number.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t counter) : word_(MixedWord(MixedWord(seed) + counter)) {}
  [[nodiscard]] double Uniform();  // in [0, 1)
  [[nodiscard]] std::size_t Below(std::size_t count);

 private:
  std::uint64_t word_;
};

// Whether a debug step of the node is in work.
[[nodiscard]] bool IsDebugged(const SearchState& state, int node);

// Consecutive debug steps that end in this node.
[[nodiscard]] int DebugDepth(const std::vector<SearchNode>& nodes, int index);

// Whether the first score is better than the second.
[[nodiscard]] inline bool Better(double a, double b, bool lower_is_better) {
  return lower_is_better ? a < b : a > b;
}

// Index of the best good node, -1 if there is none; of equals the first.
[[nodiscard]] int BestNode(const std::vector<SearchNode>& nodes, bool lower_is_better);

// Indices of the best good nodes, the best first, of equals the first, at most `count`.
[[nodiscard]] std::vector<int> BestNodes(const std::vector<SearchNode>& nodes, bool lower_is_better,
                                         int count);

// Which node that counts a search hands in.
enum class Selection {
  kBest,    // of best validation score
  kLast,    // the newest
  kTopK,    // as kBest; the next best are graded beside it
  kJoined,  // the ensemble of the best where it is no worse than they are
  kHidden   // the best on hidden rows that are kept for this choice
};

// What a search hands in; if no node counts, the newest whose file has the right shape and whose
// score is unknown. -1: none.
[[nodiscard]] int ChosenNode(const std::vector<SearchNode>& nodes, bool lower_is_better,
                             Selection selection = Selection::kBest);

}  // namespace podium::agents
