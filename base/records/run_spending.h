#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::records {

// What trials cost, or may cost.
struct Spending {
  std::string usd = "0";  // decimal
  std::int64_t tokens = 0;
  double gpu_hours = 0;
};

// A trial that has begun and has no outcome.
struct OpenSpending {
  Spending spent;     // by earlier attempts
  Spending reserved;  // on top of it, while somebody works on it
  std::string owner;  // ProcessOwner::ToJson() of that process; "": nobody
};

// RUN/spending.json, where a run has ceilings: what its processes have set aside together. It can
// be made again from the trials.
struct RunSpending {
  std::string began;                         // ISO time at which the run's clock began
  Spending settled;                          // of trials that have their outcome
  std::map<std::string, Spending> most;      // by agent: the dearest trial that has its outcome
  std::map<std::string, OpenSpending> open;  // by TrialId::str()
};

// "podium-spending/1".
[[nodiscard]] std::string ToText(const RunSpending& spending);
[[nodiscard]] Result<RunSpending> ParseRunSpending(std::string_view text, std::string_view where);

}  // namespace podium::records
