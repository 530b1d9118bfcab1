#include "harness/trial/trial.h"

#include <unistd.h>

#include <algorithm>

#include "agents/models/chat_client.h"
#include "base/async/race.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/log.h"
#include "harness/store/journal.h"
#include "harness/store/lease.h"
#include "harness/trial/collect.h"
#include "harness/trial/sandbox_work.h"
#include "harness/trial/services.h"
#include "sandbox/host/host_paths.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

// The trial for this process alone, with what its folder held.
struct OpenTrial {
  OpenTrial(Lease held, Journal log) : lease(std::move(held)), journal(std::move(log)) {}
  Lease lease;
  Journal journal;
};

// One trial while this process works on it.
class TrialMachine {
 public:
  TrialMachine(RunContext& run, TrialPlan plan, OpenTrial& open, StopToken stop)
      : run_(run),
        plan_(std::move(plan)),
        lease_(open.lease),
        journal_(open.journal),
        dir_(run_.folder.TrialDir(plan_.id)),
        sandbox_work_(run_, plan_, journal_, dir_, std::move(stop)) {}

  Task<Result<TrialEnd>> Run() {
    // An earlier process may have ended between the last failure and what follows from it.
    if (auto before = View(); !before.reason.empty() && IsSpent(before))
      co_return co_await Exhaust();
    auto ended = co_await Caught<TrialEnd>(Phases(), plan_.id.str());
    if (ended) co_return ended;
    // Who was thought dead and wakes up writes nothing more.
    if (ended.error().code == ErrorCode::kBusy) {
      LogWarn(plan_.id.str() + ": " + ended.error().message);
      co_return TrialEnd::kElsewhere;
    }
    co_return co_await Failed(ended.error());
  }

  // Never ends by itself: renews the lease until the work beside it is done.
  Task<void> KeepLease() {
    for (;;) {
      Deadline next = Deadline::In(kHeartbeat);
      co_await SleepUntil(next);
      Worked worked{attempt_, WorkedNow()};
      auto job = [this, worked] { return lease_.Beat(worked); };
      auto beat = co_await run_.reactor.Blocking(std::move(job));
      if (!beat) LogWarn("cannot renew a lease: " + beat.error().message);
    }
  }

  // As its files say now.
  [[nodiscard]] TrialView View() const {
    return ViewOf(dir_, plan_.id, journal_.lines(), verdict_);
  }

  // What the host lacks, where the trial ended with that.
  [[nodiscard]] const std::string& host() const { return host_; }

 private:
  Task<Result<TrialEnd>> Phases() {
    const auto* sealed = LastOf<records::Sealed>(journal_.lines());
    if (!sealed) {
      auto worked = co_await Work();
      if (!worked) co_return tl::unexpected(worked.error());
      if (!*worked) co_return TrialEnd::kPaused;
      sealed = LastOf<records::Sealed>(journal_.lines());
    }
    auto graded = co_await GradeSealed(*sealed);
    if (!graded) co_return tl::unexpected(graded.error());
    co_return TrialEnd::kDone;
  }

  // What this attempt has worked until now.
  [[nodiscard]] Millis WorkedNow() const {
    if (attempt_ == 0) return Millis(0);
    auto worked = std::chrono::duration_cast<Millis>(run_.clock.Now() - begun_);
    return std::max(Millis(0), worked - sandbox_work_.outage());
  }

  Task<Result<TrialEnd>> Failed(Error error) {
    LogError(plan_.id.str() + ": " + error.message);
    auto look = [this, &error] {
      return HostTrouble(error, {run_.folder.dir, sandbox::HostDir()});
    };
    host_ = co_await run_.reactor.Blocking(std::move(look));
    bool for_user = std::ranges::find(error.context, agents::kForUser) != error.context.end();
    records::Failed event{.code = std::string(CodeText(error.code)),
                          .message = error.message,
                          .worked = WorkedNow(),
                          .host = for_user ? error.message : host_};
    auto recorded = co_await journal_.Append(std::move(event));
    if (!recorded) LogError(recorded.error().message);
    if (!host_.empty()) co_return TrialEnd::kHost;
    if (!recorded || !IsSpent(View())) co_return TrialEnd::kFailed;
    co_return co_await Exhaust();
  }

