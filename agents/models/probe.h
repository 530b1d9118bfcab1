#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/models/chat_client.h"
#include "agents/models/trial_models.h"
#include "base/clock.h"

namespace podium::agents {

// How a model met one small call.
enum class ProbeEnd {
  kAnswered,   // as it was asked
  kOtherwise,  // it answered, and not as it was asked
  kRefused,    // it refused: a key, a name, a field, a bill
  kNoAnswer,   // it could not be reached, or did not answer in time
  kSkipped,    // the call before it had no answer, or the format has no such thing
};
[[nodiscard]] std::string_view ProbeEndName(ProbeEnd end);  // "answered", "otherwise", ...

// One small call that tries one thing.
struct Probe {
  std::string name;  // "text", "stream", "tools", "forced_tool", "json_schema"
  ProbeEnd end = ProbeEnd::kSkipped;
  std::string detail;              // of what is not as it was asked, for a person
  Millis latency{0};               // from the request to the last of the answer
  std::optional<TokenCount> used;  // nothing: not sent, or the answer does not say
  std::string cost_usd;            // "": not known
};

// Makes one small call for each, one after the other; once one has no answer at all, the others are
// not asked. Nothing is asked twice, and no outage is waited for.
[[nodiscard]] Task<std::vector<Probe>> ProbeModel(TrialModels& models, ModelConfig config,
                                                  Deadline deadline);

}  // namespace podium::agents
