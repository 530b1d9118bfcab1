#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "agents/gateway/policy.h"
#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/usage_reader.h"
#include "agents/models/wire/wire_format.h"

namespace podium::agents {

// Chat Completions for a model that speaks Messages or Gemini: requests go one way, answers the
// other. What cannot be said in the other's words is refused, or left out and flagged.

// The format that a request of `asked` is translated to for a model that serves these; nullptr:
// there is no translation.
[[nodiscard]] const WireFormat* TranslationOf(const WireFormat& asked,
                                              const std::vector<const WireFormat*>& served);

// A screened request of Chat Completions in the words of `to`, with what it says of its own size.
[[nodiscard]] tl::expected<Screened, Refusal> TranslateRequest(const WireFormat& to,
                                                               const Screened& request);

// What an answer needs to know of its request.
struct TranslatedAsk {
  std::string model;         // as the agent called it
  std::string turn;          // tells the calls of its answers from those of others
  std::string object_tool;   // a call of this tool is the JSON that was asked for as a text
  bool wants_usage = false;  // of a stream
};
[[nodiscard]] TranslatedAsk AskOf(const WireFormat& to, const Screened& request);

// A whole answer, or an error, as Chat Completions has it. An answer that cannot be read becomes an
// error with status 502.
struct TranslatedAnswer {
  int status = 200;
  std::string body;
};
[[nodiscard]] TranslatedAnswer TranslateAnswer(const WireFormat& from, const TranslatedAsk& ask,
                                               int status, std::string_view body);

// A stream of `from` as one of Chat Completions, piece by piece.
class TranslatedStream {
 public:
  TranslatedStream(const WireFormat& from, TranslatedAsk ask);
  [[nodiscard]] std::string Add(std::string_view bytes);
  // After the last piece, where the stream came to its end.
  [[nodiscard]] std::string End();

 private:
  [[nodiscard]] std::string Take(const std::vector<StreamEvent>& events);
  [[nodiscard]] std::string FromMessages(const Json& event);
  [[nodiscard]] std::string BeginBlock(const Json& event);
  [[nodiscard]] std::string ContinueBlock(const Json& event);
  [[nodiscard]] std::string FromGemini(const Json& event);
  [[nodiscard]] std::string Call(const std::string& id, const std::string& name,
                                 const std::string& arguments);
  [[nodiscard]] std::string Chunk(const Json& delta) const;
  [[nodiscard]] std::string Finish(StopReason stop);

  const WireFormat& from_;
  TranslatedAsk ask_;
  EventStreamReader events_;
  UsageReader usage_;
  std::unique_ptr<AnswerReader> reader_;  // of the same events, for how they end
  std::map<std::int64_t, int> calls_;     // by block: the place among the calls
  std::int64_t object_ = -1;              // the block whose arguments are the text
  int count_ = 0;                         // of calls
  bool begun_ = false, failed_ = false;
};

}  // namespace podium::agents
