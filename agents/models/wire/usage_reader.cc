#include "agents/models/wire/usage_reader.h"

#include <algorithm>

#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/wire_json.h"
#include "base/text.h"

namespace podium::agents {

void UsageReader::Value(std::string_view text) {
  auto parsed = ParseForeignJson(text, "a model's answer");
  if (!parsed) return;
  // Gemini's stream without alt=sse is a list; its last element has the whole usage.
  const Json& value = parsed->is_array() && !parsed->empty() ? parsed->back() : *parsed;
  failed_ = failed_ || format_->Failed(value);
  ended_ = ended_ || format_->Ends(value);
  format_->AddUsage(value, seen_);
}

void UsageReader::Take(const std::vector<StreamEvent>& events) {
  for (const StreamEvent& event : events) {
    if (event.type == "error") failed_ = true;
    if (Trim(event.data) == "[DONE]") ended_ = true;
    if (format_->MayTell(event.data)) Value(event.data);
  }
}

void UsageReader::Add(std::string_view piece) {
  if (events_)
    Take(stream_.Add(piece));
  else
    rest_ += piece;
}

std::optional<TokenCount> UsageReader::End() {
  if (events_)
    Take(stream_.End());
  else
    Value(rest_);
  rest_.clear();
  bool answers = format_->traits().answers;
  if (seen_.broken || !seen_.input || (answers && !seen_.output)) return std::nullopt;
  TokenCount out{.input = *seen_.input, .output = seen_.output.value_or(0)};
  out.cached = std::min(out.input, seen_.cached);
  out.cache_write = std::min(out.input, seen_.cache_write);
  out.reasoning = std::min(out.output, seen_.reasoning);
  return out;
}

}  // namespace podium::agents
