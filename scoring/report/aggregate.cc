#include "scoring/report/aggregate.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"

namespace podium::scoring {
namespace {

using Seed = std::vector<CompetitionReport>;

tl::unexpected<Error> Refuse(const char* reason, std::string message) {
  return tl::unexpected(Error{ErrorCode::kUsage, std::move(message)}.With("reason", reason));
}

CompetitionReport NoSubmission(const std::string& id) {
  CompetitionReport out;
  out.competition_id = id;
  return out;
}

// How many seeds there are: as many as the competition with the fewest reports has, with padding
// as the one with the most.
Result<std::size_t> CountSeeds(const std::map<std::string, Seed>& by_id,
                               std::span<const std::string> ids, const AggregateOptions& options) {
  std::vector<std::string> missing;
  std::vector<std::size_t> counts;
  for (const auto& id : ids) {
    auto found = by_id.find(id);
    counts.push_back(found == by_id.end() ? 0 : found->second.size());
    if (counts.back() == 0) missing.push_back(id);
  }
  if (counts.empty()) return Refuse("no_seeds", "the split has no competitions");
  if (!missing.empty() && !options.pad_missing)
    return Refuse("missing_competitions", "no reports for " + std::to_string(missing.size()) +
                                              " of " + std::to_string(ids.size()) +
                                              " competitions: " + Join(missing, ", ") +
                                              ". --pad-missing counts them as no submission");
  std::size_t available = options.pad_missing ? std::ranges::max(counts) : std::ranges::min(counts);
  if (available == 0) return Refuse("no_reports", "no competition of the split has a report");
  if (options.seeds == -1) return available;
  if (options.seeds <= 0)
    return Refuse("no_seeds", "the number of seeds must be 1 or more, or -1 for all");
  auto wanted = static_cast<std::size_t>(options.seeds);
  if (wanted > available)
    return Refuse("too_few_seeds", std::to_string(wanted) + " seeds were asked for and " +
                                       std::to_string(available) + " are complete");
  return wanted;
}

// The eight numbers of a seed, in mle-bench's order.
std::vector<double> SeedMetrics(const Seed& seed) {
  auto n = static_cast<double>(seed.size());
  auto share = [&](auto flag) {
    return static_cast<double>(std::ranges::count_if(seed, flag)) / n * 100;
  };
  using R = const CompetitionReport&;
  return {n,
          share([](R r) { return r.submission_exists; }),
          share([](R r) { return r.valid_submission; }),
          share([](R r) { return r.flags.above_median; }),
          share([](R r) { return r.flags.gold; }),
          share([](R r) { return r.flags.silver; }),
          share([](R r) { return r.flags.bronze; }),
          share([](R r) { return r.flags.any(); })};
}

constexpr const char* kMetricNames[] = {
    "total_competitions",      "submission_exists_percentage", "valid_submissions_percentage",
    "above_median_percentage", "gold_medal_percentage",        "silver_medal_percentage",
    "bronze_medal_percentage", "any_medal_percentage"};

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double StandardError(const std::vector<double>& values, double mean) {
  if (values.size() < 2) return 0;
  auto n = static_cast<double>(values.size());
  double squares = 0;
  for (double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / (n - 1)) / std::sqrt(n);
}

AggregateMetric Summarize(const char* name, std::vector<double> per_seed) {
  AggregateMetric m{name, std::move(per_seed)};
  m.mean = Mean(m.per_seed);
  m.standard_error = StandardError(m.per_seed, m.mean);
  m.ci_lower = m.mean - 1.96 * m.standard_error;
  m.ci_upper = m.mean + 1.96 * m.standard_error;
  return m;
}

// Wilson 1927, with a share that need not be a whole count over n.
void AddTaskInterval(Aggregate& a) {
  constexpr double z = 1.959963984540054;
  auto n = static_cast<double>(a.competitions);
  double p = a.any_medal().mean / 100;
  double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  a.tasks_low = p == 0 ? 0 : 100 * std::max(0.0, centre - half);
  a.tasks_high = p == 1 ? 100 : 100 * std::min(1.0, centre + half);
}

}  // namespace

Result<Aggregate> AggregateReports(std::span<const CompetitionReport> reports,
                                   std::span<const std::string> competitions,
                                   const AggregateOptions& options) {
  std::map<std::string, Seed> by_id;
  for (const auto& r : reports) by_id[r.competition_id].push_back(r);
  PODIUM_ASSIGN(auto seeds, CountSeeds(by_id, competitions, options));
  std::vector<std::vector<double>> columns(std::size(kMetricNames));
  for (std::size_t k = 0; k < seeds; ++k) {
    Seed seed;
    for (const auto& id : competitions) {
      const Seed& all = by_id[id];
      seed.push_back(k < all.size() ? all[k] : NoSubmission(id));
    }
    std::vector<double> numbers = SeedMetrics(seed);
    for (std::size_t m = 0; m < numbers.size(); ++m) columns[m].push_back(numbers[m]);
  }
  Aggregate out;
  out.seeds = static_cast<int>(seeds);
  out.competitions = competitions.size();
  for (std::size_t m = 0; m < columns.size(); ++m)
    out.metrics.push_back(Summarize(kMetricNames[m], std::move(columns[m])));
  AddTaskInterval(out);
  return out;
}

}  // namespace podium::scoring
