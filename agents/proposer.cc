#include "agents/proposer.h"

namespace podium::agents {

Task<Result<ScoreReading>> Proposer::ReadScore(const SearchNode&, const TaskBrief&, Deadline) {
  co_return ScoreReading{};
}

}  // namespace podium::agents
