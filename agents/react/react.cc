#include "agents/react/react.h"

#include <algorithm>

#include "agents/models/chat_client.h"
#include "agents/models/wire/foreign_json.h"
#include "agents/operators/preview.h"
#include "agents/operators/prompt_file.h"
#include "agents/proposers/llm/extract_code.h"
#include "agents/proposers/llm/fences.h"
#include "agents/react/context_window.h"
#include "agents/react/toolbox.h"
#include "agents/scaffolds/step_times.h"
#include "base/async/race.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownOfDescription = 6000;
constexpr std::size_t kShownOfTurn = 600;  // of each part of a turn that is summarised
constexpr std::size_t kMostCalls = 8;      // of one answer that are carried out
constexpr int kMostIdle = 10;              // answers without a call in a row
constexpr int kMostRefused = 3;            // prompts in a row
constexpr int kSummaryTokens = 800;
constexpr const char* kGoOn =
    "Please go on with the approach that you think is most promising, and call a tool. When the "
    "submission is as good as you can make it, call submit.";

struct ReactSettings {
  Prompt prompt;
  Millis action{0};  // 0: what is left
  std::size_t turns = 20;
  std::size_t observation = 5000;
  bool validate = true;
  int jobs = 4;
  LayerPolicy layers = LayerPolicy::kNone;
  bool budget_in_prompt = false;
  double temperature = 0.5;
  int max_tokens = 2048;
};

constexpr std::string_view kPlaceholders[] = {"title",  "description", "data",     "submission",
                                              "metric", "direction",   "knowledge"};

// A call that a model wrote as text: JSON with a tool's name, else a closed block of code.
std::optional<ToolCall> CallInText(const std::string& content, const std::vector<ToolSpec>& tools) {
  std::string_view text = WithoutThoughts(content);
  if (auto json = ObjectInText(text)) {
    auto name = JsonOr<std::string>(*json, "name", "");
    auto arguments = json->find("arguments");
    bool known = std::ranges::find(tools, name, &ToolSpec::name) != tools.end();
    if (known && arguments != json->end() && arguments->is_object())
      return ToolCall{"", name, DumpJson(*arguments)};
  }
  for (const Block& block : FindBlocks(Split(text, '\n'))) {
    if (!block.closed || (block.label != "bash" && block.label != "sh")) continue;
    std::string command(Trim(block.body));
    return ToolCall{"", "bash", DumpJson(Json{{"command", std::move(command)}})};
  }
  ExtractedCode code = ExtractCode(content);
  if (code.code.empty() || !code.closed) return std::nullopt;
  return ToolCall{"", "python", DumpJson(Json{{"code", code.code}})};
}

std::string NotCarriedOut() {
  return "Not carried out: the work has ended, or an answer held more than " +
         std::to_string(kMostCalls) + " calls.";
}

ChatMessage SaidBy(const ChatReply& reply) {
  return {.role = "assistant", .content = reply.content, .calls = reply.calls, .echo = reply.echo};
}

// What only the provider that said it can read.
void ForgetProvider(ChatMessage& said) {
  said.echo.clear();
  for (ToolCall& call : said.calls) call.signature.clear();
}

std::string AnswerToText(const std::string& tool, const std::string& observation) {
  return "What " + tool + " gave:\n" + observation + "\n";
}

class React final : public Scaffold {
 public:
  React(std::shared_ptr<const ReactSettings> settings, std::unique_ptr<ChatClient> client)
      : settings_(std::move(settings)), client_(std::move(client)) {}

  Task<Result<AgentOutcome>> Run(TrialContext& context) override {
    auto preview = co_await PreviewOf(context);
    if (!preview) co_return tl::unexpected(preview.error());
    std::string title = context.task.title;
    auto knowledge = co_await KnowledgeText(context.reactor, context.knowledge, context.events,
                                            std::move(title), context.task.description, false);
    if (!knowledge) co_return tl::unexpected(knowledge.error());
    Prepare(context, **preview, *knowledge);
    if (context.forked) PODIUM_CO_TRY(co_await Rebuild());
    while (end_.empty()) {
      if (context.stop.draining()) End("paused");
      if (auto end = times_->Ended(step_)) End(*end);
      if (step_ >= context.max_nodes) End("node_budget");
      if (!end_.empty()) break;
      PODIUM_CO_TRY(co_await Turn());
    }
    PODIUM_CO_TRY(co_await toolbox_->jobs().NoteEnds(true));
    AgentOutcome outcome;
    outcome.end = end_;
    outcome.detail = detail_;
    co_return outcome;
  }

