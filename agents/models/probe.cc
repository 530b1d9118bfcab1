#include "agents/models/probe.h"

#include <utility>

#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/registry.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr int kAnswerTokens = 256;  // a model that thinks first needs some for that
constexpr const char* kTool = "report";

ToolSpec Tool() {
  return {kTool, "Report a number.",
          R"({"type":"object","properties":{"number":{"type":"integer"}},)"
          R"("required":["number"],"additionalProperties":false})"};
}

bool HoldsNumber(const std::string& text) {
  auto object = ObjectInText(text);
  return object && object->contains("number");
}

// "": the answer is as it was asked for.
using Judge = std::string (*)(const ChatReply&);

std::string Said(const ChatReply& reply) {
  std::string text = reply.refusal.empty() ? reply.content : reply.refusal;
  return text.empty() ? "nothing (" + reply.finish_reason + ")"
                      : "'" + Printable(text.substr(0, 100)) + "'";
}

// Its limit may cut a model off that thinks first: it has answered all the same.
std::string JudgeText(const ChatReply& reply) {
  bool said = !reply.content.empty() || reply.stop == StopReason::kLength;
  return said ? "" : "it said " + Said(reply);
}

std::string JudgeStream(const ChatReply& reply) {
  return reply.streamed ? JudgeText(reply) : "the answer came as a whole";
}

std::string JudgeCall(const ChatReply& reply) {
  const ToolCall* call = reply.call();
  if (!call) return "in place of a call it said " + Said(reply);
  bool good = call->name == kTool && HoldsNumber(call->arguments);
  return good ? ""
              : "it called '" + Printable(call->name.substr(0, 60)) + "' with '" +
                    Printable(call->arguments.substr(0, 100)) + "'";
}

std::string JudgeSchema(const ChatReply& reply) {
  return HoldsNumber(reply.content) ? "" : "in place of the object it said " + Said(reply);
}

struct Case {
  const char* name;
  const char* words;
  Judge judge;
  bool stream = true, tools = false, forced = false, schema = false;
};

constexpr Case kCases[] = {
    {"text", "Answer with the one word: ready", JudgeText, false},
    {"stream", "Answer with the one word: ready", JudgeStream},
    {"tools", "Call the tool report with the number 7.", JudgeCall, true, true},
    {"forced_tool", "How much is 3 + 4?", JudgeCall, true, true, true},
    {"json_schema", "How much is 3 + 4? Answer as JSON with the key number.", JudgeSchema, true,
     true, true, true}};

// The model as it is asked for this case.
ModelConfig ConfigFor(const Case& c, ModelConfig config) {
  config.max_attempts = 1;
  config.max_outage = Millis(1);
  config.by_schema = c.schema;
  if (!c.stream) config.omit.insert("stream");
  return config;
}

ChatRequest RequestFor(const Case& c) {
  ChatRequest out;
  out.messages.push_back(ChatMessage{.role = "user", .content = c.words});
  if (c.tools) out.tools.push_back(Tool());
  if (c.forced) out.forced_tool = kTool;
  out.temperature = 0;
  out.max_tokens = kAnswerTokens;
  return out;
}

void TakeReply(const Case& c, const ChatReply& reply, const ModelConfig& config, Probe& out) {
  out.detail = c.judge(reply);
  out.end = out.detail.empty() ? ProbeEnd::kAnswered : ProbeEnd::kOtherwise;
  if (!reply.usage_known) return;
  out.used = reply.tokens;
  if (config.prices) out.cost_usd = CostOf(reply.tokens, *config.prices).Text();
}

void TakeError(const Error& error, Probe& out) {
  bool refused = error.code == ErrorCode::kModel;
  out.end = refused ? ProbeEnd::kRefused : ProbeEnd::kNoAnswer;
  out.detail = Printable(error.message.substr(0, 600));
}

}  // namespace

std::string_view ProbeEndName(ProbeEnd end) {
  switch (end) {
    case ProbeEnd::kAnswered:
      return "answered";
    case ProbeEnd::kOtherwise:
      return "otherwise";
    case ProbeEnd::kRefused:
      return "refused";
    case ProbeEnd::kNoAnswer:
      return "no_answer";
    case ProbeEnd::kSkipped:
      break;
  }
  return "skipped";
}

Task<std::vector<Probe>> ProbeModel(TrialModels& models, ModelConfig config, Deadline deadline) {
  std::vector<Probe> out;
  bool schemas = FindWireFormat(config.format)->traits().answers_by_schema;
  bool dead = false;
  for (const Case& c : kCases) {
    Probe probe{.name = c.name};
    if (dead || (c.schema && !schemas)) {
      probe.detail = dead ? "not asked" : "the format has no such field";
      out.push_back(std::move(probe));
      continue;
    }
    ModelConfig asked = ConfigFor(c, config);
    ChatClient client(models, asked);
    auto begun = SteadyNow();
    ChatRequest request = RequestFor(c);
    auto reply = co_await client.Complete(std::move(request), deadline);
    probe.latency = Since(begun);
    if (reply)
      TakeReply(c, *reply, asked, probe);
    else
      TakeError(reply.error(), probe);
    dead = !reply && (out.empty() || probe.end == ProbeEnd::kNoAnswer);
    out.push_back(std::move(probe));
  }
  co_return out;
}

}  // namespace podium::agents
