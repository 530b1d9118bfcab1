#pragma once

#include <span>
#include <string_view>

#include "base/records/search_node.h"

namespace podium::agents {

using records::SearchNode;
using records::TokenUsage;

// A way to get a new node from others, by its name in journals and reports. A proposer says how it
// is done; a policy, when.
struct Operator {
  std::string_view name;
  int least_parents = 0;
  int most_parents = 0;
  std::string_view help;
};

inline constexpr std::string_view kDraft = "draft";
inline constexpr std::string_view kDebug = "debug";
inline constexpr std::string_view kImprove = "improve";
inline constexpr std::string_view kCrossover = "crossover";
inline constexpr std::string_view kEnsemble = "ensemble";

// All of them. A name that is not here is a bug of the policy that gives it.
[[nodiscard]] std::span<const Operator> Operators();
[[nodiscard]] const Operator* FindOperator(std::string_view name);  // nullptr: none

}  // namespace podium::agents
