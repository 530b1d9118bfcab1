#include "harness/trial/trial.h"

#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "agents/proposers/portfolio/portfolio.h"
#include "agents/scaffolds/simple.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "harness/grading/grading.h"
#include "harness/store/history.h"
#include "harness/store/journal.h"
#include "harness/store/lease.h"
#include "harness/trial/collect.h"
#include "harness/trial/services.h"
#include "tasks/validate_submission.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using agents::AgentOutcome;

constexpr auto kControl = std::chrono::seconds(120);
// How long after the trial's time a scaffold may still put away its last step. Then the trial is
// sealed with what there is.
constexpr auto kPutAway = std::chrono::minutes(5);

// Ends when the trial's time is over, whatever its scaffold waits for.
Task<void> WaitForWall(const agents::TrialContext& context) {
  for (;;) {
    Deadline wall(context.deadline.at() + context.outage() + kPutAway);
    if (wall.expired()) co_return;
    co_await SleepUntil(wall);
  }
}

Result<std::unique_ptr<agents::Scaffold>> MakeScaffold(const TrialPlan& plan,
                                                       agents::TrialModels* models) {
  const AgentPlan& a = *plan.agent;
  if (a.scaffold == "nop") return agents::MakeNop();
  if (a.scaffold == "sample-submission") return agents::MakeSampleSubmission();
  if (a.scaffold == "program")
    return agents::MakeProgram(a.program, a.program_files, a.snapshot_every);
  if (a.proposer == "llm") {
    auto client = std::make_unique<agents::ChatClient>(*models, a.model);
    return agents::MakeTreeSearch(a.search, agents::MakeLlmProposer(std::move(client), a.llm));
  }
  PODIUM_ASSIGN(auto portfolio, agents::MakePortfolioProposer(ShareDir() / "agents" / "proposers" /
                                                              "portfolio" / "portfolio.yaml"));
  return agents::MakeTreeSearch(a.search, std::move(portfolio));
}

// One trial while this process works on it.
class TrialMachine {
 public:
  TrialMachine(RunContext& run, TrialPlan plan, Lease& lease, Journal journal, fs::path dir)
      : run_(run),
        plan_(std::move(plan)),
        lease_(lease),
        journal_(std::move(journal)),
        dir_(std::move(dir)) {}

  Task<Result<TrialEnd>> Run() {
    auto ended = co_await Caught<TrialEnd>(Phases(), plan_.id.str());
    if (ended) co_return ended;
    // Who was thought dead and wakes up writes nothing more.
    if (ended.error().code == ErrorCode::kBusy) {
      LogWarn(plan_.id.str() + ": " + ended.error().message);
      co_return TrialEnd::kElsewhere;
    }
    co_return Failed(ended.error());
  }

  // Never ends by itself: renews the lease until the work beside it is done.
  Task<void> KeepLease() {
    for (;;) {
      Deadline next = Deadline::In(std::chrono::seconds(10));
      co_await SleepUntil(next);
      Worked worked{attempt_, WorkedNow()};
      auto job = [this, worked] { return lease_.Beat(worked); };
      auto beat = co_await run_.reactor.Blocking(std::move(job));
      if (!beat) LogWarn("cannot renew a lease: " + beat.error().message);
    }
  }

 private:
  Task<Result<TrialEnd>> Phases() {
    auto sealed = LastEvent("sealed");
    if (!sealed) {
      auto worked = co_await Work();
      if (!worked) co_return tl::unexpected(worked.error());
      if (!*worked) co_return TrialEnd::kPaused;
      sealed = LastEvent("sealed");
    }
    auto graded = co_await GradeSealed(*sealed);
    if (!graded) co_return tl::unexpected(graded.error());
    co_return TrialEnd::kDone;
  }

  std::optional<std::string> LastEvent(std::string_view type) const {
    for (auto it = journal_.events().rbegin(); it != journal_.events().rend(); ++it) {
      if (it->type == type) return it->body_json;
    }
    return std::nullopt;
  }

