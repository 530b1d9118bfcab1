#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "agents/gateway/policy.h"
#include "agents/models/wire/wire_format.h"

namespace podium::agents {

// Chat Completions for a model that speaks Messages, Gemini or Responses: requests go one way,
// answers the other. What cannot be said in the other's words is refused, or left out and flagged.

// The format that a request of `asked` is translated to for a model that serves these; nullptr:
// there is no translation.
[[nodiscard]] const WireFormat* TranslationOf(const WireFormat& asked,
                                              const std::vector<const WireFormat*>& served);

// A screened request of Chat Completions in the words of `to`, with what it says of its own size.
[[nodiscard]] tl::expected<Screened, Refusal> TranslateRequest(const WireFormat& to,
                                                               const Screened& request);

// In the id of a call: what its provider wants back with the call stands behind it.
inline constexpr char kSignatureMark = '~';

// What an answer needs to know of its request.
struct TranslatedAsk {
  std::string model;         // as the agent called it
  std::string turn;          // tells the calls of its answers from those of others
  std::string object_tool;   // a call of this tool is the JSON that was asked for as a text
  bool wants_usage = false;  // of a stream
};
[[nodiscard]] TranslatedAsk AskOf(const WireFormat& to, const Screened& request);

}  // namespace podium::agents
