#include "harness/trial/sandbox_work.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "agents/proposers/portfolio/portfolio.h"
#include "base/async/race.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/log.h"
#include "harness/trial/collect.h"
#include "sandbox/host/pressure.h"
#include "tasks/kinds/kind.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using agents::AgentOutcome;
using Variables = std::vector<std::pair<std::string, std::string>>;

// Ends when the trial's time is over, whatever its scaffold waits for.
Task<void> WaitForWall(const agents::TrialContext& context) {
  for (;;) {
    Deadline wall(context.deadline.at() + context.outage() + kPutAwayTime);
    if (wall.expired()) co_return;
    co_await SleepUntil(wall);
  }
}

agents::RoleClients MakeRoles(const AgentPlan& agent, agents::TrialModels& models) {
  auto client = [&](const char* role) -> std::unique_ptr<agents::ChatClient> {
    auto found = agent.roles.find(role);
    if (found == agent.roles.end()) return nullptr;
    return std::make_unique<agents::ChatClient>(models, found->second);
  };
  return {client("code"), client("edit"), client("review")};
}

Result<std::unique_ptr<agents::Proposer>> MakeProposer(const AgentPlan& agent,
                                                       agents::TrialModels* models) {
  if (!agent.scaffold->takes_proposer) return nullptr;
  if (agent.proposer == "llm") {
    auto client = std::make_unique<agents::ChatClient>(*models, agent.model);
    return agents::MakeLlmProposer(std::move(client), agent.llm, MakeRoles(agent, *models));
  }
  return agents::MakePortfolioProposer(ShareDir() / "agents" / "proposers" / "portfolio" /
                                       "portfolio.yaml");
}

Result<std::unique_ptr<agents::Scaffold>> MakeScaffold(const AgentPlan& agent,
                                                       agents::TrialModels* models) {
  const auto& configured = agent.configured;
  if (agent.scaffold->asks_model)
    return configured.make_asking(std::make_unique<agents::ChatClient>(*models, agent.model));
  PODIUM_ASSIGN(auto proposer, MakeProposer(agent, models));
  return configured.make(std::move(proposer));
}

records::Isolation IsolationOf(const sandbox::IsolationRecord& record) {
  records::Isolation out{
      .backend = record.backend, .enforced = {}, .not_enforced = record.not_enforced};
  for (const auto& [what, how] : record.enforced) out.enforced[what] = how;
  return out;
}

std::string SplitText(const tasks::HiddenSplit& split) {
  return "split " + split.digest.hex().substr(0, 16) + ": " + std::to_string(split.search.rows) +
         " rows for the search, " + std::to_string(split.choice.rows) + " for the choice";
}

records::Validations Counted(const agents::ValidationCounts& counts) {
  return {.valid = counts.valid, .invalid = counts.invalid, .refused = counts.refused};
}

// No agent has a part in the making of a sandbox: what is not there then is missing for all.
Error OfHost(Error error) {
  if (error.code == ErrorCode::kUnavailable) error.context.push_back(kHostsLack);
  return error;
}

std::optional<Millis> Since(const std::optional<Millis>& before, const std::optional<Millis>& now) {
  return before && now ? std::optional(std::max(Millis(0), *now - *before)) : std::nullopt;
}

// The node or step that ended last; -1: none has.
int LastStep(const std::vector<JournalLine>& lines) {
  if (const auto* node = LastOf<records::SearchNode>(lines)) return node->id;
  auto steps = StepsOf(lines);
  return steps.empty() ? -1 : steps.back().step;
}

// A model with tools begins anew, from where it was forked.
std::vector<records::Layer> LayersThatStand(const TrialView& before) {
  std::vector<records::Layer> out = before.layers;
  std::int64_t stands = before.forked ? before.forked->step : 0;
  if (before.nodes.empty()) std::erase_if(out, [&](const auto& l) { return l.step >= stands; });
  return out;
}

// On whose layer this attempt's sandbox stands; -1: on a fresh workspace.
int RestoredStep(const std::vector<JournalLine>& lines) {
  auto rebuilt = LastAttempts<records::Rebuilt>(lines);
  return rebuilt.empty() ? -1 : rebuilt.back().restored;
}

