#include "tasks/grading_request.h"

namespace podium::tasks {
namespace {

// A competition of mle-bench: its specification travels to the grader.
records::CompetitionGrading CompetitionOf(const TaskPackage& task) {
  records::CompetitionGrading out{
      .competition = task.grader.competition, .mode = task.grader.mode, .known = {}};
  if (const auto& lines = task.leaderboard.lines)
    out.known = records::KnownLines{.rows = static_cast<std::size_t>(lines->rows),
                                    .gold = lines->gold,
                                    .silver = lines->silver,
                                    .bronze = lines->bronze,
                                    .median = lines->median,
                                    .source = task.leaderboard.note};
  return out;
}

records::TableGrading TableOf(const TaskPackage& task, const PreparedTask& prepared) {
  return {.task = task.id.str(),
          .task_digest = prepared.task_digest.hex(),
          .metric = task.grader.metric,
          .lower_is_better = task.grader.lower_is_better,
          .params = task.grader.params,
          .rules = task.submission.rules};
}

}  // namespace

records::GradeRequest MakeGradeRequest(const TaskPackage& task, const PreparedTask& prepared,
                                       records::HandOver hand_over) {
  records::GradeRequest out;
  out.hand_over = std::move(hand_over);
  if (task.grader.competition.empty())
    out.grading = TableOf(task, prepared);
  else
    out.grading = CompetitionOf(task);
  return out;
}

fs::path AnswersPath(const PreparedTask& prepared) { return prepared.private_dir / "answers.csv"; }
fs::path BoardPath(const PreparedTask& prepared) { return prepared.board_file; }

}  // namespace podium::tasks
