#pragma once

// For base/records' .cc files alone: parts that the event "sealed" and verdict.json share.

#include <optional>

#include "base/json.h"
#include "base/records/trial_verdict.h"

namespace podium::records {

[[nodiscard]] Json ToJson(const Resources& resources);
[[nodiscard]] std::optional<Resources> ResourcesFrom(const Json& parent);
[[nodiscard]] Json ToJson(const AgentEnd& agent);
[[nodiscard]] Json ToJson(const Validations& validations);
[[nodiscard]] Json ToJson(const std::optional<Isolation>& isolation);  // null without one
[[nodiscard]] Json ToJson(const std::optional<ModelsSpent>& models);   // null without one

[[nodiscard]] AgentEnd AgentEndFrom(const Json& parent);        // its member "agent"
[[nodiscard]] Validations ValidationsFrom(const Json& parent);  // "validations"
[[nodiscard]] std::optional<Isolation> IsolationFrom(const Json& parent);
[[nodiscard]] std::optional<ModelsSpent> ModelsSpentFrom(const Json& parent);

}  // namespace podium::records