 private:
  void Prepare(TrialContext& context, const DataPreview& preview, const std::string& knowledge) {
    context_ = &context;
    context.outage = [this] { return client_->outage() + rebuilding_; };
    times_.emplace(context, context.outage);
    layers_.emplace(context.reactor, context.events, context.trial_dir, context.layers_cap_bytes,
                    context.layers);
    toolbox_.emplace(context, ToolLimits{settings_->action, settings_->observation,
                                         settings_->validate, settings_->jobs});
    toolbox_->jobs().Skip(context.jobs);
    tools_ = toolbox_->Specs();
    left_ = times_->Left(0);
    const TaskBrief& task = context.task;
    Prompt prompt = settings_->prompt.Filled(
        {{"title", task.title},
         {"description", HeadTail(task.description, kShownOfDescription, 0)},
         {"data", PreviewText(preview, kShownOfDescription)},
         {"knowledge", knowledge.empty() ? "" : "\n\nWhat is known of such tasks:\n" + knowledge},
         {"submission", task.submission_path},
         {"metric", task.metric},
         {"direction", task.lower_is_better ? "lower" : "higher"}});
    window_.emplace(ChatMessage{.role = "system", .content = std::move(prompt.system)},
                    ChatMessage{.role = "user", .content = std::move(prompt.user)},
                    settings_->turns);
  }

  // The turns of the trial that this one was forked from, and what they left in /home.
  Task<Status> Rebuild() {
    const auto& steps = context_->steps;
    for (std::size_t begin = 0, end = 0; begin < steps.size(); begin = end) {
      while (end < steps.size() && steps[end].from.record == steps[begin].from.record) ++end;
      std::vector<records::ToolUse> uses(steps.begin() + static_cast<std::ptrdiff_t>(begin),
                                         steps.begin() + static_cast<std::ptrdiff_t>(end));
      step_ = static_cast<int>(end);
      left_ = end < steps.size() ? steps[end].left : times_->Left(step_);
      PODIUM_CO_TRY(co_await AddTurn(std::move(uses)));
    }
    PODIUM_CO_TRY(co_await RebuildWorkspace());
    past_.clear();
    co_return Status{};
  }

  // As it was: what was said is in the record, what came of it in the journal.
  Task<Status> AddTurn(std::vector<records::ToolUse> uses) {
    auto read = [dir = context_->trial_dir / "llm", from = uses.front().from] {
      return ReadKeptReply(dir, from);
    };
    auto reply = co_await context_->reactor.Blocking(std::move(read), Pool::kTransfer);
    if (!reply) co_return tl::unexpected(reply.error());
    if (!uses.front().summary.record.empty())
      PODIUM_CO_TRY(co_await AddSummary(uses.front().summary));
    ++asked_;
    ChatMessage said = SaidBy(*reply), answered{.role = "user"};
    if (reply->kept.format != client_->config().format) ForgetProvider(said);
    std::optional<ToolCall> in_text;
    if (said.calls.empty()) in_text = CallInText(said.content, tools_);
    idle_ = said.calls.empty() && !in_text ? idle_ + 1 : 0;
    for (std::size_t i = 0; i < uses.size(); ++i)
      past_.push_back(i < said.calls.size() ? said.calls[i] : in_text.value_or(ToolCall{}));
    for (std::size_t i = 0; i < said.calls.size(); ++i) {
      bool done = i < uses.size();
      answered.results.push_back({said.calls[i].id, said.calls[i].name,
                                  done ? uses[i].observation : NotCarriedOut(),
                                  !done || uses[i].failed});
    }
    if (in_text) answered.content = AnswerToText(in_text->name, uses.front().observation);
    if (said.calls.empty() && !in_text) answered.content = kGoOn;
    if (settings_->budget_in_prompt) answered.content += BudgetText();
    window_->Add(std::move(said), std::move(answered));
    co_return Status{};
  }

  Task<Status> AddSummary(records::AnswerRef kept) {
    auto read = [dir = context_->trial_dir / "llm", kept] { return ReadKeptReply(dir, kept); };
    auto reply = co_await context_->reactor.Blocking(std::move(read), Pool::kTransfer);
    if (!reply) co_return tl::unexpected(reply.error());
    ++asked_;
    (void)window_->TakeOverflow();  // which the summary stands for
    window_->SetSummary(std::string(WithoutThoughts(reply->content)));
    co_return Status{};
  }

