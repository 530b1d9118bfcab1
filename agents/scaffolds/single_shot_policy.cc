#include "agents/scaffolds/single_shot_policy.h"

namespace podium::agents {
namespace {

class SingleShotPolicy final : public Policy {
 public:
  explicit SingleShotPolicy(int best_of) : best_of_(best_of) {}

  std::optional<NextStep> Next(const SearchState& state) const override {
    return state.begun() < best_of_ ? std::optional(NextStep{}) : std::nullopt;
  }
  bool MayGrow(const SearchState&, int) const override { return false; }

 private:
  int best_of_;
};

}  // namespace

std::unique_ptr<Policy> MakeSingleShotPolicy(int best_of) {
  return std::make_unique<SingleShotPolicy>(best_of);
}

}  // namespace podium::agents