  // Whether the last failure was one too many.
  [[nodiscard]] bool IsSpent(const TrialView& now) const {
    return now.failures > run_.retries.infrastructure ||
           (now.failures > 0 && !IsReplaced(now.reason));
  }

  // The trial's end: nothing but `podium retry` tries again.
  Task<Result<TrialEnd>> Exhaust() {
    TrialView now = View();
    HistoryLine line = LineOf("exhausted");
    line.why = now.failure;
    std::vector<HistoryLine> lines = {std::move(line)};
    PODIUM_CO_TRY(co_await Note(std::move(lines)));
    records::Exhausted event{.failures = now.failures, .why = now.failure};
    PODIUM_CO_TRY(co_await journal_.Append(std::move(event)));
    co_return TrialEnd::kExhausted;
  }

  // The history knows of it before anybody can act on it.
  Task<Status> Note(std::vector<HistoryLine> lines) {
    auto job = [this, all = std::move(lines)]() mutable -> Status {
      PODIUM_TRY(lease_.CheckHeld());
      return run_.history.Append(std::move(all));
    };
    co_return co_await run_.reactor.Blocking(std::move(job));
  }

  [[nodiscard]] HistoryLine LineOf(std::string event) const {
    return {.event = std::move(event), .trial = plan_.id.str(), .lease = lease_.number()};
  }

  // The agent's part, up to the event "sealed". False when it was paused.
  Task<Result<bool>> Work() {
    TrialView before = View();
    attempt_ = before.attempts + 1;
    begun_ = run_.clock.Now();
    records::Attempt begun{.pid = ::getpid(), .wall = plan_.wall, .used = before.active};
    if (!plan_.agent->needs_sandbox()) co_return co_await SealAtOnce(begun);
    PODIUM_CO_TRY(co_await journal_.Append(begun));
    std::vector<HistoryLine> lines = {LineOf("attempt")};
    PODIUM_CO_TRY(co_await Note(std::move(lines)));
    auto ended = co_await sandbox_work_.Run(std::move(before));
    if (!ended) co_return tl::unexpected(ended.error());
    bool sealed = std::holds_alternative<records::Sealed>(*ended);
    records::Event event = std::visit(
        [this](auto& e) -> records::Event {
          e.worked = WorkedNow();
          if constexpr (requires { e.resources; }) {
            if (e.resources) e.resources->worked = *e.worked;
          }
          return std::move(e);
        },
        *ended);
    PODIUM_CO_TRY(co_await journal_.Append(std::move(event)));
    co_return sealed;
  }

  // Where no agent works in a sandbox nothing happens between the beginning and the seal: both are
  // one write, and the history learns of both with the grading.
  Task<Result<bool>> SealAtOnce(records::Attempt begun) {
    records::Sealed sealed;
    auto counts = ValidationsIn(journal_.lines());
    sealed.validations = {
        .valid = counts.valid, .invalid = counts.invalid, .refused = counts.refused};
    if (plan_.agent->scaffold->hands_in == agents::HandsIn::kAnswers) {
      auto job = [this] { return CopyAnswers(); };
      PODIUM_CO_TRY(co_await run_.reactor.Blocking(std::move(job), Pool::kTransfer));
      sealed.hand_over.status = records::HandOverStatus::kOk;
      sealed.file = plan_.task->submission.path;
    }
    sealed.worked = WorkedNow();
    std::vector<records::Event> both;
    both.emplace_back(begun);
    both.emplace_back(std::move(sealed));
    PODIUM_CO_TRY(co_await journal_.AppendAll(std::move(both)));
    unnoted_attempt_ = true;
    co_return true;
  }