  // What this attempt has worked until now.
  [[nodiscard]] Millis WorkedNow() const {
    if (attempt_ == 0) return Millis(0);
    auto worked = std::chrono::duration_cast<Millis>(run_.clock.Now() - begun_);
    return std::max(Millis(0), worked - (context_ ? context_->outage() : outage_));
  }

  TrialEnd Failed(const Error& error) {
    Json body = {{"code", CodeText(error.code)}, {"message", error.message}};
    body["worked_ms"] = WorkedNow().count();
    if (auto recorded = journal_.Record("failed", DumpJson(body)); !recorded)
      LogError(recorded.error().message);
    LogError(plan_.id.str() + ": " + error.message);
    return TrialEnd::kFailed;
  }

  Task<Status> Record(std::string type, Json body) {
    co_return co_await journal_.Append(std::move(type), DumpJson(body));
  }

  // The history knows of it before anybody can act on it.
  Task<Status> Note(HistoryEntry entry) {
    auto job = [this, entry = std::move(entry)]() -> Status {
      PODIUM_TRY(lease_.CheckHeld());
      return History(run_.folder.dir).Append(entry, run_.clock);
    };
    co_return co_await run_.reactor.Blocking(std::move(job));
  }

  // The agent's part, up to the event "sealed". False when it was paused.
  Task<Result<bool>> Work() {
    TrialView before = ReadTrial(dir_, plan_.id, run_.clock);
    Json body = {
        {"pid", ::getpid()}, {"wall_ms", plan_.wall.count()}, {"used_ms", before.active.count()}};
    PODIUM_CO_TRY(co_await Record("attempt", body));
    attempt_ = before.attempts + 1;
    begun_ = run_.clock.Now();
    HistoryEntry begun{.event = "attempt", .trial = plan_.id.str()};
    PODIUM_CO_TRY(co_await Note(std::move(begun)));
    if (plan_.agent->scaffold == "oracle") co_return co_await SealOracle();
    if (plan_.agent->scaffold == "nop") {
      AgentOutcome nothing;
      HandOver none;
      auto validations = ValidationsIn(journal_.events());
      co_return co_await Seal(std::move(nothing), std::move(none), nullptr, validations);
    }
    co_return co_await WorkInSandbox(std::move(before));
  }

  Task<Result<bool>> SealOracle() {
    auto job = [this]() -> Result<Digest> {
      const auto& prepared = run_.prepared.at(plan_.id.task);
      PODIUM_ASSIGN(auto bytes, ReadFile(prepared.private_dir / "perfect_submission.csv"));
      PODIUM_TRY(WriteFileAtomic(SubmissionFile(dir_), bytes));
      return Digest::Of(bytes);
    };
    auto digest = co_await run_.reactor.Blocking(std::move(job), Pool::kTransfer);
    if (!digest) co_return tl::unexpected(digest.error());
    HandOver hand_over;
    hand_over.status = "ok";
    AgentOutcome outcome;
    outcome.submission_digest = digest->hex();
    auto validations = ValidationsIn(journal_.events());
    co_return co_await Seal(std::move(outcome), std::move(hand_over), nullptr, validations);
  }