// What the image says of itself, where Podium says nothing.
void AddWhereUnset(const Variables& image_env, Variables& env) {
  for (const auto& [name, value] : image_env) {
    if (std::ranges::find(env, name, &Variables::value_type::first) == env.end())
      env.emplace_back(name, value);
  }
}

// The image's, with what every image has behind it.
std::string PathWith(const Variables& image_env) {
  constexpr const char* kUsual = "/usr/local/bin:/usr/bin:/bin";
  for (const auto& [name, value] : image_env) {
    if (name == "PATH" && !value.empty()) return value + ":" + kUsual;
  }
  return kUsual;
}

}  // namespace

sandbox::SandboxSpec SandboxWork::MakeSpec(int worker) const {
  sandbox::SandboxSpec spec;
  std::string name = "podium-" + Digest::Of(fs::absolute(dir_).string()).hex().substr(0, 16);
  spec.id = name + "-" + std::to_string(::getpid());
  if (worker > 0) spec.id += "-w" + std::to_string(worker);
  spec.layers = run_.image_layers;
  spec.state_dir = run_.folder.SandboxState();
  spec.data.push_back({PublicDir(run_, plan_), "/home/data"});
  spec.home_files = HomeFiles(plan_);
  spec.limits = WorkerLimits(plan_);
  spec.gpus = plan_.agent->gpus;
  std::string threads = std::to_string(std::max(1, static_cast<int>(spec.limits.cpus)));
  spec.own_home = plan_.agent->scaffold->owns_home;
  spec.env = {{"PATH", PathWith(run_.image_env)},
              {"HOME", "/home/agent"},
              {"LANG", "C.UTF-8"},
              {"TMPDIR", "/tmp"},
              {"OMP_NUM_THREADS", threads},
              {"OPENBLAS_NUM_THREADS", threads},
              {"MKL_NUM_THREADS", threads},
              {"PYTHONHASHSEED", "0"},
              {"PYTHONUNBUFFERED", "1"},
              {"SUBMISSION_DIR", "/home/submission"},
              {"LOGS_DIR", "/home/logs"},
              {"CODE_DIR", "/home/code"},
              {"AGENT_DIR", "/home/agent"},
              // An obfuscated task has no name.
              {"COMPETITION_ID", plan_.instruction ? "task" : plan_.id.task.str()}};
  AddWhereUnset(run_.image_env, spec.env);
  spec.allow_unenforced = run_.allow_unenforced;
  return spec;
}

std::optional<records::Resources> SandboxWork::ResourcesOf(const Boxes& boxes) const {
  records::Resources out{.outage = outage_};
  bool made = false;
  for (const auto& box : boxes) {
    auto usage = box->made() ? box->ReadUsage() : sandbox::Usage{};
    made = made || box->made();
    if (!usage) continue;
    out.cpu += usage->cpu;
    out.throttled += usage->throttled;
    out.memory_peak_bytes += usage->memory_peak_bytes;
    out.disk_bytes += usage->disk_bytes;
    out.oom_kills += static_cast<std::int64_t>(usage->oom_kills);
  }
  if (!made) return std::nullopt;
  out.memory_limit_bytes = plan_.limits.memory_bytes;
  sandbox::HostPressure now = sandbox::ReadHostPressure();
  out.cpu_pressure = Since(pressure_.cpu, now.cpu);
  out.memory_pressure = Since(pressure_.memory, now.memory);
  out.io_pressure = Since(pressure_.io, now.io);
  return out;
}

Task<Result<SandboxWork::Ended>> SandboxWork::Run(TrialView before) {
  run_.observer.OnTrialPhase(plan_.id, "starting");
  pressure_ = sandbox::ReadHostPressure();
  auto check = [this](std::string_view bytes) { return CheckShape(bytes); };
  TrialServices services(run_.reactor, journal_, check, dir_, plan_.limits.disk_bytes,
                         plan_.agent->configured.workers);
  PODIUM_CO_TRY(services.AddModels(run_.http, run_.gate, *plan_.agent, plan_.id.seed));
  if (plan_.agent->scaffold->uses_gateway) services.AddKnowledge(Known());
  Boxes boxes = MakeBoxes(services);
  auto result = co_await UseSandboxes(boxes, services, std::move(before));
  auto destroyed = co_await DestroyAll(boxes);
  if (!result) co_return result;
  if (!destroyed) co_return tl::unexpected(destroyed.error());
  co_return result;
}

