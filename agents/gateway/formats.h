#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agents/models/usd.h"
#include "agents/models/event_stream.h"

namespace podium::agents {

enum class Format { kChat, kResponses, kEmbeddings, kCompletions, kMessages, kGemini };

// What differs between the wire formats, beside the allowlist of fields (allowlist.h).
struct FormatInfo {
  Format format;
  std::string_view name;      // in configs/models.yaml and in events
  std::string_view path;      // where agents send it; Gemini's has a model in it
  std::string_view upstream;  // below the model's base_url
  std::string_view key_header;
  std::string_view key_prefix;  // before the key in that header
  std::int64_t default_output =
      0;                // tokens an answer has where nothing is declared; 0: the model's
  bool answers = true;  // has output tokens
};
[[nodiscard]] std::span<const FormatInfo> Formats();
[[nodiscard]] const FormatInfo& InfoOf(Format format);
[[nodiscard]] std::optional<Format> FormatNamed(std::string_view name);

// A request line that reaches a model.
struct Route {
  Format format = Format::kChat;
  std::string model;     // where the path names it (Gemini)
  bool streams = false;  // where the path says so (Gemini)
};
// Nothing for all else; the paths of OpenAI's formats are known without their /v1 too.
[[nodiscard]] std::optional<Route> MatchRoute(std::string_view method, std::string_view path);
// Whose shape an error takes that is answered to this path.
[[nodiscard]] Format ShapeOf(std::string_view path);

// An error as the format's own provider writes it, with `code` in it.
[[nodiscard]] std::string ErrorBody(Format format, int status, std::string_view code,
                                    std::string_view message);

// Reads what a call used from its answer, piece by piece. Numbers may be texts; a count that cannot
// be read is missing, never nothing.
class UsageReader {
 public:
  // `events`: the answer is a stream of server-sent events, not one JSON value.
  UsageReader(Format format, bool events) : format_(format), events_(events) {}
  void Add(std::string_view piece);
  // After the last piece: nothing where the answer did not say all of it.
  [[nodiscard]] std::optional<TokenCount> End();
  // Whether an event reported an error after all.
  [[nodiscard]] bool failed() const { return failed_; }
  // Whether a stream came to its end: what its format ends with was seen.
  [[nodiscard]] bool ended() const { return ended_; }

  // What an answer says of its tokens; without `input` or `output` where that is not known.
  struct Seen {
    std::optional<std::int64_t> input, output;
    std::int64_t cached = 0, cache_write = 0;
    bool broken = false;  // a count is there and cannot be read
  };

 private:
  void Take(const std::vector<StreamEvent>& events);
  void Value(std::string_view json);

  Format format_;
  bool events_;
  bool failed_ = false;
  bool ended_ = false;
  EventStreamReader stream_;
  std::string rest_;  // of an answer that is no stream
  Seen seen_;
};

}  // namespace podium::agents
