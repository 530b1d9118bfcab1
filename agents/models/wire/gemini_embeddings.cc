#include <algorithm>

#include "agents/models/wire/wire_json.h"

namespace podium::agents {

const WireFormat& GeminiFormat();

namespace {

constexpr std::string_view kFields = R"json({
  "root": {"requests": ["@request"], "model": "drop", "content": "@content", "taskType": "text",
           "title": "text", "outputDimensionality": "value"},
  "request": {"model": "drop", "content": "@content", "taskType": "text", "title": "text",
              "outputDimensionality": "value"},
  "content": {"role": "text", "parts": ["@part"]},
  "part": {"refuse": "input_not_allowed", "text": "text"}
})json";

// Google's embedContent and batchEmbedContents: prompts without answers, whose tokens the answer
// does not tell. What was set aside for them is what they cost.
class GeminiEmbeddings final : public WireFormat {
 public:
  GeminiEmbeddings() : WireFormat(Traits()) {}

  [[nodiscard]] std::string_view Allowlist() const override { return kFields; }

  [[nodiscard]] std::optional<Route> Match(std::string_view path) const override {
    auto asked = ParseGeminiPath(path);
    if (!asked || (asked->verb != "embedContent" && asked->verb != "batchEmbedContents"))
      return std::nullopt;
    bool batch = asked->verb == "batchEmbedContents";
    return Route{this, std::move(asked->model), false, batch};
  }
  [[nodiscard]] bool OwnsPath(std::string_view) const override { return false; }  // gemini's
  [[nodiscard]] std::string UpstreamPath(const Route& route, const std::string& upstream_name,
                                         bool) const override {
    return "/models/" + upstream_name + ":" + (route.batch ? "batchEmbedContents" : "embedContent");
  }

  [[nodiscard]] RequestFacts FactsOf(const Json& request) const override {
    RequestFacts out;
    const Json* requests = Member(request, "requests");
    if (requests && requests->is_array())
      out.answers = std::max<std::int64_t>(1, static_cast<std::int64_t>(requests->size()));
    out.many = out.answers > 1;
    return out;
  }

  void Complete(Json& request, const Finish& finish, bool) const override {
    std::string name = "models/" + finish.upstream_name;
    if (!request.contains("requests")) request["model"] = name;
    if (!request.contains("requests") || !request["requests"].is_array()) return;
    for (Json& one : request["requests"]) {
      if (one.is_object()) one["model"] = name;
    }
  }

  void AddUsage(const Json& value, UsageSeen& seen) const override {
    const Json* usage = Member(value, "usageMetadata");
    if (!usage || !usage->is_object()) return;
    seen.input = UsageCount(*usage, "promptTokenCount", seen);
    seen.output = 0;
  }
  [[nodiscard]] bool Ends(const Json&) const override { return false; }
  [[nodiscard]] bool MayTell(std::string_view data) const override {
    return HasAnyWord(data, {"\"usage", "error\""});
  }
  [[nodiscard]] std::string ErrorBody(int status, std::string_view code,
                                      std::string_view message) const override {
    return GeminiFormat().ErrorBody(status, code, message);
  }

 private:
  static WireTraits Traits() {
    WireTraits out = GeminiFormat().traits();
    out.name = "gemini-embeddings";
    out.path += "*:embedContent";
    out.answers = false;
    return out;
  }
};

}  // namespace

const WireFormat& GeminiEmbeddingsFormat() {
  static const GeminiEmbeddings format;
  return format;
}

}  // namespace podium::agents
