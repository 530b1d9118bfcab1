#include "harness/report/grading_report.h"

#include <limits>
#include <vector>

#include "scoring/report/grading_report.h"

namespace podium::harness {
namespace {

scoring::CompetitionReport ReportOf(const TrialView& trial, const std::string& now) {
  const VerdictView& v = *trial.verdict;
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  scoring::CompetitionReport r;
  r.competition_id = trial.id.task.str();
  r.score = v.score;
  r.thresholds = {v.gold.value_or(kNone), v.silver.value_or(kNone), v.bronze.value_or(kNone),
                  v.median.value_or(kNone)};
  r.flags.gold = v.medal == "gold";
  r.flags.silver = v.medal == "silver";
  r.flags.bronze = v.medal == "bronze";
  r.flags.above_median = v.above_median;
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
    if (trial.verdict && trial.verdict->verdict != "grader_error")
      reports.push_back(ReportOf(trial, now));
  }
  return scoring::GradingReportText(reports);
}

}  // namespace podium::harness
