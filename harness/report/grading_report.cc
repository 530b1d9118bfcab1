#include "harness/report/grading_report.h"

#include <limits>
#include <vector>

#include "scoring/report/grading_report.h"

namespace podium::harness {
namespace {

scoring::CompetitionReport ReportOf(const TrialView& trial, const std::string& now) {
  const records::GradeRecord& v = trial.verdict->grade;
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  scoring::CompetitionReport r;
  r.competition_id = trial.id.task.str();
  r.score = v.score;
  r.thresholds = {kNone, kNone, kNone, kNone};
  if (v.board)
    r.thresholds = {v.board->lines.gold, v.board->lines.silver, v.board->lines.bronze,
                    v.board->lines.median};
  r.flags.gold = v.standing.medal == "gold";
  r.flags.silver = v.standing.medal == "silver";
  r.flags.bronze = v.standing.medal == "bronze";
  r.flags.above_median = v.standing.above_median;
  r.submission_exists = v.verdict != "no_submission";
  r.valid_submission = v.verdict == "scored";
  r.lower_is_better = v.lower_is_better;
  r.created_at = now;
  r.submission_path = (trial.dir / "submission" / "submission.csv").string();
  return r;
}

}  // namespace

std::string GradingReportJson(const RunView& run, const Clock& clock) {
  std::string now = IsoTime(clock.WallNow());
  now.resize(now.size() - 1);  // mle-bench's times have no zone
  std::vector<scoring::CompetitionReport> reports;
  for (const TrialView& trial : run.trials) {
    if (trial.verdict && trial.verdict->grade.verdict != "grader_error")
      reports.push_back(ReportOf(trial, now));
  }
  return scoring::GradingReportText(reports);
}

}  // namespace podium::harness
