#include "harness/engine/trial.h"

#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "agents/portfolio/portfolio.h"
#include "agents/scaffolds/simple.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "harness/engine/grading.h"
#include "harness/engine/services.h"
#include "harness/store/history.h"
#include "harness/store/journal.h"
#include "harness/store/lease.h"
#include "tasks/validate_submission.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using agents::AgentOutcome;

constexpr auto kControl = std::chrono::seconds(120);

Result<std::unique_ptr<agents::Scaffold>> MakeScaffold(RunContext& run, const TrialPlan& plan,
                                                       agents::EventSink& events,
                                                       const fs::path& dir) {
  const AgentPlan& a = *plan.agent;
  if (a.scaffold == "nop") return agents::MakeNop();
  if (a.scaffold == "sample-submission") return agents::MakeSampleSubmission();
  if (a.scaffold == "program") return agents::MakeProgram(a.program, a.snapshot_every);
  if (a.proposer == "llm") {
    agents::ChatClient client(run.http, run.gate, events, a.model, dir / "llm");
    return agents::MakeTreeSearch(a.search, agents::MakeLlmProposer(std::move(client), a.llm));
  }
  PODIUM_ASSIGN(auto portfolio, agents::MakePortfolioProposer(ShareDir() / "agents" / "portfolio" /
                                                              "portfolio.yaml"));
  return agents::MakeTreeSearch(a.search, std::move(portfolio));
}

// One trial while this process works on it.
class TrialMachine {
 public:
  TrialMachine(RunContext& run, TrialPlan plan, Journal journal, fs::path dir)
      : run_(run), plan_(std::move(plan)), journal_(std::move(journal)), dir_(std::move(dir)) {}

  Task<Result<TrialEnd>> Run() {
    auto sealed = LastEvent("sealed");
    if (!sealed) {
      auto worked = co_await Work();
      if (!worked) co_return Failed(worked.error());
      if (!*worked) co_return TrialEnd::kPaused;
      sealed = LastEvent("sealed");
    }
    auto graded = co_await GradeSealed(*sealed);
    if (!graded) co_return Failed(graded.error());
    co_return TrialEnd::kDone;
  }

 private:
  std::optional<std::string> LastEvent(std::string_view type) const {
    for (auto it = journal_.events().rbegin(); it != journal_.events().rend(); ++it) {
      if (it->type == type) return it->body_json;
    }
    return std::nullopt;
  }

  TrialEnd Failed(const Error& error) {
    Json body = {{"code", CodeText(error.code)}, {"message", error.message}};
    if (auto recorded = journal_.Record("failed", DumpJson(body)); !recorded)
      LogError(recorded.error().message);
    LogError(plan_.id.str() + ": " + error.message);
    return TrialEnd::kFailed;
  }

  // The agent's part, up to the event "sealed". False when it was paused.
  Task<Result<bool>> Work() {
    TrialView before = ReadTrial(dir_, plan_.id, run_.clock);
    Json body = {
        {"pid", ::getpid()}, {"wall_ms", plan_.wall.count()}, {"used_ms", before.active.count()}};
    auto recorded = journal_.Record("attempt", DumpJson(body));
    if (!recorded) co_return tl::unexpected(recorded.error());
    HistoryEntry begun{.event = "attempt", .trial = plan_.id.str()};
    auto noted = History(run_.folder.dir).Append(std::move(begun), run_.clock);
    if (!noted) co_return tl::unexpected(noted.error());
    if (plan_.agent->scaffold == "oracle") co_return SealOracle();
    if (plan_.agent->scaffold == "nop")
      co_return Seal(AgentOutcome{}, HandOver{}, nullptr, ValidationsIn(journal_.events()));
    co_return co_await WorkInSandbox(std::move(before));
  }

