#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "agents/registry.h"
#include "base/async/alarm.h"
#include "base/files.h"
#include "harness/trial/trial.h"
#include "sandbox/backends/fake/fake_backend.h"
#include "tasks/task_package.h"
#include "tests/support/tiny_task.h"

namespace podium::harness {

// A grader that answers what it is told to, and keeps what it was asked.
class FakeGrader final : public Grader {
 public:
  Task<Result<records::GradeRecord>> Grade(GradeJob job) override {
    asked.push_back(job);
    if (!faults.empty()) {
      Error error = std::move(faults.front());
      faults.pop_front();
      co_return tl::unexpected(std::move(error));
    }
    records::GradeRecord out;
    out.task = job.task->id.str();
    out.verdict = job.submission ? "scored" : "no_submission";
    if (job.submission) out.score = 0.75;
    co_return out;
  }
  std::vector<GradeJob> asked;
  std::deque<Error> faults;
};

class KeptMessages final : public RunObserver {
 public:
  void OnMessage(std::string_view text) override {
    messages.emplace_back(text);
    if (on_message) on_message(text);
  }
  void OnTrialPhase(const TrialId&, std::string_view phase) override { phases.emplace_back(phase); }
  void OnNode(const TrialId&, const agents::SearchNode& node) override { nodes.push_back(node); }
  void OnTrialEnd(const TrialView& trial) override { ended.push_back(trial.id.str()); }
  std::vector<std::string> messages, phases, ended;
  std::vector<agents::SearchNode> nodes;
  std::function<void(std::string_view)> on_message;
};

// A scaffold that does what a function says.
class ScriptedScaffold final : public agents::Scaffold {
 public:
  using Work = std::function<Task<Result<agents::AgentOutcome>>(agents::TrialContext&)>;
  explicit ScriptedScaffold(Work work) : work_(std::move(work)) {}
  Task<Result<agents::AgentOutcome>> Run(agents::TrialContext& context) override {
    co_return co_await work_(context);
  }

 private:
  Work work_;
};

// The tiny task, an agent and a run folder, without containers and without podium-grade.
class TrialFixture : public testing::Test {
 protected:
  void SetUp() override {
    tests::WriteTinyTask(temp_.path() / "tiny");
    task_ = *tasks::LoadTask(temp_.path() / "tiny");
    prepared_.public_dir = temp_.path() / "tiny/data/public";
    prepared_.private_dir = temp_.path() / "tiny/data/private";
    agent_.id = *AgentId::Parse("a");
    std::filesystem::create_directories(run_dir_);
  }

  // An agent that works in a sandbox; `work` is looked up when a trial begins.
  void UseScaffold(agents::HandsIn hands_in = agents::HandsIn::kFinalFile) {
    info_.name = "scripted";
    info_.hands_in = hands_in;
    agent_.scaffold = &info_;
    agent_.configured.make = [this](std::unique_ptr<agents::Proposer>) {
      return std::make_unique<ScriptedScaffold>(work_);
    };
  }
  void UseBaseline(const char* name) { agent_.scaffold = agents::FindScaffold(name); }

  TrialPlan Plan(int seed = 0) {
    TrialPlan plan;
    plan.id = {task_.id, agent_.id, seed};
    plan.task = &task_;
    plan.agent = &agent_;
    plan.wall = std::chrono::minutes(5);
    plan.exec = std::chrono::minutes(1);
    return plan;
  }
  [[nodiscard]] std::filesystem::path Dir(int seed = 0) const {
    return RunFolder{run_dir_}.TrialDir({task_.id, agent_.id, seed});
  }

  // Runs one trial as a process would that is started anew.
  Result<TrialResult> Run(int seed = 0) {
    Result<TrialResult> out = Fail(ErrorCode::kInternal, "the trial was not run");
    auto ended = WithContext([&](RunContext& context) -> Task<Status> {
      out = co_await RunTrial(context, Plan(seed), context.stop);
      co_return Status{};
    });
    EXPECT_TRUE(ended) << ended.error().message;
    return out;
  }

  // A process's work on its own loop. `stop_` is raised to kStopping after `stop_after_`.
  Status WithContext(const std::function<Task<Status>(RunContext&)>& work) {
    backend_ = std::make_unique<sandbox::FakeBackend>(script_);
    Reactor reactor;
    HttpClient http;
    agents::ProviderGate gate;
    HistoryWriter history(run_dir_, SystemClock());
    MachineShares shares(machine_);
    RunContext context{.reactor = reactor,
                       .http = http,
                       .gate = gate,
                       .grader = grader_,
                       .history = history,
                       .shares = shares,
                       .folder = {run_dir_},
                       .observer = observer_,
                       .clock = SystemClock()};
    context.backend = backend_.get();
    context.image_digest = "image";
    context.prepared.emplace(task_.id, prepared_);
    context.corpora = corpora_;
    context.retries = retries_;
    context.ceilings = ceilings_;
    stop_ = std::make_unique<StopSource>();
    context.stop = stop_->token();
    auto ended = reactor.Run([&]() -> Task<Status> {
      Alarm stop(reactor, Deadline::In(stop_after_),
                 [this] { stop_->Raise(StopLevel::kStopping); });
      co_return co_await work(context);
    });
    EXPECT_EQ(backend_->alive(), 0) << "a sandbox was left behind";
    return ended;
  }

  std::vector<JournalLine> Lines(int seed = 0) { return *ReadJournal(Dir(seed) / "journal.jsonl"); }
  std::string Names(int seed = 0) {
    std::string out;
    for (const auto& line : Lines(seed))
      out += (out.empty() ? "" : " ") + std::string(records::EventName(line.event));
    return out;
  }

  TempDir temp_ = *TempDir::Make("podium-trial");
  std::filesystem::path run_dir_ = temp_.path() / "run";
  RetryPolicy retries_;
  RunCeilings ceilings_;
  Machine machine_{.cores = 64, .memory_bytes = std::uint64_t{1} << 40};
  tasks::TaskPackage task_;
  tasks::PreparedTask prepared_;
  std::map<std::filesystem::path, std::shared_ptr<const agents::Corpus>> corpora_;
  agents::ScaffoldInfo info_;
  AgentPlan agent_;
  ScriptedScaffold::Work work_;
  sandbox::FakeScript script_;
  std::unique_ptr<sandbox::FakeBackend> backend_;
  FakeGrader grader_;
  KeptMessages observer_;
  std::unique_ptr<StopSource> stop_;  // of the process that runs
  Millis stop_after_{std::chrono::hours(1)};
};

}  // namespace podium::harness