  // The task's own answers as a submission. Blocks.
  Status CopyAnswers() const {
    const auto& prepared = run_.prepared.at(plan_.id.task);
    return CopyFileAtomic(prepared.private_dir / "perfect_submission.csv",
                          SubmissionFile(dir_, *plan_.task));
  }

  Task<Status> GradeSealed(records::Sealed sealed) {
    run_.observer.OnTrialPhase(plan_.id, "grading");
    GradeJob job{.task = plan_.task,
                 .prepared = &run_.prepared.at(plan_.id.task),
                 .hand_over = sealed.hand_over,
                 .submission = {}};
    if (sealed.hand_over.status == records::HandOverStatus::kOk)
      job.submission = SubmissionFile(dir_, *plan_.task);
    auto grade = co_await run_.grader.Grade(std::move(job));
    if (!grade) co_return tl::unexpected(grade.error());
    auto candidates = co_await GradeCandidates(sealed.candidates);
    if (!candidates) co_return tl::unexpected(candidates.error());
    TrialVerdict verdict{.grade = std::move(*grade),
                         .agent = std::move(sealed.agent),
                         .image = plan_.agent->needs_sandbox() ? run_.image_digest : "",
                         .isolation = std::move(sealed.isolation),
                         .validations = sealed.validations,
                         .models = std::move(sealed.models),
                         .top_k = std::move(*candidates),
                         .reveals = std::move(sealed.reveals),
                         .cell = plan_.agent->cell,
                         .variants = plan_.agent->configured.variants,
                         .resources = sealed.resources,
                         .attempts = View().attempts};
    co_return co_await KeepVerdict(std::move(verdict));
  }

  // The submissions of selection top-k, each as if it had been handed in.
  Task<Result<std::vector<records::CandidateGrade>>> GradeCandidates(std::vector<int> nodes) {
    std::vector<records::CandidateGrade> out;
    for (int node : nodes) {
      GradeJob job{.task = plan_.task,
                   .prepared = &run_.prepared.at(plan_.id.task),
                   .hand_over = {},
                   .submission = dir_ / "snapshots" / ("node_" + std::to_string(node) + ".csv")};
      job.hand_over.status = records::HandOverStatus::kOk;
      auto grade = co_await run_.grader.Grade(std::move(job));
      if (!grade) co_return tl::unexpected(grade.error());
      out.push_back({node, grade->verdict, grade->score, grade->standing.medal});
    }
    co_return out;
  }

  // The history knows of a grading before its verdict can be seen: a score that somebody saw cannot
  // be made undone.
  Task<Status> KeepVerdict(TrialVerdict verdict) {
    auto keep = [this, &verdict] { return WriteVerdict(verdict); };
    PODIUM_CO_TRY(co_await run_.reactor.Blocking(std::move(keep)));
    // What the file says as well.
    records::Graded done{.verdict = verdict.grade.verdict};
    verdict_ = std::move(verdict);
    co_return co_await journal_.AppendUnsynced(std::move(done));
  }

  // Blocks.
  Status WriteVerdict(const TrialVerdict& verdict) {
    std::string text = records::ToText(verdict);
    PODIUM_ASSIGN(auto journal, SealedDigest(dir_ / "journal.jsonl"));
    std::vector<HistoryLine> lines;
    if (unnoted_attempt_) lines.push_back(LineOf("attempt"));
    HistoryLine graded = LineOf("graded");
    graded.submission_sha256 = verdict.grade.submission_sha256.value_or("");
    graded.verdict_sha256 = Digest::Of(text).hex();
    graded.journal_sha256 = journal.hex();
    lines.push_back(std::move(graded));
    PODIUM_TRY(lease_.CheckHeld());
    PODIUM_TRY(run_.history.Append(std::move(lines)));
    PODIUM_TRY(lease_.CheckHeld());
    return WriteFileAtomic(dir_ / "verdict.json", text);
  }

  RunContext& run_;
  TrialPlan plan_;
  Lease& lease_;
  Journal& journal_;
  fs::path dir_;
  SandboxWork sandbox_work_;
  int attempt_ = 0;  // this process's, once it has begun
  std::chrono::steady_clock::time_point begun_;
  bool unnoted_attempt_ = false;  // the history does not know of it yet
  std::string host_;
  std::optional<TrialVerdict> verdict_;
};