  // From a layer, else by the same calls again, which take no working time: that was spent there.
  Task<Status> RebuildWorkspace() {
    auto begun = SteadyNow();
    records::Rebuilt done;
    int newest = layers_->Newest(step_ - 1);
    if (newest >= 0) {
      auto entered = co_await layers_->Enter(context_->sandbox, newest);
      if (!entered && !LayerKeeper::MayRunAgain(entered.error())) co_return entered;
      if (entered) done.restored = newest;
      if (!entered) done.why = entered.error().message;
    }
    for (const records::ToolUse& use : context_->steps) {
      if (use.step <= done.restored || !Toolbox::Changes(use.tool)) continue;
      auto again = co_await toolbox_->Call(past_.at(static_cast<std::size_t>(use.step)), use.step,
                                           ActionUntil());
      if (!again) co_return tl::unexpected(again.error());
      bool same = again->end == use.end && again->exit_code == use.exit_code &&
                  again->text == use.observation;
      if (!same) done.different.push_back(use.step);
      ++done.nodes;
      rebuilding_ = Since(begun);
    }
    rebuilding_ = Since(begun);
    co_return co_await context_->events.Append(std::move(done));
  }

  // One answer of the model and what follows from it.
  Task<Status> Turn() {
    context_->on_phase("step " + std::to_string(step_) + ": asking");
    summary_ = {};
    PODIUM_CO_TRY(co_await Summarise());
    std::vector<ChatMessage> messages = window_->Messages();
    auto reply = co_await Ask(std::move(messages), true);
    if (!reply) co_return tl::unexpected(reply.error());
    if (!*reply) co_return Status{};
    from_ = (*reply)->kept;
    ChatMessage said = SaidBy(**reply), answered{.role = "user"};
    if (said.calls.empty())
      PODIUM_CO_TRY(co_await ActOnText(said, answered));
    else
      PODIUM_CO_TRY(co_await ActOnCalls(said, answered));
    left_ = times_->Left(step_);
    if (settings_->budget_in_prompt) answered.content += BudgetText();
    window_->Add(std::move(said), std::move(answered));
    co_return Status{};
  }

  Task<Status> ActOnCalls(const ChatMessage& said, ChatMessage& answered) {
    idle_ = 0;
    for (std::size_t i = 0; i < said.calls.size(); ++i) {
      const ToolCall& call = said.calls[i];
      ToolOutcome done;
      done.failed = true;
      done.text = NotCarriedOut();
      if (end_.empty() && i < kMostCalls && step_ < context_->max_nodes) {
        std::string words = i == 0 ? said.content : std::string();
        auto outcome = co_await Act(call, words);
        if (!outcome) co_return tl::unexpected(outcome.error());
        done = std::move(*outcome);
      }
      answered.results.push_back({call.id, call.name, std::move(done.text), done.failed});
    }
    co_return Status{};
  }

  // Models that cannot call write what they would call; others talk.
  Task<Status> ActOnText(const ChatMessage& said, ChatMessage& answered) {
    if (auto call = CallInText(said.content, tools_)) {
      idle_ = 0;
      auto outcome = co_await Act(*call, said.content);
      if (!outcome) co_return tl::unexpected(outcome.error());
      answered.content = AnswerToText(call->name, outcome->text);
      co_return Status{};
    }
    records::ToolUse talk{.step = step_++, .said = Short(said.content), .left = left_};
    NameAnswers(talk);
    PODIUM_CO_TRY(co_await context_->events.Append(std::move(talk)));
    answered.content = kGoOn;
    if (++idle_ < kMostIdle) co_return Status{};
    End("finished");
    detail_ = std::to_string(kMostIdle) + " answers in a row called no tool";
    co_return Status{};
  }

  Task<Result<ToolOutcome>> Act(const ToolCall& call, const std::string& said) {
    context_->on_phase("step " + std::to_string(step_) + ": " + Printable(call.name.substr(0, 20)));
    auto done = co_await toolbox_->Call(call, step_, ActionUntil());
    if (!done) co_return tl::unexpected(done.error());
    done->wall = times_->Ran(step_, done->wall);
    records::ToolUse use{.step = step_++,
                         .said = Short(said),
                         .tool = Printable(call.name.substr(0, 60)),
                         .arguments = HeadTail(Printable(call.arguments), 8000, 4000),
                         .end = done->end,
                         .exit_code = done->exit_code,
                         .left = left_,
                         .wall = done->wall,
                         .failed = done->failed,
                         .observation = done->text,
                         .jobs = done->jobs};
    NameAnswers(use);
    int step = use.step;
    PODIUM_CO_TRY(co_await context_->events.Append(std::move(use)));
    PODIUM_CO_TRY(co_await toolbox_->jobs().NoteEnds());
    bool keeps = settings_->layers == LayerPolicy::kAll && Toolbox::Changes(call.name);
    if (keeps && !done->lost)
      PODIUM_CO_TRY(co_await layers_->KeepWorkspace(context_->sandbox, step));
    if (done->submitted) End("finished");
    if (done->lost) End("init_gone");
    co_return std::move(*done);
  }

