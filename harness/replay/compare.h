#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/replay/recorded_trial.h"

namespace podium::harness {

// The first thing in which a trial that was done again differs from its record.
struct Divergence {
  std::string where;     // "node 3, what its program printed", "the verdict's grade"
  std::string recorded;  // the place, with a few words around it
  std::string now;
  std::string meaning;  // what it says, and of whom

  // For a person: several lines.
  [[nodiscard]] std::string Text() const;
};

// Measured times and resources apart.
[[nodiscard]] std::optional<Divergence> CompareNodes(const records::SearchNode& recorded,
                                                     const records::SearchNode& now);

// The whole: nodes, commands, models' requests, the seal and the grade. Without a verdict of `now`:
// as far as it came.
[[nodiscard]] std::optional<Divergence> CompareTrials(const RecordedTrial& recorded,
                                                      const std::vector<JournalLine>& now_lines,
                                                      const TrialView& now);

}  // namespace podium::harness
