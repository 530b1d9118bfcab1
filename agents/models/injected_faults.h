#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/models/event_log.h"
#include "agents/models/made_up_answer.h"
#include "agents/options.h"
#include "base/result.h"

namespace podium::agents {

// Which faults are made, and how often.
struct FaultPlan {
  double rate = 0;  // of all requests
  std::vector<Injection> kinds;

  // "llm.faults: 0.1 of 429, 500"; "" where none is made.
  [[nodiscard]] std::string Text() const;
};

// `llm.faults.rate` and `llm.faults.kinds`. An error (kConfig) names the origin of a kind that
// there is not and those that there are.
[[nodiscard]] Result<FaultPlan> ReadFaultPlan(const OptionReader& options);

// Which faults one trial's requests meet: a word of SplitMix64 for each attempt at each request,
// which depends on the trial's seed, the request's number and the attempt alone. A trial that is
// done again or goes on meets the same. On the event loop's thread.
class FaultInjector {
 public:
  FaultInjector(FaultPlan plan, std::uint64_t seed, EventLog& log)
      : plan_(std::move(plan)), seed_(seed), log_(log) {}

  [[nodiscard]] bool any() const { return plan_.rate > 0; }
  // Of the next request in the order in which they are asked.
  [[nodiscard]] std::int64_t NextNumber() { return next_++; }
  // What the attempt meets, of the kinds that can happen to such a request.
  [[nodiscard]] std::optional<Injection> Draw(std::int64_t number, int attempt,
                                              const AskShape& shape) const;
  // Writes the event "injected_fault".
  void Note(std::int64_t number, int attempt, Injection injection, const std::string& model);

 private:
  FaultPlan plan_;
  std::uint64_t seed_;
  EventLog& log_;
  std::int64_t next_ = 0;
  int noted_ = 0;
};

// The faults that the attempts at one request meet in turn. Those of transport are followed by
// another draw, and so is the first empty answer, which is asked for again.
class FaultDraws {
 public:
  FaultDraws(FaultInjector& injector, std::int64_t number) : injector_(injector), number_(number) {}

  // Of the next attempt, noted in the journal; nothing: this one and all that follow are sent.
  [[nodiscard]] std::optional<Injection> Next(const AskShape& shape);

 private:
  FaultInjector& injector_;
  std::int64_t number_;
  int attempt_ = 0;
  bool over_ = false, emptied_ = false;
};

}  // namespace podium::agents
