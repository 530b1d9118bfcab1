#include <algorithm>

#include "agents/models/wire/wire_json.h"

namespace podium::agents {
namespace {

constexpr std::string_view kFields = R"json({
  "root": {
    "model": "text", "prompt": "values", "suffix": "text", "max_tokens": "positive",
    "n": "positive", "best_of": "positive", "temperature": "value", "top_p": "value",
    "top_k": "value", "min_p": "value", "stop": "values", "seed": "value", "logprobs": "value",
    "echo": "value", "presence_penalty": "value", "frequency_penalty": "value",
    "repetition_penalty": "value", "logit_bias": "any", "stream": "value",
    "stream_options": {"include_usage": "value", "include_obfuscation": "value"}, "user": "drop"
  }
})json";

// OpenAI's legacy completions: texts that go on, no conversation.
class Completions final : public WireFormat {
 public:
  Completions() : WireFormat(Traits()) {}

  [[nodiscard]] std::string_view Allowlist() const override { return kFields; }

  [[nodiscard]] RequestFacts FactsOf(const Json& request) const override {
    RequestFacts out;
    out.model = JsonOr<std::string>(request, "model", "");
    out.stream = JsonOr(request, "stream", false);
    out.output_limit = WholeNumber(request, "max_tokens");
    std::int64_t prompts = PromptsIn(request, "prompt");
    std::int64_t each = std::max(WholeNumber(request, "n").value_or(1),
                                 WholeNumber(request, "best_of").value_or(1));
    out.answers = std::max<std::int64_t>(each, 1) * prompts;
    out.many = prompts > 1;
    out.wants_usage = AsksForUsage(request);
    return out;
  }

  [[nodiscard]] bool TellsUsageAlone(const Json& event) const override {
    return IsUsageChunk(event);
  }

  void Complete(Json& request, const Finish& finish, bool stream) const override {
    request["model"] = finish.upstream_name;
    if (finish.output_limit > 0) request["max_tokens"] = finish.output_limit;
    if (stream) ReportUsageInStream(request);
  }

  void AddUsage(const Json& value, UsageSeen& seen) const override {
    AddOpenAiUsage(value, "prompt_tokens", "completion_tokens", "prompt_tokens_details", seen);
  }
  [[nodiscard]] bool Ends(const Json& event) const override {
    return AnyHasText(event, "choices", "finish_reason");
  }
  [[nodiscard]] bool MayTell(std::string_view data) const override {
    return HasAnyWord(data, {"\"usage", "error\""}) || HasFinishReason(data);
  }

  void Pieces(Json& event, std::vector<std::pair<std::string, Json*>>& out) const override {
    if (!Member(event, "choices") || !event["choices"].is_array()) return;
    for (Json& choice : event["choices"]) {
      std::string place = std::to_string(WholeNumber(choice, "index").value_or(0));
      if (HasText(choice, "text")) out.emplace_back(place + "/text", &choice["text"]);
    }
  }

 private:
  static WireTraits Traits() {
    WireTraits out = OpenAiTraits("completions", "/completions");
    out.default_output = 16;
    return out;
  }
};

}  // namespace

const WireFormat& CompletionsFormat() {
  static const Completions format;
  return format;
}

}  // namespace podium::agents
