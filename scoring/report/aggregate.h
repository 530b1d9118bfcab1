#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "scoring/report/grading_report.h"

namespace podium::scoring {

// How mle-bench's aggregate_grading_reports makes seeds: the k-th report of a competition, in the
// order of the run groups' names, is its seed k.
struct AggregateOptions {
  int seeds = -1;            // as many as there are
  bool pad_missing = false;  // a missing report counts as no submission instead of ending a seed
};

struct AggregateMetric {
  std::string name;              // mle-bench's: "any_medal_percentage", ...
  std::vector<double> per_seed;  // percent
  double mean = 0;
  double standard_error = 0;  // over seeds, n - 1 in the variance; 0 for one seed
  double ci_lower = 0;        // mean -+ 1.96 standard errors
  double ci_upper = 0;
};

struct Aggregate {
  int seeds = 0;
  std::size_t competitions = 0;
  std::vector<AggregateMetric> metrics;
  // Wilson's 95 % interval of the any-medal share over tasks, in percent: tasks are the sample,
  // all seeds of a task count as one draw. Seeds say how stable this agent is on these tasks; this
  // says how far the tasks carry.
  double tasks_low = 0;
  double tasks_high = 100;
  [[nodiscard]] const AggregateMetric& any_medal() const { return metrics.back(); }
  [[nodiscard]] bool too_few_seeds() const { return seeds < 3; }
};

// Where mle-bench raises ValueError the Error's context has {"reason", R}, R one of
// missing_competitions, no_reports, too_few_seeds, no_seeds.
[[nodiscard]] Result<Aggregate> AggregateReports(std::span<const CompetitionReport> reports,
                                                 std::span<const std::string> competitions,
                                                 const AggregateOptions& options);

}  // namespace podium::scoring