  Result<bool> SealOracle() {
    const auto& prepared = run_.prepared.at(plan_.id.task);
    PODIUM_ASSIGN(auto bytes, ReadFile(prepared.private_dir / "perfect_submission.csv"));
    PODIUM_TRY(WriteFileAtomic(dir_ / "submission" / "submission.csv", bytes));
    HandOver hand_over;
    hand_over.status = "ok";
    AgentOutcome outcome;
    outcome.submission_digest = Digest::Of(bytes).hex();
    return Seal(outcome, hand_over, nullptr, ValidationsIn(journal_.events()));
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
    auto scaffold = MakeScaffold(run_, plan_, journal_, dir_);
    if (!scaffold) co_return tl::unexpected(scaffold.error());
    auto check = [this](std::string_view bytes) { return CheckShape(bytes); };
    TrialServices services(run_.reactor, journal_, check, dir_);
    auto added = services.AddGateway(run_.http, run_.gate, plan_.agent->gateway);
    if (!added) co_return tl::unexpected(added.error());
    Deadline control = Deadline::In(kControl);
    auto opened = co_await services.Open(box, control);
    if (!opened) co_return tl::unexpected(opened.error());
    auto context = MakeContext(box, std::move(before));
    context.env = services.Environment();
    using namespace boost::asio::experimental::awaitable_operators;
    auto ended = co_await ((*scaffold)->Run(context) || run_.wait_stop() || services.Serve());
    auto closed = services.End();
    if (!closed) co_return tl::unexpected(closed.error());
    models_json_ = services.ModelsJson();
    if (ended.index() != 0) co_return Paused(services.validations());
    Result<AgentOutcome> outcome = std::get<0>(std::move(ended));
    if (!outcome) co_return tl::unexpected(outcome.error());
    if (outcome->end == "paused") co_return Paused(services.validations());
    run_.observer.OnTrialPhase(plan_.id, "sealing");
    auto hand_over = co_await TakeOver(box, *outcome);
    if (!hand_over) co_return tl::unexpected(hand_over.error());
    co_return Seal(*outcome, *hand_over, &box, services.validations());
  }

  Result<bool> Paused(const agents::ValidationCounts& validations) {
    Json body = {{"validations_refused", validations.refused}};
    PODIUM_TRY(journal_.Record("paused", DumpJson(body)));
    return false;
  }

  // Freezes the sandbox and brings its submission to submission/submission.csv.
  Task<Result<HandOver>> TakeOver(sandbox::Sandbox& box, const AgentOutcome& outcome) {
    Deadline control = Deadline::In(kControl);
    auto sealed = co_await box.Seal(control);
    if (!sealed) co_return tl::unexpected(sealed.error());
    fs::path to = dir_ / "submission" / "submission.csv";
    HandOver hand_over;
    if (outcome.submission) {
      std::error_code ec;
      fs::copy_file(*outcome.submission, to, fs::copy_options::overwrite_existing, ec);
      if (ec)
        co_return FailErrno(ErrorCode::kIo, "cannot copy " + outcome.submission->string(),
                            ec.value());
      hand_over.status = "ok";
      co_return hand_over;
    }
    if (plan_.agent->scaffold == "greedy" || plan_.agent->scaffold == "single-shot")
      co_return hand_over;
    auto taken =
        co_await box.TakeFile(agents::kSubmissionPath, to, std::uint64_t{2} << 30, control);
    if (!taken) co_return tl::unexpected(taken.error());
    co_return Judge(*taken, to);
  }

  // A last file that cannot be taken or has the wrong shape gives way to the newest snapshot of the
  // right shape, if there is one.
  Result<HandOver> Judge(const sandbox::TakenFile& taken, const fs::path& to) {
    HandOver hand_over;
    if (taken.fault == sandbox::TakeFault::kNone) {
      hand_over.status = "ok";
    } else if (taken.fault != sandbox::TakeFault::kMissing) {
      hand_over.status = "invalid";
      hand_over.reason = std::string(TakeFaultText(taken.fault));
      hand_over.detail = taken.detail;
    }
    fs::path snapshot = dir_ / "snapshots" / "last_valid.csv";
    std::error_code ec;
    if (!fs::exists(snapshot, ec)) return hand_over;
    if (hand_over.status == "ok") {
      PODIUM_ASSIGN(auto bytes, ReadFile(to));
      if (CheckShape(bytes).valid) return hand_over;
    }
    fs::copy_file(snapshot, to, fs::copy_options::overwrite_existing, ec);
    if (ec) return FailErrno(ErrorCode::kIo, "cannot copy " + snapshot.string(), ec.value());
    PODIUM_TRY(journal_.Record("fell_back", R"({"to": "snapshots/last_valid.csv"})"));
    return HandOver{.status = "ok"};
  }

  Result<bool> Seal(const AgentOutcome& outcome, const HandOver& hand_over,
                    const sandbox::Sandbox* box, const agents::ValidationCounts& validations) {
    Json body = {{"agent", {{"end", outcome.end}, {"detail", outcome.detail}}},
                 {"validations",
                  {{"valid", validations.valid},
                   {"invalid", validations.invalid},
                   {"refused", validations.refused}}},
                 {"hand_over",
                  {{"status", hand_over.status},
                   {"reason", hand_over.reason},
                   {"detail", hand_over.detail}}}};
    if (box) {
      Json isolation = {{"backend", box->isolation().backend},
                        {"not_enforced", box->isolation().not_enforced}};
      isolation["enforced"] = Json::object();
      for (const auto& [what, how] : box->isolation().enforced) isolation["enforced"][what] = how;
      body["isolation"] = isolation;
    }
    PODIUM_ASSIGN(body["models"], ParseJson(models_json_, "what was spent on models"));
    PODIUM_TRY(journal_.Record("sealed", DumpJson(body)));
    return true;
  }

