#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/store/run_folder.h"

namespace podium::harness {

// What one trial that has ended took of something (dollars, hours), and whose it is: trials of one
// group are alike.
struct Sample {
  std::string group;
  double amount = 0;
};
// Trials of a group that are still to come.
struct Remaining {
  std::string group;
  int trials = 0;
  std::optional<double> most;  // that one of them may take
};

// A prediction of a sum, with an interval.
struct Forecast {
  double expected = 0, low = 0, high = 0;
  int samples = 0;  // trials that it rests on
};

// What the remaining trials will take together. The interval is a prediction interval for a sum of
// independent amounts with each group's own mean and variance: per group m x mean, variance
// s^2 (m + m^2 / n); degrees of freedom after Welch and Satterthwaite; level 98 %, so that it holds
// in 95 of 100 runs where amounts are as skewed as costs are (tests/harness/forecast_test.cc).
// Never below zero nor above what the trials may take. Groups of fewer than two samples take all
// samples together. None from fewer than two samples.
[[nodiscard]] std::optional<Forecast> ForecastSum(const std::vector<Sample>& ended,
                                                  const std::vector<Remaining>& remaining);

// Of a run's trials without an outcome, grouped by agent and task.
struct RunForecast {
  std::optional<Forecast> usd;          // dollars still to come; none where models cost nothing
  std::optional<Forecast> trial_hours;  // working time still to come, of all trials together
};
[[nodiscard]] RunForecast ForecastRun(const RunView& run);

// "about $3.10 more (2.40 to 3.90), 5 h 10 min of trials' work (4 h to 7 h), from 12 trials that
// have ended"; "" where nothing can be said or nothing is left.
[[nodiscard]] std::string ForecastText(const RunView& run);

}  // namespace podium::harness
