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

AggregateMetric Summarize(const char* name, std::vector<double> per_seed, AggregateMode mode) {
  AggregateMetric m{name, std::move(per_seed)};
  m.mean = Mean(m.per_seed);
  m.standard_error = StandardError(m.per_seed, m.mean);
  double width = 1.96;
  if (mode == AggregateMode::kStrict) {
    bool alone = m.per_seed.size() < 2;
    if (alone) m.standard_error = std::nan("");
    width = alone ? std::nan("") : StudentT95(m.per_seed.size() - 1);
  }
  m.ci_lower = m.mean - width * m.standard_error;
  m.ci_upper = m.mean + width * m.standard_error;
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

Aggregate OverSeeds(const std::vector<Seed>& seeds, AggregateMode mode) {
  std::vector<std::vector<double>> columns(std::size(kMetricNames));
  for (const Seed& seed : seeds) {
    std::vector<double> numbers = SeedMetrics(seed);
    for (std::size_t m = 0; m < numbers.size(); ++m) columns[m].push_back(numbers[m]);
  }
  Aggregate out;
  out.mode = mode;
  out.seeds = static_cast<int>(seeds.size());
  out.competitions = seeds.front().size();
  for (std::size_t m = 0; m < columns.size(); ++m)
    out.metrics.push_back(Summarize(kMetricNames[m], std::move(columns[m]), mode));
  AddTaskInterval(out);
  return out;
}

Result<std::size_t> CountGroups(std::size_t available, int wanted) {
  if (available == 0) return Refuse("no_reports", "there is no run group");
  if (wanted == -1) return available;
  if (wanted <= 0)
    return Refuse("no_seeds", "the number of seeds must be 1 or more, or -1 for all");
  if (static_cast<std::size_t>(wanted) > available)
    return Refuse("too_few_seeds", std::to_string(wanted) + " seeds were asked for, there are " +
                                       std::to_string(available) + " run groups");
  return static_cast<std::size_t>(wanted);
}

// "s2" of ".../s2/submission/submission.csv", as Podium names the seeds of a run; "" elsewhere.
std::string_view SeedFolder(std::string_view path) {
  for (std::string_view part : Split(path, '/')) {
    bool digits = part.size() > 1 && part[0] == 's' &&
                  part.find_first_not_of("0123456789", 1) == std::string_view::npos;
    if (digits) return part;
  }
  return "";
}

// A run group's reports in the order of the competitions, the last of each.
Result<Seed> SeedOf(const SeedGroup& group, std::span<const std::string> competitions,
                    std::vector<std::string>& notes, std::map<std::string, std::size_t>& reported) {
  Seed seed;
  for (const auto& id : competitions) {
    const CompetitionReport* last = nullptr;
    for (const CompetitionReport& report : group.reports) {
      if (report.competition_id != id) continue;
      ++reported[id];
      if (last != nullptr &&
          SeedFolder(last->submission_path) != SeedFolder(report.submission_path))
        return Refuse("mixed_seeds",
                      group.name + " holds several seeds of " + id +
                          ": in strict a report is one seed. Grade each seed's "
                          "submissions into a report of its own, or use --mode compat");
      if (last != nullptr)
        notes.push_back(group.name + ": " + id + " is there twice, the last one counts");
      last = &report;
    }
    if (last == nullptr)
      notes.push_back(group.name + ": " + id + " is missing, counted as no medal");
    seed.push_back(last != nullptr ? *last : NoSubmission(id));
  }
  return seed;
}

// The share of Student's distribution within -t to t: 1 - I(n / (n + t^2); n/2, 1/2). For whole n a
// finite sum over the angle atan(t / sqrt(n)) (Abramowitz and Stegun 26.7.3 and 26.7.4).
double StudentShare(double t, std::size_t degrees) {
  auto n = static_cast<double>(degrees);
  double angle = std::atan(t / std::sqrt(n));
  double cosine = std::cos(angle);
  bool odd = degrees % 2 == 1;
  double term = odd ? cosine : 1;
  double sum = odd && degrees == 1 ? 0 : term;
  for (std::size_t k = odd ? 3 : 2; k + 1 < degrees; k += 2) {
    auto m = static_cast<double>(k);
    term *= cosine * cosine * (m - 1) / m;
    sum += term;
  }
  double part = std::sin(angle) * sum;
  return odd ? 2 / M_PI * (angle + part) : part;
}

}  // namespace

double StudentT95(std::size_t degrees) {
  double low = 0;
  double high = 1000;
  for (int i = 0; i < 200; ++i) {
    double middle = (low + high) / 2;
    (StudentShare(middle, degrees) < 0.95 ? low : high) = middle;
  }
  return (low + high) / 2;
}

Result<Aggregate> AggregateReports(std::span<const CompetitionReport> reports,
                                   std::span<const std::string> competitions,
                                   const AggregateOptions& options) {
  std::map<std::string, Seed> by_id;
  for (const auto& r : reports) by_id[r.competition_id].push_back(r);
  PODIUM_ASSIGN(auto seeds, CountSeeds(by_id, competitions, options));
  std::vector<Seed> complete(seeds);
  for (std::size_t k = 0; k < seeds; ++k) {
    for (const auto& id : competitions) {
      const Seed& all = by_id[id];
      complete[k].push_back(k < all.size() ? all[k] : NoSubmission(id));
    }
  }
  return OverSeeds(complete, AggregateMode::kCompat);
}

Result<Aggregate> AggregateGroups(std::span<const SeedGroup> groups,
                                  std::span<const std::string> competitions,
                                  const AggregateOptions& options) {
  if (competitions.empty()) return Refuse("no_seeds", "the split has no competitions");
  PODIUM_ASSIGN(auto count, CountGroups(groups.size(), options.seeds));
  std::vector<std::string> notes;
  std::vector<Seed> seeds;
  std::map<std::string, std::size_t> reported;
  for (const SeedGroup& group : groups.first(count)) {
    PODIUM_ASSIGN(auto seed, SeedOf(group, competitions, notes, reported));
    seeds.push_back(std::move(seed));
  }
  if (reported.empty()) return Refuse("no_reports", "no competition of the split has a report");
  Aggregate out = OverSeeds(seeds, AggregateMode::kStrict);
  out.notes = std::move(notes);
  return out;
}

std::string_view AggregateModeText(AggregateMode mode) {
  return mode == AggregateMode::kCompat ? "compat" : "strict";
}

}  // namespace podium::scoring
