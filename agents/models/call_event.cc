#include "agents/models/call_event.h"

#include "base/json.h"

namespace podium::agents {

std::string CallEventJson(const CallEvent& e) {
  Json body = {{"model", e.model},
               {"format", e.format},
               {"status", e.status},
               {"end", e.end},
               {"replayed", e.replayed},
               {"input_tokens", e.tokens.input},
               {"cached_tokens", e.tokens.cached},
               {"output_tokens", e.tokens.output},
               {"cost_usd", e.cost ? Json(e.cost->Text()) : Json()},
               {"digest", e.digest}};
  if (e.replayed) return DumpJson(body);
  body["cache_write_tokens"] = e.tokens.cache_write;
  body["held_ms"] = e.held.count();
  body["wait_ms"] = e.wait.count();
  body["wall_ms"] = e.wall.count();
  return DumpJson(body);
}

Result<CallEvent> ReadCallEvent(std::string_view json) {
  PODIUM_ASSIGN(Json body, ParseJson(json, "event model_call"));
  CallEvent out;
  auto number = [&](const char* key) { return JsonOr<std::int64_t>(body, key, 0); };
  out.model = JsonOr<std::string>(body, "model", "");
  out.format = JsonOr<std::string>(body, "format", "");
  out.status = static_cast<int>(number("status"));
  out.end = JsonOr<std::string>(body, "end", "");
  out.replayed = JsonOr(body, "replayed", false);
  out.tokens = {number("input_tokens"), number("cached_tokens"), number("cache_write_tokens"),
                number("output_tokens")};
  auto cost = Usd::Parse(JsonOr<std::string>(body, "cost_usd", "none"));
  if (cost) out.cost = *cost;
  out.held = Millis(number("held_ms"));
  out.wait = Millis(number("wait_ms"));
  out.wall = Millis(number("wall_ms"));
  out.digest = JsonOr<std::string>(body, "digest", "");
  return out;
}

}  // namespace podium::agents