  Task<Status> GradeSealed(std::string sealed_json) {
    run_.observer.OnTrialPhase(plan_.id, "grading");
    auto sealed = ParseJson(sealed_json, "journal event 'sealed'");
    if (!sealed) co_return tl::unexpected(sealed.error());
    auto hand_over = SealedHandOver(sealed_json, dir_);
    if (!hand_over) co_return tl::unexpected(hand_over.error());
    const auto* task = plan_.task;
    const auto* prepared = &run_.prepared.at(plan_.id.task);
    Deadline deadline = Deadline::In(std::chrono::minutes(30));
    auto job = [=, taken = *hand_over] { return Grade(*task, *prepared, taken, deadline); };
    auto grade = co_await run_.reactor.Blocking(std::move(job));
    if (!grade) co_return tl::unexpected(grade.error());
    auto parsed = ParseJson(*grade, "podium-grade's record");
    if (!parsed) co_return tl::unexpected(parsed.error());
    Json verdict = {{"schema", "podium-trial-verdict/1"},
                    {"grade", *parsed},
                    {"agent", (*sealed)["agent"]},
                    {"image", plan_.agent->needs_sandbox() ? run_.image_digest : ""}};
    verdict["isolation"] = sealed->value("isolation", Json());
    verdict["validations"] = sealed->value("validations", Json());
    verdict["models"] = sealed->value("models", Json());
    co_return KeepVerdict(verdict);
  }

  // The history knows of a grading before its verdict can be seen: a score that somebody saw cannot
  // be made undone.
  Status KeepVerdict(const Json& verdict) {
    std::string text = DumpJson(verdict, 2) + "\n";
    const Json& grade = verdict["grade"];
    PODIUM_ASSIGN(auto journal, SealedDigest(dir_ / "journal.jsonl"));
    HistoryEntry graded{.event = "graded",
                        .trial = plan_.id.str(),
                        .submission_sha256 = JsonOr<std::string>(grade, "submission_sha256", ""),
                        .verdict_sha256 = Digest::Of(text).hex(),
                        .journal_sha256 = journal.hex()};
    PODIUM_TRY(History(run_.folder.dir).Append(std::move(graded), run_.clock));
    PODIUM_TRY(WriteFileAtomic(dir_ / "verdict.json", text));
    Json done = {{"verdict", JsonOr<std::string>(grade, "verdict", "")}};
    return journal_.Record("graded", DumpJson(done));
  }

  RunContext& run_;
  TrialPlan plan_;
  Journal journal_;
  fs::path dir_;
  std::string models_json_ = "null";  // what the gateway's models cost
};

// Never ends by itself: renews the lease until the work beside it is done.
Task<void> KeepLease(Lease& lease) {
  for (;;) {
    Deadline next = Deadline::In(std::chrono::seconds(10));
    co_await SleepUntil(next);
    if (auto beat = lease.Beat(); !beat) LogWarn("cannot renew a lease: " + beat.error().message);
  }
}

Status MakeTrialDirs(const fs::path& dir) {
  for (const char* sub : {"code", "snapshots", "submission", "logs", "llm"})
    PODIUM_TRY(MakeDirs(dir / sub));
  return {};
}

}  // namespace

Task<Result<TrialEnd>> RunTrial(RunContext& run, TrialPlan plan) {
  fs::path dir = run.folder.TrialDir(plan.id);
  auto made = MakeTrialDirs(dir);
  if (!made) co_return tl::unexpected(made.error());
  auto lease = Lease::TryTake(dir, run.clock);
  if (!lease) co_return tl::unexpected(lease.error());
  if (!*lease) co_return TrialEnd::kElsewhere;
  std::error_code ec;
  if (fs::exists(dir / "verdict.json", ec)) co_return TrialEnd::kDone;
  auto journal = Journal::Open(dir / "journal.jsonl", run.clock);
  if (!journal) co_return tl::unexpected(journal.error());
  TrialMachine machine(run, plan, std::move(*journal), dir);
  using namespace boost::asio::experimental::awaitable_operators;
  auto ended = co_await (machine.Run() || KeepLease(**lease));
  if (ended.index() == 1)
    co_return Fail(ErrorCode::kInternal, "the lease keeper ended before the trial");
  co_return std::get<0>(std::move(ended));
}

}  // namespace podium::harness
