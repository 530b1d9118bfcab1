// A wire format outside Podium's own tree; docs/how-to/wire-format.md goes through it part by part.
#include "toy_format.h"

#include "agents/models/wire/wire_json.h"

namespace toy {
namespace {

using namespace podium;
using namespace podium::agents;

WireTraits Traits() {
  WireTraits out;
  out.name = "toy";
  out.path = "/v1/toy";
  out.upstream = "/toy";
  out.key_header = "x-toy-key";
  return out;
}

constexpr std::string_view kFields = R"json({
  "root": {"model": "text", "ask": ["text"], "most": "positive", "warmth": "value",
           "who": "drop"}
})json";

// An answer is one JSON value; this provider does not stream.
class ToyReader final : public AnswerReader {
 public:
  tl::expected<void, ModelFault> AddEvent(const Json& event) override { return AddWhole(event); }
  tl::expected<void, ModelFault> AddWhole(const Json& answer) override {
    if (auto fault = ReportedFault(answer)) return tl::unexpected(std::move(*fault));
    said_ = HasText(answer, "say");
    reply_.content = JsonOr<std::string>(answer, "say", "");
    reply_.finish_reason = JsonOr<std::string>(answer, "why", "");
    reply_.stop = reply_.finish_reason == "full" ? StopReason::kLength : StopReason::kEnd;
    return {};
  }
  [[nodiscard]] bool ended() const override { return said_; }
  [[nodiscard]] bool has_answer() const override { return said_; }
  ChatReply Finish() override { return std::move(reply_); }

 private:
  ChatReply reply_;
  bool said_ = false;
};

class Toy final : public WireFormat {
 public:
  Toy() : WireFormat(Traits()) {}

  [[nodiscard]] std::string_view Allowlist() const override { return kFields; }

  [[nodiscard]] RequestFacts FactsOf(const Json& request) const override {
    RequestFacts out;
    out.model = JsonOr<std::string>(request, "model", "");
    out.output_limit = WholeNumber(request, "most");
    return out;
  }

  void Complete(Json& request, const podium::agents::Finish& finish, bool) const override {
    request["model"] = finish.upstream_name;
    if (finish.output_limit > 0) request["most"] = finish.output_limit;
  }

  void AddUsage(const Json& value, UsageSeen& seen) const override {
    const Json* count = Member(value, "count");
    if (!count) return;
    seen.input = UsageCount(*count, "in", seen);
    seen.output = UsageCount(*count, "out", seen);
  }
  [[nodiscard]] bool Ends(const Json& event) const override { return HasText(event, "why"); }
  [[nodiscard]] bool MayTell(std::string_view) const override { return true; }

  [[nodiscard]] bool converses() const override { return true; }

  [[nodiscard]] std::string Encode(const ChatRequest& request,
                                   const EncodeOptions& options) const override {
    Json ask = Json::array();
    for (const auto& turn : request.messages) ask.push_back(turn.role + ": " + turn.content);
    Json body = {{"model", options.model},
                 {"ask", ask},
                 {"most", request.max_tokens},
                 {"warmth", request.temperature}};
    Omit(body, options.omit);
    return DumpJson(body);
  }

  [[nodiscard]] std::unique_ptr<AnswerReader> MakeReader() const override {
    return std::make_unique<ToyReader>();
  }

  [[nodiscard]] std::string EncodeReply(const ChatReply& reply) const override {
    Json out = {{"say", reply.content}, {"why", reply.finish_reason}};
    if (reply.usage_known)
      out["count"] = {{"in", reply.usage.prompt}, {"out", reply.usage.completion}};
    return DumpJson(out);
  }
};

}  // namespace

const WireFormat& ToyFormat() {
  static const Toy format;
  return format;
}

}  // namespace toy