  sandbox::SandboxSpec MakeSpec() const {
    sandbox::SandboxSpec spec;
    std::string name = "podium-" + Digest::Of(fs::absolute(dir_).string()).hex().substr(0, 16);
    spec.id = name + "-" + std::to_string(::getpid());
    spec.layers = run_.image_layers;
    spec.state_dir = run_.folder.SandboxState();
    spec.data.push_back({run_.prepared.at(plan_.id.task).public_dir, "/home/data"});
    spec.home_files = HomeFiles(plan_);
    spec.limits = plan_.limits;
    spec.gpus = plan_.agent->gpus;
    std::string threads = std::to_string(std::max(1, static_cast<int>(plan_.limits.cpus)));
    spec.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
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
                {"COMPETITION_ID", plan_.id.task.str()}};
    spec.allow_unenforced = run_.allow_unenforced;
    return spec;
  }

  Task<Result<bool>> WorkInSandbox(TrialView before) {
    run_.observer.OnTrialPhase(plan_.id, "starting");
    Deadline control = Deadline::In(kControl);
    sandbox::SandboxSpec spec = MakeSpec();
    auto box = co_await run_.backend->Create(std::move(spec), control);
    if (!box) co_return tl::unexpected(box.error());
    auto result = co_await UseSandbox(**box, std::move(before));
    Deadline last = Deadline::In(kControl);
    auto destroyed = co_await (*box)->Destroy(last);
    if (!result) co_return result;
    if (!destroyed) co_return tl::unexpected(destroyed.error());
    co_return result;
  }

  agents::TrialContext MakeContext(sandbox::Sandbox& box, TrialView before) {
    const auto& prepared = run_.prepared.at(plan_.id.task);
    agents::TaskBrief brief;
    brief.id = plan_.id.task.str();
    brief.title = plan_.task->title;
    brief.description = plan_.task->description;
    brief.metric = plan_.task->grader.metric;
    brief.lower_is_better = plan_.task->grader.lower_is_better;
    brief.public_dir = prepared.public_dir;
    Millis left = std::max(Millis(0), plan_.wall - before.active);
    agents::TrialContext context{run_.reactor,
                                 box,
                                 journal_,
                                 std::move(brief),
                                 static_cast<std::uint64_t>(plan_.id.seed),
                                 Deadline::In(left),
                                 plan_.exec,
                                 plan_.agent->nodes,
                                 dir_,
                                 std::move(before.nodes),
                                 run_.draining,
                                 {},
                                 {},
                                 {}};
    context.check_shape = [this](std::string_view bytes) { return CheckShape(bytes); };
    context.submission_cap_bytes = context.kept_cap_bytes = SubmissionCap(plan_);
    context.on_node = [this](const agents::SearchNode& n) { run_.observer.OnNode(plan_.id, n); };
    context.on_phase = [this](std::string_view p) { run_.observer.OnTrialPhase(plan_.id, p); };
    return context;
  }

  agents::ShapeVerdict CheckShape(std::string_view bytes) const {
    auto verdict = tasks::ValidateShape(*plan_.task,
                                        run_.prepared.at(plan_.id.task).sample_submission(), bytes);
    if (!verdict) return {false, "unreadable", verdict.error().message};
    return {verdict->valid, verdict->reason, verdict->message};
  }

  Task<Result<bool>> UseSandbox(sandbox::Sandbox& box, TrialView before) {
    auto check = [this](std::string_view bytes) { return CheckShape(bytes); };
    TrialServices services(run_.reactor, journal_, check, dir_, plan_.limits.disk_bytes);
    PODIUM_CO_TRY(services.AddModels(run_.http, run_.gate, *plan_.agent));
    auto scaffold = MakeScaffold(plan_, services.models());
    if (!scaffold) co_return tl::unexpected(scaffold.error());
    Deadline control = Deadline::In(kControl);
    PODIUM_CO_TRY(co_await services.Open(box, control));
    auto context = MakeContext(box, std::move(before));
    context.env = services.Environment();
    if (auto* models = services.models()) context.outage = [models] { return models->outage(); };
    context_ = &context;
    auto outcome = co_await Agent(**scaffold, context, services);
    outage_ = context.outage();
    context_ = nullptr;
    PODIUM_CO_TRY(co_await services.End());
    models_json_ = services.ModelsJson();
    if (!outcome) co_return tl::unexpected(outcome.error());
    if (outcome->end == "paused") co_return co_await Paused(services.validations());
    run_.observer.OnTrialPhase(plan_.id, "sealing");
    auto hand_over = co_await TakeOver(box, *outcome);
    if (!hand_over) co_return tl::unexpected(hand_over.error());
    co_return co_await Seal(*outcome, *hand_over, &box, services.validations());
  }

  // The scaffold's work until its end, the user's second Ctrl-C or, whatever holds the scaffold up,
  // some minutes after the trial's time: then it is the agent's time limit like any other.
  Task<Result<AgentOutcome>> Agent(agents::Scaffold& scaffold, agents::TrialContext& context,
                                   TrialServices& services) {
    using namespace boost::asio::experimental::awaitable_operators;
    auto ended = co_await (Caught<AgentOutcome>(scaffold.Run(context), "the scaffold") ||
                           run_.wait_stop() || services.Serve() || WaitForWall(context));
    AgentOutcome cut;
    cut.end = ended.index() == 1 ? "paused" : "time_limit";
    if (ended.index() != 0) co_return cut;
    auto outcome = std::get<0>(std::move(ended));
    if (outcome || !sandbox::CausedByAgent(outcome.error())) co_return outcome;
    cut.end = "agent_fault";
    cut.detail = outcome.error().message;
    co_return cut;
  }

  Task<Result<bool>> Paused(agents::ValidationCounts validations) {
    Json body = {{"validations_refused", validations.refused}, {"worked_ms", WorkedNow().count()}};
    PODIUM_CO_TRY(co_await Record("paused", body));
    co_return false;
  }

  // Freezes the sandbox and takes out what it leaves.
  Task<Result<HandOver>> TakeOver(sandbox::Sandbox& box, const AgentOutcome& outcome) {
    Deadline control = Deadline::In(kControl);
    PODIUM_CO_TRY(co_await box.Seal(control));
    auto check = [this](std::string_view bytes) { return CheckShape(bytes); };
    Collector collector(run_.reactor, journal_, plan_, dir_, check);
    co_return co_await collector.Collect(box, outcome);
  }

  Task<Result<bool>> Seal(AgentOutcome outcome, HandOver hand_over, const sandbox::Sandbox* box,
                          agents::ValidationCounts validations) {
    Json body = {{"agent", {{"end", outcome.end}, {"detail", outcome.detail}}},
                 {"worked_ms", WorkedNow().count()},
                 {"validations",
                  {{"valid", validations.valid},
                   {"invalid", validations.invalid},
                   {"refused", validations.refused}}},
                 {"hand_over",
                  {{"status", hand_over.status},
                   {"reason", hand_over.reason},
                   {"detail", hand_over.detail}}}};
    if (box) body["isolation"] = IsolationJson(box->isolation());
    auto models = ParseJson(models_json_, "what was spent on models");
    if (!models) co_return tl::unexpected(models.error());
    body["models"] = *models;
    PODIUM_CO_TRY(co_await Record("sealed", body));
    co_return true;
  }

  static Json IsolationJson(const sandbox::IsolationRecord& record) {
    Json out = {{"backend", record.backend}, {"not_enforced", record.not_enforced}};
    out["enforced"] = Json::object();
    for (const auto& [what, how] : record.enforced) out["enforced"][what] = how;
    return out;
  }

  Task<Status> GradeSealed(std::string sealed_json) {
    run_.observer.OnTrialPhase(plan_.id, "grading");
    auto sealed = ParseJson(sealed_json, "journal event 'sealed'");
    if (!sealed) co_return tl::unexpected(sealed.error());
    auto hand_over = SealedHandOver(sealed_json, dir_);
    if (!hand_over) co_return tl::unexpected(hand_over.error());
    const auto* task = plan_.task;
    const auto* prepared = &run_.prepared.at(plan_.id.task);
    // The time of a grading begins when a thread begins with it.
    auto job = [=, taken = *hand_over] {
      return Grade(*task, *prepared, taken, Deadline::In(std::chrono::minutes(30)));
    };
    auto grade = co_await run_.reactor.Blocking(std::move(job), Pool::kGrading);
    if (!grade) co_return tl::unexpected(grade.error());
    auto parsed = ParseJson(*grade, "podium-grade's record");
    if (!parsed) co_return tl::unexpected(parsed.error());
    Json verdict = {{"schema", "podium-trial-verdict/1"},
                    {"grade", *parsed},
                    {"agent", (*sealed)["agent"]},
                    {"image", plan_.agent->needs_sandbox() ? run_.image_digest : ""}};
    for (const char* part : {"isolation", "validations", "models"})
      verdict[part] = sealed->value(part, Json());
    co_return co_await KeepVerdict(std::move(verdict));
  }

  // The history knows of a grading before its verdict can be seen: a score that somebody saw cannot
  // be made undone.
  Task<Status> KeepVerdict(Json verdict) {
    std::string text = DumpJson(verdict, 2) + "\n";
    const Json& grade = verdict["grade"];
    auto digest = [this] { return SealedDigest(dir_ / "journal.jsonl"); };
    auto journal = co_await run_.reactor.Blocking(std::move(digest));
    if (!journal) co_return tl::unexpected(journal.error());
    HistoryEntry graded{.event = "graded",
                        .trial = plan_.id.str(),
                        .submission_sha256 = JsonOr<std::string>(grade, "submission_sha256", ""),
                        .verdict_sha256 = Digest::Of(text).hex(),
                        .journal_sha256 = journal->hex()};
    PODIUM_CO_TRY(co_await Note(std::move(graded)));
    auto write = [this, &text]() -> Status {
      PODIUM_TRY(lease_.CheckHeld());
      return WriteFileAtomic(dir_ / "verdict.json", text);
    };
    PODIUM_CO_TRY(co_await run_.reactor.Blocking(std::move(write)));
    Json done = {{"verdict", JsonOr<std::string>(grade, "verdict", "")}};
    co_return co_await Record("graded", std::move(done));
  }

  RunContext& run_;
  TrialPlan plan_;
  Lease& lease_;
  Journal journal_;
  fs::path dir_;
  int attempt_ = 0;  // this process's, once it has begun
  std::chrono::steady_clock::time_point begun_;
  const agents::TrialContext* context_ = nullptr;  // while the scaffold works
  Millis outage_{0};                               // of this attempt, once the scaffold has ended
  std::string models_json_ = "null";               // what the gateway's models cost
};

