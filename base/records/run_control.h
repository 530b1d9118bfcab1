#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::records {

// How far a trial, or a run as a whole, is held back.
enum class Hold {
  kNone,       // "none"
  kPaused,     // "paused": what runs ends after its step in flight; nothing begins
  kCancelled,  // "cancelled": what runs ends now; nothing begins
};

// RUN/control.json: what people asked of a run while it is worked on. Every process that works on
// it reads it every second. All of it is undone by `podium resume`, but for the numbers.
struct RunControl {
  std::int64_t number = 0;  // of the change, 1, 2, ...
  Hold run = Hold::kNone;
  // The change's number at which those who worked on it were asked to end as after one Ctrl-C.
  std::int64_t drained = 0;
  std::map<std::string, Hold> trials;  // by TrialId::str(), those that are held back themselves
  std::map<std::string, std::int64_t>
      priority;                      // by TrialId::str(): higher ones begin first; else 0
  std::optional<std::int64_t> jobs;  // instead of the plan's

  // Of one trial: the stronger of its own and the run's.
  [[nodiscard]] Hold Of(const std::string& trial) const;
};

[[nodiscard]] std::string_view HoldText(Hold hold);

// "podium-control/1", for people too.
[[nodiscard]] std::string ToText(const RunControl& control);
[[nodiscard]] Result<RunControl> ParseRunControl(std::string_view text, std::string_view where);

}  // namespace podium::records
