#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agents/gateway/translate.h"
#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/usage_reader.h"

namespace podium::agents {

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
  [[nodiscard]] std::string FromEvent(const Json& event);
  [[nodiscard]] std::string FromResponses(const Json& event);
  [[nodiscard]] std::string Unsaid(const ChatReply& reply);
  [[nodiscard]] std::string Arguments(std::int64_t index, const std::string& piece);
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
  bool begun_ = false, failed_ = false, said_ = false;
};

}  // namespace podium::agents