// The trial's folder and those in it, none of them a link out of the run.
Status MakeTrialDirs(const RunFolder& folder, const TrialId& id) {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(folder.dir));
  PODIUM_ASSIGN(auto trial, run.MakeFolder(RunFolder::NameOf(id)));
  for (const char* sub : {"code", "snapshots", "submission", "logs", "llm"})
    PODIUM_TRY(trial.MakeFolder(sub));
  return {};
}

struct OpenTrial {
  Lease lease;
  Journal journal;
};

// The trial for this process alone; empty when another one works on it. Blocks.
Result<std::optional<OpenTrial>> TakeTrial(RunContext& run, const TrialId& id) {
  PODIUM_TRY(MakeTrialDirs(run.folder, id));
  fs::path dir = run.folder.TrialDir(id);
  PODIUM_ASSIGN(auto lease, Lease::TryTake(dir, run.clock));
  if (!lease) return std::nullopt;
  PODIUM_ASSIGN(auto journal,
                Journal::Open(dir / "journal.jsonl", run.clock, {.own_copy = lease->taken_over()}));
  return OpenTrial{std::move(*lease), std::move(journal)};
}

}  // namespace

Task<Result<TrialEnd>> RunTrial(RunContext& run, TrialPlan plan) {
  auto take = [&run, id = plan.id] { return TakeTrial(run, id); };
  auto opened = co_await run.reactor.Blocking(std::move(take));
  if (!opened) co_return tl::unexpected(opened.error());
  if (!*opened) co_return TrialEnd::kElsewhere;
  fs::path dir = run.folder.TrialDir(plan.id);
  std::error_code ec;
  if (fs::exists(dir / "verdict.json", ec)) co_return TrialEnd::kDone;
  Lease& lease = (*opened)->lease;
  Journal& journal = (*opened)->journal;
  journal.UsePool(run.reactor, [&lease] { return lease.CheckHeld(); });
  TrialMachine machine(run, plan, lease, std::move(journal), dir);
  using namespace boost::asio::experimental::awaitable_operators;
  auto ended = co_await (machine.Run() || machine.KeepLease());
  if (ended.index() == 1)
    co_return Fail(ErrorCode::kInternal, "the lease keeper ended before the trial");
  co_return std::get<0>(std::move(ended));
}

}  // namespace podium::harness
