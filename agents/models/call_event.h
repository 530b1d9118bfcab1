#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agents/models/usd.h"
#include "base/clock.h"
#include "base/result.h"

namespace podium::agents {

// One call of a model as the journal's event "model_call" has it: written by the pipeline, read by
// the budget of a later attempt and by reports.
struct CallEvent {
  std::string model;
  std::string format;
  int status = 0;         // of HTTP; 0: no answer
  std::string end;        // "ok", "cut", "unreachable", "redirect", "error_event", "client_gone",
                          // "unreadable", "refused", "cancelled"
  bool replayed = false;  // answered from the record: nothing was asked or paid
  TokenCount tokens;
  std::optional<Usd> cost;  // nothing where the model has no known price
  Millis held{0};           // waiting for a turn
  Millis wait{0};           // that included, for the answer
  Millis wall{0};           // in all
  std::string digest;       // the record's name
};

inline constexpr std::string_view kCallEvent = "model_call";

[[nodiscard]] std::string CallEventJson(const CallEvent& event);
[[nodiscard]] Result<CallEvent> ReadCallEvent(std::string_view json);

}  // namespace podium::agents