  // From which answers the step follows; a summary is the first one's.
  void NameAnswers(records::ToolUse& use) {
    use.from = from_;
    use.summary = std::exchange(summary_, {});
  }

  [[nodiscard]] Deadline ActionUntil() const {
    return Deadline::In(settings_->action).Earlier(times_->RunUntil(step_));
  }

  // Nothing where the work ends, or the prompt was refused; `with_tools`: the model may call some.
  Task<Result<std::optional<ChatReply>>> Ask(std::vector<ChatMessage> messages, bool with_tools) {
    std::optional<ChatReply> none;
    for (;;) {
      ChatRequest chat;
      chat.messages = messages;
      if (with_tools) chat.tools = tools_;
      chat.temperature = with_tools ? settings_->temperature : 0;
      chat.max_tokens = with_tools ? settings_->max_tokens : kSummaryTokens;
      // Distinct an asking, so that equal prompts are not answered from the record of another step.
      chat.seed = static_cast<std::int64_t>(context_->seed * 1'000'000) + asked_++;
      auto reply = co_await CompleteBesideJobs(std::move(chat));
      if (reply) {
        refused_ = 0;
        co_return std::move(*reply);
      }
      const Error& error = reply.error();
      bool halved = IsContextOverflow(error) && with_tools && window_->DropHalf();
      if (halved) messages = window_->Messages();
      if (!halved) {
        PODIUM_CO_TRY(Meet(error, with_tools));
        co_return none;
      }
    }
  }

  Task<Result<ChatReply>> CompleteBesideJobs(ChatRequest chat) {
    auto raced = co_await Race(client_->Complete(std::move(chat), times_->Until(step_)),
                               toolbox_->jobs().Mind());
    PODIUM_CO_TRY(co_await toolbox_->jobs().NoteEnds());
    co_return std::get<0>(std::move(raced));
  }

  // What is the agent's affair ends its work; the rest is an error.
  Status Meet(const Error& error, bool with_tools) {
    detail_ = Printable(error.message.substr(0, 300));
    if (error.code == ErrorCode::kTimeout) {
      End("time_limit");
    } else if (IsBudgetExhausted(error)) {
      End("model_budget");
    } else if (IsContextOverflow(error)) {
      if (with_tools) End("context_overflow");
    } else if (IsContentRefusal(error)) {
      if (++refused_ >= kMostRefused) End("content_refused");
    } else {
      return tl::unexpected(error);
    }
    return {};
  }

  // The older half of what is shown becomes a text, once it is too much.
  Task<Status> Summarise() {
    std::vector<ChatMessage> old = window_->TakeOverflow();
    if (old.empty()) co_return Status{};
    std::string text = "Here is a part of the record of your work.\n\n";
    if (!window_->summary().empty()) text += "Before it:\n" + window_->summary() + "\n\n";
    text += TextOf(old, kShownOfTurn) +
            "\nSum up all of it in at most 300 words for yourself: what was tried, what it scored, "
            "which files matter, what is to be done next. Answer with the summary alone.";
    std::vector<ChatMessage> messages = {ChatMessage{.role = "user", .content = std::move(text)}};
    auto reply = co_await Ask(std::move(messages), false);
    if (!reply) co_return tl::unexpected(reply.error());
    if (*reply) summary_ = (*reply)->kept;
    if (*reply) window_->SetSummary(std::string(WithoutThoughts((*reply)->content)));
    co_return Status{};
  }

  [[nodiscard]] std::string BudgetText() const {
    auto minutes = std::chrono::ceil<std::chrono::minutes>(left_).count();
    return "\n[" + std::to_string(context_->max_nodes - step_) + " steps and about " +
           std::to_string(minutes) + " minutes are left]";
  }

  static std::string Short(const std::string& text) { return HeadTail(Printable(text), 1500, 500); }

  void End(std::string_view why) {
    if (end_.empty()) end_ = why;
  }

  std::shared_ptr<const ReactSettings> settings_;
  std::unique_ptr<ChatClient> client_;
  TrialContext* context_ = nullptr;
  std::optional<StepTimes> times_;
  std::optional<Toolbox> toolbox_;
  std::optional<ContextWindow> window_;
  std::optional<LayerKeeper> layers_;
  std::vector<ToolSpec> tools_;
  int step_ = 0, idle_ = 0, refused_ = 0;
  Millis left_{0};  // of the trial's time, when the turn began
  Millis rebuilding_{0};
  std::int64_t asked_ = 0;
  records::AnswerRef from_, summary_;  // that this turn follows from
  std::vector<ToolCall> past_;         // of a fork's steps, while it is rebuilt
  std::string end_, detail_;
};

