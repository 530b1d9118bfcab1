#include "agents/models/wire/wire_json.h"

namespace podium::agents {
namespace {

constexpr std::string_view kFields = R"json({
  "root": {
    "model": "text", "input": "values", "dimensions": "value", "encoding_format": "text",
    "user": "drop"
  }
})json";

// OpenAI's embeddings: prompts without answers.
class Embeddings final : public WireFormat {
 public:
  Embeddings() : WireFormat(Traits()) {}

  [[nodiscard]] std::string_view Allowlist() const override { return kFields; }

  [[nodiscard]] RequestFacts FactsOf(const Json& request) const override {
    RequestFacts out;
    out.model = JsonOr<std::string>(request, "model", "");
    out.answers = PromptsIn(request, "input");
    out.many = out.answers > 1;
    return out;
  }

  void Complete(Json& request, const Finish& finish, bool) const override {
    request["model"] = finish.upstream_name;
  }

  void AddUsage(const Json& value, UsageSeen& seen) const override {
    AddOpenAiUsage(value, "prompt_tokens", "completion_tokens", "prompt_tokens_details", seen);
  }
  [[nodiscard]] bool Ends(const Json&) const override { return false; }
  [[nodiscard]] bool MayTell(std::string_view data) const override {
    return HasAnyWord(data, {"\"usage", "error\""});
  }

 private:
  static WireTraits Traits() {
    WireTraits out = OpenAiTraits("embeddings", "/embeddings");
    out.answers = false;
    return out;
  }
};

}  // namespace

const WireFormat& EmbeddingsFormat() {
  static const Embeddings format;
  return format;
}

}  // namespace podium::agents
