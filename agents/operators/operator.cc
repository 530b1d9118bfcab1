#include "agents/operators/operator.h"

#include <algorithm>

namespace podium::agents {
namespace {

constexpr Operator kOperators[] = {
    {kDraft, 0, 0, "a solution from nothing but the task"},
    {kDebug, 1, 1, "a failed solution, mended"},
    {kImprove, 1, 1, "a solution that counts, made better"},
    {kCrossover, 2, 2, "two solutions that count, made one"},
    {kEnsemble, 2, 100, "the best solutions, the best first, joined into one at the end"},
};

}  // namespace

std::span<const Operator> Operators() { return kOperators; }

const Operator* FindOperator(std::string_view name) {
  auto at = std::ranges::find(kOperators, name, &Operator::name);
  return at == std::end(kOperators) ? nullptr : at;
}

}  // namespace podium::agents