SandboxWork::Boxes SandboxWork::MakeBoxes(TrialServices& services) const {
  Boxes out;
  for (int worker = 0; worker < plan_.agent->configured.workers; ++worker) {
    auto make = [this, worker, &services] { return MakeSandbox(worker, services); };
    std::unique_ptr<Turns> turns;
    if (plan_.agent->takes_turns() && services.models()) {
      turns = std::make_unique<Turns>(run_.shares, ShareOf(WorkerLimits(plan_), *plan_.agent),
                                      services.models()->blocked());
    }
    out.push_back(std::make_unique<SandboxOnDemand>(std::move(make), std::move(turns)));
  }
  return out;
}

Task<SandboxOnDemand::Made> SandboxWork::MakeSandbox(int worker, TrialServices& services) const {
  Deadline control = Deadline::In(kSandboxTime);
  sandbox::SandboxSpec spec = MakeSpec(worker);
  auto prepare = [&services, &spec]() -> Status {
    services.Prepare(spec);
    return {};
  };
  auto prepared = co_await run_.reactor.Blocking(std::move(prepare));
  if (!prepared) co_return tl::unexpected(prepared.error());
  auto box = co_await run_.backend->Create(std::move(spec), control);
  if (!box) co_return tl::unexpected(OfHost(std::move(box).error()));
  bool has_validator =
      tasks::KindOf(*plan_.task).has_validator() && plan_.agent->configured.validator;
  auto opened = co_await services.Open(worker, **box, has_validator, control);
  if (opened) co_return std::move(*box);
  Deadline last = Deadline::In(kSandboxTime);
  auto destroyed = co_await (*box)->Destroy(last);
  if (!destroyed) LogWarn(destroyed.error().message);
  co_return tl::unexpected(opened.error());
}

// The first error, after all of them.
Task<Status> SandboxWork::DestroyAll(Boxes& boxes) {
  Status out;
  for (auto& box : boxes) {
    Deadline last = Deadline::In(kSandboxTime);
    auto destroyed = co_await box->Destroy(last);
    if (!destroyed && out) out = tl::unexpected(destroyed.error());
  }
  co_return out;
}

agents::TrialContext SandboxWork::MakeContext(const Boxes& boxes, TrialView before) const {
  agents::TaskBrief brief;
  brief.id = plan_.id.task.str();
  brief.title = plan_.instruction ? plan_.instruction->title : plan_.task->title;
  brief.description = plan_.instruction ? plan_.instruction->description : plan_.task->description;
  brief.metric = plan_.task->grader.metric;
  brief.lower_is_better = plan_.task->grader.lower_is_better;
  brief.submission_path = SubmissionPath(*plan_.task);
  brief.public_dir = PublicDir(run_, plan_);
  std::vector<records::Layer> layers = LayersThatStand(before);
  Millis wall = plan_.recorded ? kSlowerMachine * plan_.wall : plan_.wall;
  Millis left = std::max(Millis(0), wall - before.active);
  agents::TrialContext context{run_.reactor,
                               *boxes.front(),
                               journal_,
                               std::move(brief),
                               static_cast<std::uint64_t>(plan_.id.seed),
                               Deadline::In(left),
                               plan_.exec,
                               plan_.agent->configured.nodes,
                               dir_,
                               std::move(before.nodes),
                               stop_,
                               {},
                               {},
                               {}};
  for (std::size_t i = 1; i < boxes.size(); ++i) context.more_sandboxes.push_back(boxes[i].get());
  context.in_work = std::move(before.in_work);
  context.wall = plan_.wall;
  context.knowledge = Known();
  auto preview = run_.previews.find(context.task.public_dir);
  if (preview != run_.previews.end()) context.preview = preview->second;
  if (plan_.agent->configured.leaderboard)
    context.place = [this](fs::path file) { return PlaceOf(std::move(file)); };
  if (plan_.agent->configured.hidden_split)
    context.hidden = [this](fs::path file) { return GradeHidden(std::move(file)); };
  context.check_shape = [this](std::string_view bytes) { return CheckShape(bytes); };
  context.recorded = plan_.recorded;
  context.forked = before.forked.has_value();
  context.steps = std::move(before.forked_steps);
  context.jobs = before.forked_jobs;
  context.layers = std::move(layers);
  context.layers_cap_bytes = plan_.limits.disk_bytes;
  context.submission_cap_bytes = context.kept_cap_bytes = SubmissionCap(plan_);
  context.on_node = [this](const agents::SearchNode& n) { run_.observer.OnNode(plan_.id, n); };
  context.on_phase = [this](std::string_view p) { run_.observer.OnTrialPhase(plan_.id, p); };
  return context;
}