// The trial's folder and those in it, none of them a link out of the run.
Status MakeTrialDirs(const RunFolder& folder, const TrialPlan& plan) {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(folder.dir));
  PODIUM_ASSIGN(auto trial, run.MakeFolder(RunFolder::NameOf(plan.id)));
  std::vector<const char*> subs;
  if (plan.agent->scaffold->hands_in != agents::HandsIn::kNothing) subs = {"submission"};
  if (plan.agent->needs_sandbox()) subs = {"code", "snapshots", "submission", "logs", "llm"};
  if (plan.agent->configured.layers != agents::LayerPolicy::kNone) subs.push_back("layers");
  for (const char* sub : subs) PODIUM_TRY(trial.MakeFolder(sub));
  return {};
}

// Either the trial for this process alone, or how it stands where there is nothing to do: it has
// its verdict, it is exhausted, or (no view) another process works on it.
struct Taken {
  std::optional<OpenTrial> open;
  std::optional<TrialView> done;
};

// Blocks.
Result<Taken> TakeTrial(RunContext& run, const TrialPlan& plan) {
  PODIUM_TRY(MakeTrialDirs(run.folder, plan));
  fs::path dir = run.folder.TrialDir(plan.id);
  PODIUM_ASSIGN(auto lease, Lease::TryTake(dir, run.clock));
  Taken out;
  if (!lease) return out;
  std::error_code ec;
  if (fs::exists(dir / "verdict.json", ec)) {
    out.done = ReadTrial(dir, plan.id, run.clock);
    if (out.done->verdict) return out;
    out.done.reset();  // torn by a crash of the machine: it is written anew
  }
  Journal::Options options{.lease = lease->number(), .own_copy = lease->taken_over()};
  PODIUM_ASSIGN(auto journal, Journal::Open(dir / "journal.jsonl", run.clock, options));
  if (ViewOf(dir, plan.id, journal.lines(), std::nullopt).exhausted) {
    out.done = ReadTrial(dir, plan.id, run.clock);
    return out;
  }
  out.open.emplace(std::move(*lease), std::move(journal));
  return out;
}

}  // namespace

fs::path PublicDir(const RunContext& run, const TrialPlan& plan) {
  auto instructed = run.instructed.find({plan.id.task, plan.id.agent});
  if (instructed != run.instructed.end()) return instructed->second;
  if (plan.agent->configured.hidden_split) return run.hidden.at(plan.id.task).agent.public_dir;
  return run.prepared.at(plan.id.task).public_dir;
}

Task<Result<TrialResult>> RunTrial(RunContext& run, TrialPlan plan, StopToken stop) {
  auto take = [&run, &plan] { return TakeTrial(run, plan); };
  auto taken = co_await run.reactor.Blocking(std::move(take));
  if (!taken) co_return tl::unexpected(taken.error());
  TrialResult out{.end = TrialEnd::kElsewhere, .view = {.id = plan.id}};
  if (taken->done) {
    out.end = taken->done->exhausted ? TrialEnd::kExhausted : TrialEnd::kDone;
    out.view = std::move(*taken->done);
    co_return out;
  }
  if (!taken->open) co_return out;
  OpenTrial& open = *taken->open;
  open.journal.UsePool(run.reactor, [&open] { return open.lease.CheckHeld(); });
  TrialMachine machine(run, plan, open, std::move(stop));
  auto ended = co_await Race(machine.Run(), machine.KeepLease());
  if (ended.index() == 1)
    co_return Fail(ErrorCode::kInternal, "the lease keeper ended before the trial");
  auto end = std::get<0>(std::move(ended));
  if (!end) co_return tl::unexpected(end.error());
  out.end = *end;
  out.view = machine.View();
  out.host = machine.host();
  co_return out;
}

}  // namespace podium::harness
