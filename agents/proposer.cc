#include "agents/proposer.h"

namespace podium::agents {

Task<Result<ScoreReading>> Proposer::ReadScore(const SearchNode&, const TaskBrief&, Deadline) {
  co_return ScoreReading{};
}

Task<Result<LeakReading>> Proposer::FindLeak(const SearchNode&, const TaskBrief&, Deadline) {
  co_return LeakReading{};
}

}  // namespace podium::agents
