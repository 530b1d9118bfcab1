#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scoring/report/grading_report.h"

namespace podium::scoring {

// What makes a seed and an interval.
//   compat: mle-bench's aggregate_grading_reports. The k-th report of a competition, in the order
//   of
//     the run groups' names, is its seed k, so that groups are mixed where one lacks a report;
//     1.96 standard errors; a lone seed has a standard error of 0.
//   strict: a seed is a run group. A competition that it lacks counts as no medal, the last of
//     several reports of one counts; Student's t with n - 1; a lone seed has no standard error.
enum class AggregateMode { kCompat, kStrict };
std::string_view AggregateModeText(AggregateMode mode);  // "compat", "strict"

struct AggregateOptions {
  int seeds = -1;            // as many as there are
  bool pad_missing = false;  // a missing report counts as no submission instead of ending a seed
};

struct AggregateMetric {
  std::string name;              // mle-bench's: "any_medal_percentage", ...
  std::vector<double> per_seed;  // percent
  double mean = 0;
  double standard_error = 0;  // over seeds, n - 1 in the variance; one seed: 0 or (strict) NaN
  double ci_lower = 0;
  double ci_upper = 0;
};

// The reports of one run group.
struct SeedGroup {
  std::string name;
  std::vector<CompetitionReport> reports;
};

struct Aggregate {
  AggregateMode mode = AggregateMode::kCompat;
  std::vector<std::string> notes;  // strict: what a group lacks, or has twice
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
  [[nodiscard]] bool has_spread() const { return seeds > 1 || mode == AggregateMode::kCompat; }
};

// Where mle-bench raises ValueError the Error's context has {"reason", R}, R one of
// missing_competitions, no_reports, too_few_seeds, no_seeds.
[[nodiscard]] Result<Aggregate> AggregateReports(std::span<const CompetitionReport> reports,
                                                 std::span<const std::string> competitions,
                                                 const AggregateOptions& options);

// The strict one: the first options.seeds groups, or all. Reasons: too_few_seeds, no_seeds,
// no_reports, mixed_seeds (a report of several seeds of a run of Podium's).
[[nodiscard]] Result<Aggregate> AggregateGroups(std::span<const SeedGroup> groups,
                                                std::span<const std::string> competitions,
                                                const AggregateOptions& options);

// The t that 95 % of Student's distribution with so many degrees of freedom lie within.
[[nodiscard]] double StudentT95(std::size_t degrees);

}  // namespace podium::scoring
