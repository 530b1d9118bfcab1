#include "agents/llm/llm_proposer.h"

#include "agents/llm/extract_code.h"
#include "agents/llm/prompts.h"
#include "agents/scaffolds/read_score.h"
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

// A tool call's "metric", or the same JSON written as text, or the first number of a text that
// holds nothing else of the kind.
std::optional<double> MetricOf(const ChatReply& reply) {
  for (const std::string& text : {reply.tool_arguments, reply.content}) {
    std::size_t open = text.find('{');
    std::size_t close = text.rfind('}');
    if (open == std::string::npos || close == std::string::npos || close < open) continue;
    auto json = ParseJson(std::string_view(text).substr(open, close - open + 1), "review");
    if (!json || !json->is_object()) continue;
    const Json& object = json->contains("arguments") && (*json)["arguments"].is_object()
                             ? (*json)["arguments"]
                             : *json;
    if (auto it = object.find("metric"); it != object.end() && it->is_number())
      return it->get<double>();
  }
  return ScoreFromOutput(reply.content);
}

class LlmProposer final : public Proposer {
 public:
  LlmProposer(ChatClient client, LlmSettings settings)
      : client_(std::move(client)), settings_(settings) {}

  Task<Result<Proposal>> Propose(ProposalRequest request, Deadline deadline) override {
    Proposal out;
    out.source = client_.config().model;
    LlmSettings shown = settings_;
    int halvings = 0;
    for (int attempt = 0; attempt < settings_.extraction_tries; ++attempt) {
      ChatRequest chat = MakeChat(request, attempt, shown);
      auto reply = co_await client_.Complete(std::move(chat), deadline);
      if (!reply && reply.error().code == ErrorCode::kTimeout)
        break;  // the trial's time is up: no fault of the server
      if (!reply && deadline.expired()) break;
      if (!reply && IsContextOverflow(reply.error())) {
        out.fault = "context_overflow";
        out.detail = Printable(reply.error().message.substr(0, 300));
        if (++halvings > 2) co_return out;
        shown = Halved(shown);
        --attempt;
        continue;
      }
      if (!reply) co_return tl::unexpected(reply.error());
      Add(out.tokens, reply->usage);
      ExtractedCode found =
          ExtractCode(reply->content.empty() ? CodeArgument(*reply) : reply->content);
      out.plan = Printable(found.plan.substr(0, 2000));
      out.code = found.code;
      out.fault.clear();
      out.detail.clear();
      if (!out.code.empty()) co_return out;
      out.detail = "the answer (" + reply->finish_reason +
                   ") held no program: " + Printable(reply->content.substr(0, 200));
    }
    out.fault = "no_code";
    co_return out;
  }

  Task<Result<ScoreReading>> ReadScore(const SearchNode& node, const TaskBrief& task,
                                       Deadline deadline) override {
    ScoreReading reading;
    ChatRequest chat;
    chat.messages = ReviewPrompt(node, task, settings_);
    chat.tool = ReviewTool();
    chat.temperature = 0;
    chat.max_tokens = 300;
    auto reply = co_await client_.Complete(std::move(chat), deadline);
    if (!reply && (deadline.expired() || reply.error().code == ErrorCode::kTimeout))
      co_return reading;
    if (!reply) co_return tl::unexpected(reply.error());
    reading.tokens = reply->usage;
    reading.score = MetricOf(*reply);
    if (reading.score && !NumberIsPrinted(node.output, *reading.score)) reading.score.reset();
    co_return reading;
  }

 private:
  // Some models answer with a tool call although none was offered.
  static std::string CodeArgument(const ChatReply& reply) {
    auto json = ParseJson(reply.tool_arguments, "tool arguments");
    return json && json->is_object() ? JsonOr<std::string>(*json, "code", "") : "";
  }

  static LlmSettings Halved(LlmSettings s) {
    for (std::size_t* size :
         {&s.description_bytes, &s.preview_bytes, &s.output_bytes, &s.code_bytes})
      *size /= 2;
    return s;
  }

  ChatRequest MakeChat(const ProposalRequest& request, int attempt,
                       const LlmSettings& shown) const {
    ChatRequest chat;
    chat.messages = OperatorPrompt(request, shown);
    if (attempt > 0)
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

  ChatClient client_;
  LlmSettings settings_;
};

}  // namespace

std::unique_ptr<Proposer> MakeLlmProposer(ChatClient client, LlmSettings settings) {
  return std::make_unique<LlmProposer>(std::move(client), settings);
}

}  // namespace podium::agents
