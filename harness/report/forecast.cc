#include "harness/report/forecast.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>

#include "base/text.h"

namespace podium::harness {
namespace {

constexpr double kLevel = 0.98;

struct Moments {
  int n = 0;
  double mean = 0, variance = 0;
};

Moments MomentsOf(const std::vector<double>& amounts) {
  Moments out{.n = static_cast<int>(amounts.size())};
  for (double a : amounts) out.mean += a / out.n;
  for (double a : amounts) out.variance += (a - out.mean) * (a - out.mean) / std::max(1, out.n - 1);
  return out;
}

double Quantile(double df) {
  boost::math::students_t_distribution<double> t(std::max(1.0, df));
  return boost::math::quantile(boost::math::complement(t, (1 - kLevel) / 2));
}

std::string GroupOf(const TrialId& id) { return id.task.str() + "/" + id.agent.str(); }

std::string HoursText(double hours) {
  return FormatDuration(Millis(static_cast<std::int64_t>(hours * 3'600'000)));
}

std::string Dollars(double amount) { return FormatScore(amount, 2); }

}  // namespace

std::optional<Forecast> ForecastSum(const std::vector<Sample>& ended,
                                    const std::vector<Remaining>& remaining) {
  if (ended.size() < 2) return std::nullopt;
  std::map<std::string, std::vector<double>> groups;
  std::vector<double> all;
  for (const auto& sample : ended) {
    groups[sample.group].push_back(sample.amount);
    all.push_back(sample.amount);
  }
  Moments pooled = MomentsOf(all);
  Forecast out{.samples = static_cast<int>(ended.size())};
  double variance = 0, weights = 0, most = 0;
  bool bounded = true;
  for (const auto& [group, trials, bound] : remaining) {
    auto own = groups.find(group);
    bool known = own != groups.end() && own->second.size() >= 2;
    Moments m = known ? MomentsOf(own->second) : pooled;
    double part = m.variance * (trials + static_cast<double>(trials) * trials / m.n);
    out.expected += trials * m.mean;
    variance += part;
    weights += part * part / (m.n - 1);
    bounded = bounded && bound;
    most += trials * bound.value_or(0);
  }
  double df = weights > 0 ? variance * variance / weights : pooled.n - 1;
  double half = Quantile(df) * std::sqrt(variance);
  out.low = std::max(0.0, out.expected - half);
  out.high = bounded ? std::min(most, out.expected + half) : out.expected + half;
  out.high = std::max(out.high, out.low);
  return out;
}

RunForecast ForecastRun(const RunView& run) {
  std::vector<Sample> usd, hours;
  std::map<std::string, int> open;
  double cost = 0;
  for (const auto& trial : run.trials) {
    std::string group = GroupOf(trial.id);
    if (!trial.outcome()) {
      ++open[group];
      continue;
    }
    double spent = static_cast<double>(trial.models.cost.pico) / 1e12;
    cost += spent;
    usd.push_back({group, spent});
    hours.push_back({group, static_cast<double>(trial.active.count()) / 3'600'000});
  }
  std::vector<Remaining> remaining;
  for (const auto& [group, trials] : open) remaining.push_back({group, trials, std::nullopt});
  RunForecast out;
  if (remaining.empty()) return out;
  if (cost > 0) out.usd = ForecastSum(usd, remaining);
  out.trial_hours = ForecastSum(hours, remaining);
  return out;
}

std::string ForecastText(const RunView& run) {
  RunForecast f = ForecastRun(run);
  std::vector<std::string> parts;
  if (f.usd)
    parts.push_back("$" + Dollars(f.usd->expected) + " (" + Dollars(f.usd->low) + " to " +
                    Dollars(f.usd->high) + ")");
  if (f.trial_hours)
    parts.push_back(HoursText(f.trial_hours->expected) + " of trials' work (" +
                    HoursText(f.trial_hours->low) + " to " + HoursText(f.trial_hours->high) + ")");
  if (parts.empty()) return "";
  return "To come: about " + Join(parts, ", ") + ", from " +
         std::to_string(f.trial_hours->samples) + " trials that have ended";
}

}  // namespace podium::harness