agents::Knowledge SandboxWork::Known() const {
  const agents::KnowledgePlan& plan = plan_.agent->knowledge;
  agents::Knowledge out{
      .mode = plan.mode, .corpus = nullptr, .expert = "", .passages = plan.passages};
  if (plan.digest) out.corpus = run_.corpora.at(plan.corpus);
  if (plan.mode == agents::KnowledgeMode::kOracle) out.expert = plan_.task->expert;
  return out;
}

const tasks::PreparedTask& SandboxWork::Seen() const {
  if (!plan_.agent->configured.hidden_split) return run_.prepared.at(plan_.id.task);
  return run_.hidden.at(plan_.id.task).agent;
}

Task<Result<agents::HiddenScores>> SandboxWork::GradeHidden(fs::path file) const {
  const tasks::HiddenSplit& split = run_.hidden.at(plan_.id.task);
  fs::path search = file.string() + ".search", choice = file.string() + ".choice";
  auto take = [&split, file, search, choice]() -> Result<Digest> {
    PODIUM_TRY(tasks::TakeHeldRows(split, file, search, choice));
    return DigestFile(file);
  };
  auto taken = co_await run_.reactor.Blocking(std::move(take), Pool::kTransfer);
  agents::HiddenScores out;
  if (!taken && taken.error().code != ErrorCode::kUsage) co_return tl::unexpected(taken.error());
  if (!taken) {
    out.fault = "bad_ids";
    out.detail = taken.error().message;
    co_return out;
  }
  out.submission = *taken;
  PODIUM_CO_ASSIGN(out.search, co_await GradePart(split.search, search, out));
  PODIUM_CO_ASSIGN(out.choice, co_await GradePart(split.choice, choice, out));
  co_return out;
}

Task<Result<double>> SandboxWork::GradePart(const tasks::HeldPart& part, fs::path file,
                                            agents::HiddenScores& out) const {
  GradeJob job{.task = &part.task, .prepared = &part.prepared, .hand_over = {}, .submission = file};
  job.hand_over.status = records::HandOverStatus::kOk;
  auto grade = co_await run_.grader.Grade(std::move(job));
  std::error_code ec;
  fs::remove(file, ec);
  if (!grade) co_return tl::unexpected(grade.error());
  if (grade->score && std::isfinite(*grade->score)) co_return *grade->score;
  out.fault = grade->reason.empty() ? "no_score" : grade->reason;
  out.detail = "on hidden rows: " + grade->detail;
  co_return 0.0;
}

Task<Result<std::string>> SandboxWork::PlaceOf(fs::path file) const {
  GradeJob job{.task = plan_.task,
               .prepared = &run_.prepared.at(plan_.id.task),
               .hand_over = {},
               .submission = std::move(file)};
  job.hand_over.status = records::HandOverStatus::kOk;
  auto grade = co_await run_.grader.Grade(std::move(job));
  if (!grade) co_return tl::unexpected(grade.error());
  if (grade->verdict != "scored" || !grade->standing.rank || !grade->board)
    co_return std::string("unknown: ") + grade->verdict;
  co_return std::to_string(*grade->standing.rank) + " of " + std::to_string(grade->board->rows + 1);
}

agents::ShapeVerdict SandboxWork::CheckShape(std::string_view bytes) const {
  auto verdict = tasks::KindOf(*plan_.task).CheckShape(*plan_.task, Seen(), bytes);
  if (!verdict) return {false, "unreadable", verdict.error().message};
  return {verdict->valid, verdict->reason, verdict->message};
}

