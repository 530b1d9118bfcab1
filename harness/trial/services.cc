#include "harness/trial/services.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "agents/trial_context.h"
#include "base/async/race.h"
#include "base/text.h"
#include "harness/trial/collect.h"
#include "harness/trial/vendor_names.h"

namespace podium::harness {
namespace {

constexpr std::uint16_t kGatewayPort = 8000, kHttpsPort = 443;
constexpr std::uint64_t kLeastRecord = 64 << 20;

// A service that is missing does not end the trial.
Task<void> WaitForEver() {
  Deadline never = Deadline::Never();
  for (;;) co_await SleepUntil(never);
}

agents::ValidatorLimits LimitsFor(std::uint64_t disk_bytes) {
  agents::ValidatorLimits limits;
  limits.file_bytes = std::min(limits.file_bytes, disk_bytes);
  return limits;
}

}  // namespace

std::vector<sandbox::HomeFile> HomeFiles(const TrialPlan& plan) {
  std::string text = plan.agent->configured.instructions.value_or(AgentInstructions(plan));
  std::vector<sandbox::HomeFile> out = {{"instructions.txt", std::move(text), 0644}};
  if (plan.agent->configured.validator)
    out.push_back({"validate_submission.sh", std::string(agents::ValidateScript()), 0755});
  if (plan.agent->knowledge.mode == agents::KnowledgeMode::kOracle &&
      plan.agent->scaffold->uses_gateway)
    out.push_back({"knowledge.md", plan.task->expert, 0644});
  return out;
}

TrialServices::TrialServices(Reactor& reactor, Journal& journal,
                             agents::Validator::CheckShape check, std::filesystem::path trial_dir,
                             std::uint64_t disk_bytes, int sandboxes)
    : reactor_(reactor),
      journal_(journal),
      trial_dir_(std::move(trial_dir)),
      disk_bytes_(disk_bytes),
      validator_(reactor, std::move(check), journal, LimitsFor(disk_bytes)),
      ports_(static_cast<std::size_t>(sandboxes)) {
  validator_.Resume(ValidationsIn(journal.lines()));
}

namespace {

// -1: none is open.
int FirstOpenStep(const std::vector<JournalLine>& lines) {
  std::set<int> open;
  for (const auto& line : lines) {
    if (const auto* begun = std::get_if<records::Begun>(&line.event)) open.insert(begun->step);
    if (const auto* node = std::get_if<records::SearchNode>(&line.event)) open.erase(node->step);
  }
  return open.empty() ? -1 : *open.begin();
}

}  // namespace

// A search goes on from its last node, or with the first step that it began and did not end: what
// answered the steps until then is used up. A program begins anew, and asks the same again.
agents::TrialModelsOptions TrialServices::OptionsOf(const AgentPlan& agent, int seed) const {
  agents::TrialModelsOptions options;
  options.faults = agent.gateway.faults;
  options.seed = static_cast<std::uint64_t>(seed);
  options.budget = agent.gateway.budget;
  options.replay = agent.gateway.replay;
  options.record_dir = trial_dir_ / "llm";
  // What a program asks is kept on the host's disk: as much as the sandbox's own may hold.
  if (!agent.gateway.models.empty()) options.record_cap_bytes = std::max(kLeastRecord, disk_bytes_);
  std::set<std::string> in_step;
  int first_open = FirstOpenStep(journal_.lines());
  bool open = false;
  for (const auto& line : journal_.lines()) {
    agents::AddEvent(line.event, options.before);
    const auto* begun = std::get_if<records::Begun>(&line.event);
    open = open || (begun && begun->step == first_open);
    const auto* call = std::get_if<records::ModelCall>(&line.event);
    if (call && agent.chooses()) in_step.insert(call->digest);
    bool ended = std::holds_alternative<records::SearchNode>(line.event);
    if (ended && !open) options.used.merge(in_step);
  }
  return options;
}

Status TrialServices::AddModels(HttpClient& http, agents::ProviderGate& gate,
                                const AgentPlan& agent, int seed) {
  const GatewayPlan& plan = agent.gateway;
  bool native = agent.asks_model();
  if (plan.models.empty() && !native) return {};
  models_ =
      std::make_unique<agents::TrialModels>(reactor_, http, gate, journal_, OptionsOf(agent, seed));
  auto is_priced = [](const auto& role) { return role.second.prices.has_value(); };
  priced_ = native ? agent.model.prices && std::ranges::all_of(agent.roles, is_priced)
                   : std::ranges::all_of(plan.models, [](const auto& m) { return !!m.prices; });
  if (plan.models.empty()) return {};
  agents::GatewayOptions options;
  options.models = plan.models;
  options.vendor_hosts = plan.vendor_hosts;
  options.request_timeout = plan.request_timeout;
  options.idle_timeout = plan.idle_timeout;
  PODIUM_ASSIGN(gateway_, agents::Gateway::Make(*models_, std::move(options)));
  return {};
}

void TrialServices::AddKnowledge(agents::Knowledge knowledge) {
  if (!knowledge.corpus) return;
  knowledge_ = std::make_unique<agents::KnowledgeService>(reactor_, std::move(knowledge), journal_);
}

void TrialServices::Prepare(sandbox::SandboxSpec& spec) const {
  if (!gateway_ || !gateway_->tls()) return;
  spec.root_files = VendorFiles(*gateway_->tls(), spec.layers);
  spec.first_port = kHttpsPort;
}

Task<Status> TrialServices::OpenGateway(Ports& ports, sandbox::Sandbox& box, Deadline deadline) {
  auto models = co_await box.Listen(kGatewayPort, deadline);
  if (!models) co_return tl::unexpected(models.error());
  ports.gateway = std::move(*models);
  if (!gateway_->tls()) co_return Status{};
  auto vendors = co_await box.Listen(kHttpsPort, deadline);
  if (vendors) {
    ports.vendors = std::move(*vendors);
    co_return Status{};
  }
  records::Service missing{.service = "https", .missing = vendors.error().message};
  co_return co_await journal_.Append(std::move(missing));
}

Task<Status> TrialServices::Open(int worker, sandbox::Sandbox& box, bool with_validator,
                                 Deadline deadline) {
  Ports& ports = ports_.at(static_cast<std::size_t>(worker));
  if (gateway_) PODIUM_CO_TRY(co_await OpenGateway(ports, box, deadline));
  if (knowledge_) {
    auto listener = co_await box.Listen(agents::kKnowledgePort, deadline);
    if (!listener) co_return tl::unexpected(listener.error());
    ports.knowledge = std::move(*listener);
  }
  if (with_validator && !validator_missing_) {
    auto listener = co_await box.Listen(agents::kValidatorPort, deadline);
    if (listener) {
      ports.validator = std::move(*listener);
    } else {
      validator_missing_ = true;
      records::Service missing{.service = "validator", .missing = listener.error().message};
      PODIUM_CO_TRY(co_await journal_.Append(std::move(missing)));
    }
  }
  ports.opened.Raise(StopLevel::kDraining);
  co_return Status{};
}

Task<void> TrialServices::ServeSandbox(Ports& ports) {
  StopToken opened = ports.opened.token();
  co_await opened.Reached(StopLevel::kDraining);
  std::vector<Task<void>> all;
  if (ports.validator) all.push_back(validator_.Serve(std::move(ports.validator), trial_dir_));
  if (ports.gateway) all.push_back(gateway_->Serve(std::move(ports.gateway)));
  if (ports.vendors) all.push_back(gateway_->ServeTls(std::move(ports.vendors)));
  if (ports.knowledge) all.push_back(knowledge_->Serve(std::move(ports.knowledge)));
  if (!all.empty()) co_await AllOf(std::move(all));
  co_await WaitForEver();
}

Task<void> TrialServices::Serve() {
  std::vector<Task<void>> all;
  for (Ports& ports : ports_) all.push_back(ServeSandbox(ports));
  co_await AllOf(std::move(all));
}

Task<Status> TrialServices::End() {
  if (gateway_) gateway_->End();
  if (!models_) co_return Status{};
  co_return co_await models_->Flush();
}

std::vector<std::pair<std::string, std::string>> TrialServices::Environment() const {
  std::vector<std::pair<std::string, std::string>> out;
  if (gateway_) out = gateway_->Environment("127.0.0.1:" + std::to_string(kGatewayPort));
  if (knowledge_)
    out.emplace_back("PODIUM_KNOWLEDGE_URL",
                     "http://127.0.0.1:" + std::to_string(agents::kKnowledgePort));
  if (!gateway_ || !gateway_->tls()) return out;
  for (auto& variable : VendorEnvironment()) out.push_back(std::move(variable));
  return out;
}

namespace {

// By kind. What an attempt of the trial did again counts once.
std::map<std::string, std::int64_t> InjectedIn(const std::vector<JournalLine>& lines) {
  std::map<std::string, std::int64_t> out;
  std::set<std::pair<std::int64_t, int>> seen;
  for (const auto& line : lines) {
    const auto* fault = std::get_if<records::InjectedFault>(&line.event);
    if (fault && seen.emplace(fault->number, fault->attempt).second) ++out[fault->kind];
  }
  return out;
}

}  // namespace

std::optional<records::ModelsSpent> TrialServices::ModelsSpent() const {
  if (!models_) return std::nullopt;
  const agents::Spent& spent = models_->spent();
  return records::ModelsSpent{.requests = spent.requests,
                              .input_tokens = spent.tokens.input,
                              .cached_tokens = spent.tokens.cached,
                              .output_tokens = spent.tokens.output,
                              .cost_usd = priced_ ? spent.cost.Text() : "",
                              .wait = spent.wait,
                              .injected = InjectedIn(journal_.lines())};
}

std::string AgentInstructions(const TrialPlan& plan) {
  std::string text =
      "You are to solve a machine-learning competition on your own.\n"
      "\n"
      "- /home/data holds the competition: description.md says what is asked, the other files are "
      "its\n"
      "  data and a sample submission. It cannot be written to.\n"
      "- Write your predictions to " +
      SubmissionPath(*plan.task) +
      ", in the form of the sample\n"
      "  submission. Only this file is graded, whatever the description says of other places, and "
      "only\n"
      "  as it is when your time ends: overwrite it whenever you have something better.\n"
      "- Train models on the data you are given. Do not label test rows by hand, and do not look "
      "for the\n"
      "  competition's answers or for other people's solutions.\n"
      "- Keep your code in /home/code and what you want to be kept of logs in /home/logs.\n";
  if (plan.agent->configured.validator)
    text +=
        "- bash /home/validate_submission.sh FILE says whether a file has the right shape. It "
        "knows no\n"
        "  answers and gives no score.\n";
  text +=
      "- There is no network beyond this machine.\n"
      "\n";
  text += "Working time: " + FormatDuration(plan.wall) +
          ". Cores: " + FormatDouble(plan.limits.cpus) +
          ". Memory: " + FormatBytes(plan.limits.memory_bytes) + ".\n";
  if (plan.agent->knowledge.digest)
    text +=
        "Papers and notes: curl \"http://127.0.0.1:8001/search?q=WORDS\" (PODIUM_KNOWLEDGE_URL) "
        "finds "
        "passages that have some of the words.\n";
  if (plan.agent->knowledge.mode == agents::KnowledgeMode::kOracle)
    text += "knowledge.md beside this file holds what an expert says of this task.\n";
  std::vector<std::string> models;
  for (const auto& model : plan.agent->gateway.models) models.push_back(model.id);
  if (!models.empty())
    text += "Models: " + Join(models, ", ") +
            ". OPENAI_BASE_URL, ANTHROPIC_BASE_URL and GOOGLE_GEMINI_BASE_URL say where.\n";
  return text;
}

agents::ValidationCounts ValidationsIn(const std::vector<JournalLine>& lines) {
  agents::ValidationCounts counts;
  for (const auto& line : lines) {
    if (const auto* asked = std::get_if<records::Validation>(&line.event))
      ++(asked->valid ? counts.valid : counts.invalid);
    if (const auto* paused = std::get_if<records::Paused>(&line.event))
      counts.refused = static_cast<int>(paused->validations_refused);
  }
  return counts;
}

}  // namespace podium::harness
