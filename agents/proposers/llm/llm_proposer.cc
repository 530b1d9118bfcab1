#include "agents/proposers/llm/llm_proposer.h"

#include "agents/models/wire/foreign_json.h"
#include "agents/operators/read_score.h"
#include "agents/proposers/llm/extract_code.h"
#include "agents/proposers/llm/prompts.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

void Add(TokenUsage& total, const TokenUsage& more) {
  total.prompt += more.prompt;
  total.completion += more.completion;
  total.calls += more.calls;
  total.wait += more.wait;
}

// Its "metric", or that of the call it describes: a number, or a number as text.
std::optional<double> MetricIn(const Json& object) {
  for (const char* inner : {"arguments", "parameters"}) {
    auto it = object.find(inner);
    if (it != object.end() && it->is_object()) return MetricIn(*it);
    if (it == object.end() || !it->is_string()) continue;
    if (auto parsed = ObjectInText(it->get<std::string>())) return MetricIn(*parsed);
  }
  auto it = object.find("metric");
  if (it != object.end() && it->is_number()) return it->get<double>();
  if (it != object.end() && it->is_string())
    return ScoreFromOutput("validation score: " + it->get<std::string>());
  return std::nullopt;
}

std::string ArgumentsOf(const ChatReply& reply) {
  const ToolCall* call = reply.call();
  return call ? call->arguments : std::string();
}

// A tool call's "metric", or the same JSON written as text, or the first number of a text that
// holds nothing else of the kind.
std::optional<double> MetricOf(const ChatReply& reply) {
  for (const std::string& text : {ArgumentsOf(reply), reply.content}) {
    auto object = ObjectInText(text);
    auto metric = object ? MetricIn(*object) : std::nullopt;
    if (metric) return metric;
  }
  return ScoreFromOutput(reply.content);
}

// What a tool call, or the same JSON written as text, says of a leak. An answer that says neither
// yes nor no says nothing.
std::string LeakIn(const ChatReply& reply) {
  for (const std::string& text : {ArgumentsOf(reply), reply.content}) {
    auto object = ObjectInText(text);
    if (!object || !JsonOr(*object, "leaks", false)) continue;
    std::string why = Printable(JsonOr<std::string>(*object, "why", "").substr(0, 300));
    return why.empty() ? "the review gave no reason" : why;
  }
  return "";
}

// Among the requests of a trial: each step has its own, whichever of several is worked on first.
constexpr std::int64_t kRequestsOfStep = 64, kReview = 62, kLeakReview = 63;
std::int64_t NumberOf(int step, std::int64_t place) { return step * kRequestsOfStep + place; }

class LlmProposer final : public Proposer {
 public:
  LlmProposer(std::unique_ptr<ChatClient> client, LlmSettings settings, RoleClients roles)
      : client_(std::move(client)), settings_(std::move(settings)), roles_(std::move(roles)) {}

  Task<Result<Proposal>> Propose(ProposalRequest request, Deadline deadline) override {
    Proposal out;
    ChatClient& client = ClientFor(request.op);
    out.source = client.config().model;
    LlmSettings shown = settings_;
    Last last = Last::kNothing;
    Millis before = client_->outage();
    std::int64_t number = NumberOf(request.node_id, 0);
    for (int attempt = 0, halvings = 0; attempt < settings_.extraction_tries;) {
      ChatRequest chat = MakeChat(request, attempt, last, shown);
      chat.number = number++;
      Deadline until(deadline.at() + (client_->outage() - before));
      auto reply = co_await client.Complete(std::move(chat), until);
      if (!reply && reply.error().code == ErrorCode::kTimeout)
        break;  // the trial's time is up: no fault of the server
      if (!reply && IsBudgetExhausted(reply.error())) {
        out.exhausted = true;
        out.end = "model_budget";
        out.detail = reply.error().message;
        co_return out;
      }
      if (!reply && !AskersAffair(reply.error())) co_return tl::unexpected(reply.error());
      if (!reply) {
        out.fault = IsContextOverflow(reply.error()) ? "context_overflow" : "content_refused";
        out.detail = Printable(reply.error().message.substr(0, 300));
        if (IsContentRefusal(reply.error()) || ++halvings > 2) co_return out;
        shown = Halved(shown);
        continue;
      }
      ++attempt;
      Add(out.tokens, reply->usage);
      last = Take(*reply, out);
      if (last == Last::kProgram) co_return out;
    }
    if (out.fault.empty()) out.fault = "no_code";
    co_return out;
  }

  Task<Result<ScoreReading>> ReadScore(const SearchNode& node, const TaskBrief& task,
                                       Deadline deadline) override {
    ScoreReading reading;
    auto messages = ReviewPrompt(node, task, settings_);
    std::int64_t number = NumberOf(node.step, kReview);
    auto reply = co_await Review(std::move(messages), ReviewTool(), number, deadline);
    if (!reply) co_return tl::unexpected(reply.error());
    if (!*reply) co_return reading;
    reading.tokens = (*reply)->usage;
    reading.score = MetricOf(**reply);
    if (reading.score && !NumberIsPrinted(node.output, *reading.score)) reading.score.reset();
    co_return reading;
  }

