#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agents/gateway/usd.h"

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

// Reads what a call used from its answer, piece by piece.
class UsageReader {
 public:
  // `events`: the answer is a stream of server-sent events, not one JSON value.
  UsageReader(Format format, bool events) : format_(format), events_(events) {}
  void Add(std::string_view piece);
  // After the last piece: nothing where the answer did not say.
  [[nodiscard]] std::optional<TokenCount> End();
  // Whether an event reported an error after all.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void Line(std::string_view line);
  void Value(std::string_view json);

  Format format_;
  bool events_;
  bool failed_ = false;
  std::string rest_;  // what is not read yet
  std::optional<TokenCount> count_;
};

}  // namespace podium::agents