Task<Result<SandboxWork::Ended>> SandboxWork::UseSandboxes(Boxes& boxes, TrialServices& services,
                                                           TrialView before) {
  auto made = MakeScaffold(*plan_.agent, services.models());
  if (!made) co_return tl::unexpected(made.error());
  std::unique_ptr<agents::Scaffold> scaffold = std::move(*made);
  // Whoever works in them from the beginning has them before its time begins.
  for (auto& box : boxes) {
    if (!plan_.agent->takes_turns()) PODIUM_CO_TRY(co_await box->Ready());
  }
  auto context = MakeContext(boxes, std::move(before));
  context.env = services.Environment();
  if (auto* models = services.models()) context.outage = [models] { return models->outage(); };
  context_ = &context;
  auto outcome = co_await Agent(*scaffold, context, services);
  outage_ = context.outage();
  context_ = nullptr;
  PODIUM_CO_TRY(co_await services.End());
  if (!outcome) co_return tl::unexpected(outcome.error());
  if (outcome->end == "paused")
    co_return records::Paused{.validations_refused = services.validations().refused, .worked = {}};
  run_.observer.OnTrialPhase(plan_.id, "sealing");
  auto resources = ResourcesOf(boxes);
  auto hand_over = co_await TakeOver(boxes, *outcome);
  if (!hand_over) co_return tl::unexpected(hand_over.error());
  records::Sealed sealed;
  sealed.agent = {outcome->end, outcome->detail};
  sealed.candidates = outcome->candidates;
  sealed.reveals = plan_.agent->configured.reveals;
  if (plan_.agent->configured.hidden_split)
    sealed.reveals.push_back(SplitText(run_.hidden.at(plan_.id.task)));
  sealed.validations = Counted(services.validations());
  sealed.hand_over = std::move(*hand_over);
  sealed.file = plan_.task->submission.path;
  if (boxes.front()->made()) sealed.isolation = IsolationOf(boxes.front()->isolation());
  sealed.models = services.ModelsSpent();
  sealed.resources = resources;
  co_return sealed;
}

// The scaffold's work until its end, the user's second Ctrl-C or, whatever holds the scaffold up,
// some minutes after the trial's time: then it is the agent's time limit like any other.
Task<Result<AgentOutcome>> SandboxWork::Agent(agents::Scaffold& scaffold,
                                              agents::TrialContext& context,
                                              TrialServices& services) {
  auto ended =
      co_await Race(Caught<AgentOutcome>(scaffold.Run(context), "the scaffold"),
                    stop_.Reached(StopLevel::kStopping), services.Serve(), WaitForWall(context));
  AgentOutcome cut;
  cut.end = ended.index() == 1 ? "paused" : "time_limit";
  if (ended.index() != 0) co_return cut;
  auto outcome = std::get<0>(std::move(ended));
  if (outcome || !sandbox::CausedByAgent(outcome.error())) co_return outcome;
  cut.end = "agent_fault";
  cut.detail = outcome.error().message;
  co_return cut;
}

// Freezes the sandboxes and takes out what the first one leaves.
Task<Result<records::HandOver>> SandboxWork::TakeOver(Boxes& boxes, const AgentOutcome& outcome) {
  for (auto& box : boxes) {
    Deadline control = Deadline::In(kSandboxTime);
    PODIUM_CO_TRY(co_await box->Seal(control));
  }
  auto check = [this](std::string_view bytes) { return CheckShape(bytes); };
  Collector collector(run_.reactor, journal_, plan_, dir_, check);
  auto collected = co_await collector.Collect(*boxes.front(), outcome);
  if (!collected) co_return collected;
  if (boxes.size() == 1) PODIUM_CO_TRY(co_await KeepLast(*boxes.front()));
  co_return collected;
}

Task<Status> SandboxWork::KeepLast(SandboxOnDemand& box) {
  int step = LastStep(journal_.lines());
  bool keeps = plan_.agent->configured.layers == agents::LayerPolicy::kLast;
  if (!keeps || !box.made() || step < 0) co_return Status{};
  agents::LayerKeeper keeper(run_.reactor, journal_, dir_, plan_.limits.disk_bytes, {});
  keeper.StandOn(RestoredStep(journal_.lines()));
  co_return co_await keeper.KeepWorkspace(box, step);
}

}  // namespace podium::harness