  Task<Result<LeakReading>> FindLeak(const SearchNode& node, const TaskBrief& task,
                                     Deadline deadline) override {
    LeakReading reading;
    if (!settings_.leak_check) co_return reading;
    auto messages = LeakPrompt(node, task, settings_);
    std::int64_t number = NumberOf(node.step, kLeakReview);
    auto reply = co_await Review(std::move(messages), LeakTool(), number, deadline);
    if (!reply) co_return tl::unexpected(reply.error());
    if (!*reply) co_return reading;
    reading.tokens = (*reply)->usage;
    reading.leak = LeakIn(**reply);
    co_return reading;
  }

  [[nodiscard]] Millis outage() const override { return client_->outage(); }

 private:
  // A question about a program that a call of `tool` answers; nothing where no answer is to be had.
  Task<Result<std::optional<ChatReply>>> Review(std::vector<ChatMessage> messages, ToolSpec tool,
                                                std::int64_t number, Deadline deadline) {
    ChatRequest chat;
    chat.number = number;
    chat.messages = std::move(messages);
    chat.forced_tool = tool.name;
    chat.tools.push_back(std::move(tool));
    chat.temperature = 0;
    chat.max_tokens = 300;
    ChatClient& client = roles_.review ? *roles_.review : *client_;
    auto reply = co_await client.Complete(std::move(chat), deadline);
    std::optional<ChatReply> none;
    if (!reply && IsNoAnswer(reply.error())) co_return none;
    if (!reply) co_return tl::unexpected(reply.error());
    co_return std::move(*reply);
  }

  // Who changes a program and who writes a new one.
  [[nodiscard]] ChatClient& ClientFor(std::string_view op) const {
    bool changes = op == kDebug || op == kImprove;
    const auto& client = changes ? roles_.edit : roles_.code;
    return client ? *client : *client_;
  }

  // What the last answer was.
  enum class Last { kNothing, kProgram, kProse, kCut, kRefusal };

  // A review that does not come about says nothing.
  static bool IsNoAnswer(const Error& error) {
    return error.code == ErrorCode::kTimeout || AskersAffair(error) || IsBudgetExhausted(error);
  }

  static bool AskersAffair(const Error& error) {
    return IsContextOverflow(error) || IsContentRefusal(error);
  }

  // A program whose end is missing is none.
  Last Take(const ChatReply& reply, Proposal& out) const {
    ExtractedCode found = ExtractCode(reply.content.empty() ? CodeArgument(reply) : reply.content);
    bool too_long = reply.stop == StopReason::kLength;
    bool refused = reply.stop == StopReason::kRefused || !reply.refusal.empty();
    bool cut = !found.closed && too_long;
    if (refused && !found.closed) found.code.clear();  // the filter stopped it there
    out.plan = Printable(found.plan.substr(0, 2000));
    out.code = cut ? "" : found.code;
    out.fault.clear();
    out.detail.clear();
    if (!out.code.empty()) return Last::kProgram;
    std::string said = refused && !reply.refusal.empty() ? reply.refusal : reply.content;
    out.detail = cut ? "the answer was cut off by its limit of length (llm.max_tokens: " +
                           std::to_string(settings_.max_tokens) + ")"
                     : "the answer (" + reply.finish_reason +
                           ") held no program: " + Printable(said.substr(0, 200));
    out.fault = refused ? "content_refused" : "no_code";
    return cut ? Last::kCut : refused ? Last::kRefusal : Last::kProse;
  }

  // Some models answer with a tool call although none was offered.
  static std::string CodeArgument(const ChatReply& reply) {
    auto json = ParseForeignJson(ArgumentsOf(reply), "tool arguments");
    return json && json->is_object() ? JsonOr<std::string>(*json, "code", "") : "";
  }

  static LlmSettings Halved(LlmSettings s) {
    for (std::size_t* size :
         {&s.description_bytes, &s.preview_bytes, &s.output_bytes, &s.code_bytes})
      *size /= 2;
    return s;
  }

  ChatRequest MakeChat(const ProposalRequest& request, int attempt, Last last,
                       const LlmSettings& shown) const {
    ChatRequest chat;
    chat.messages = OperatorPrompt(request, shown);
    if (last == Last::kCut)
      chat.messages.back().content +=
          "\nYour last answer was cut off because it was too long. Answer with a shorter program "
          "in "
          "one ```python block.\n";
    else if (attempt > 0)
      chat.messages.back().content +=
          "\nYour last answer held no Python code block. Answer with the program in one ```python "
          "block.\n";
    chat.temperature = settings_.temperature;
    chat.max_tokens = settings_.max_tokens;
    // Distinct a node and attempt, so that equal prompts are not answered from the record of
    // another step.
    chat.seed = static_cast<std::int64_t>(request.seed * 1'000'000 +
                                          static_cast<std::uint64_t>(request.node_id) * 10 +
                                          static_cast<std::uint64_t>(attempt));
    return chat;
  }

  std::unique_ptr<ChatClient> client_;
  LlmSettings settings_;
  RoleClients roles_;
};

}  // namespace

std::unique_ptr<Proposer> MakeLlmProposer(std::unique_ptr<ChatClient> client, LlmSettings settings,
                                          RoleClients roles) {
  return std::make_unique<LlmProposer>(std::move(client), std::move(settings), std::move(roles));
}

}  // namespace podium::agents