// A variant of a prompt lies beside it: variants/NAME.md.
Result<fs::path> VariantOf(const fs::path& file, const OptionReader& options) {
  std::string variant = options.Text("react.prompt_variant");
  if (variant == "default") return file;
  fs::path folder = file.parent_path() / "variants";
  std::vector<std::string> known = VariantsIn(folder, false);
  if (std::ranges::find(known, variant) != known.end()) return folder / (variant + ".md");
  return Fail(ErrorCode::kConfig,
              options.Origin("react.prompt_variant") + ": 'react.prompt_variant': " +
                  NoSuchVariant(file.string(), variant, std::move(known)).message);
}

// The prompt, and the digest of its file.
Result<std::pair<Prompt, Digest>> ReadPrompt(const OptionReader& options) {
  fs::path file = options.Text("react.prompt");
  if (file.empty()) file = ShareDir() / "agents" / "react" / "prompt.md";
  PODIUM_ASSIGN(file, VariantOf(file, options));
  auto text = ReadFile(file, 1 << 20);
  auto prompt = text ? ParsePrompt(file, *text, kPlaceholders) : tl::unexpected(text.error());
  if (prompt) return std::pair(std::move(*prompt), Digest::Of(*text));
  return Fail(ErrorCode::kConfig,
              options.Origin("react.prompt") + ": 'react.prompt': " + prompt.error().message);
}

Result<ConfiguredScaffold> Configure(const OptionReader& options) {
  auto settings = std::make_shared<ReactSettings>();
  PODIUM_ASSIGN(auto prompt, ReadPrompt(options));
  settings->prompt = std::move(prompt.first);
  PODIUM_ASSIGN(auto steps, options.Int("react.steps", 1, 1'000'000));
  PODIUM_ASSIGN(settings->action, options.Duration("react.action_time"));
  PODIUM_ASSIGN(auto turns, options.Int("react.context_turns", 2, 10'000));
  PODIUM_ASSIGN(auto observation, options.Int("react.observation_bytes", 200, 1'000'000));
  PODIUM_ASSIGN(settings->validate, options.Bool("react.validate_tool"));
  PODIUM_ASSIGN(auto jobs, options.Int("react.max_jobs", 0, sandbox::kMostJobs));
  PODIUM_ASSIGN(settings->layers, ReadLayerPolicy(options));
  PODIUM_ASSIGN(settings->budget_in_prompt, options.Bool("react.budget_in_prompt"));
  PODIUM_ASSIGN(settings->temperature, options.Double("llm.temperature", 0, 2));
  PODIUM_ASSIGN(auto tokens, options.Int("llm.max_tokens", 64, 1'000'000));
  settings->turns = static_cast<std::size_t>(turns);
  settings->observation = static_cast<std::size_t>(observation);
  settings->max_tokens = static_cast<int>(tokens);
  settings->jobs = static_cast<int>(jobs);
  ConfiguredScaffold out;
  out.nodes = static_cast<int>(steps);
  out.layers = settings->layers;
  out.files = prompt.second;
  out.validator = settings->validate;
  out.make_asking = [settings](std::unique_ptr<ChatClient> client) -> std::unique_ptr<Scaffold> {
    return std::make_unique<React>(settings, std::move(client));
  };
  return out;
}

}  // namespace

ScaffoldInfo ReactScaffold() {
  ScaffoldInfo out;
  out.name = "react";
  out.help =
      "a model with tools in a loop: bash and its jobs, python, view, edit, validate, submit";
  out.asks_model = true;
  out.options = {
      {"react.steps", "500", "tools that are used, or answers without one, at most"},
      {"react.action_time", "30 min", "time that one command has at most"},
      {"react.context_turns", "20", "turns that the model is shown; older ones are summed up"},
      {"react.observation_bytes", "5000", "what the model is shown of one tool's output"},
      {"react.validate_tool", "true",
       "whether anything checks the submission's shape: a tool, the validator, submit itself"},
      {"react.max_jobs", "4", "commands in the background at the same time; 0 = none, at most 15"},
      {"react.budget_in_prompt", "false", "whether steps and minutes left stand after each turn"},
      {"react.prompt", "", "file with its prompt; empty = Podium's", true},
      {"react.prompt_variant", "default",
       "the same prompt said in another way: reworded, reordered, or another of the files in "
       "variants/ beside it"},
      LayersOption(),
  };
  out.configure = Configure;
  return out;
}

}  // namespace podium::agents
