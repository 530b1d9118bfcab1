// A run whose workers are jobs of Slurm, on several nodes of this host.
#include <gmock/gmock.h>

#include <thread>

#include "base/text.h"
#include "tests/e2e/podium_program.h"
#include "tests/support/slurm_cluster.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;

class SlurmTest : public SandboxedProgram {
 protected:
  void SetUp() override {
    SandboxedProgram::SetUp();
    if (IsSkipped()) return;
    auto cluster = SlurmCluster::Start(3);
    if (!cluster) GTEST_SKIP() << cluster.error().message;
    cluster_ = std::move(*cluster);
  }
  void TearDown() override {
    cluster_.reset();
    SandboxedProgram::TearDown();
  }

  // A program that hands in the sample after some seconds.
  std::string Agent(const std::string& seconds) {
    return ProgramAgent("prog", "sleep " + seconds +
                                    "; cp /home/data/sample_submission.csv "
                                    "/home/submission/submission.csv");
  }
  std::vector<std::string> Command(const std::string& agent, int seeds, const std::string& name) {
    return {"run",
            "--task",
            Task(),
            "--agent",
            agent,
            "--seeds",
            std::to_string(seeds),
            "--name",
            name,
            "--set",
            "limits.cpus=0.5",
            "--set",
            "limits.memory=256 MiB"};
  }
  ProcessResult Submit(std::vector<std::string> command, std::vector<std::string> more) {
    for (const char* word : {"--executor", "slurm", "--set", "slurm.workers=3"})
      command.emplace_back(word);
    command.insert(command.end(), more.begin(), more.end());
    return Podium(command, cluster_->Environment());
  }
  int Verdicts(const std::string& run) const {
    int out = 0;
    std::error_code ec;
    for (auto it = fs::recursive_directory_iterator(runs() / run / "trials", ec);
         !ec && it != fs::recursive_directory_iterator(); it.increment(ec))
      out += it->path().filename() == "verdict.json";
    return out;
  }
  bool Within(std::chrono::seconds limit, const std::function<bool()>& what) {
    auto patience = std::chrono::steady_clock::now() + limit;
    while (!what()) {
      if (std::chrono::steady_clock::now() > patience) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return true;
  }
  std::string Said(const std::string& run) const {
    std::string out = cluster_->Run({"squeue"}) + cluster_->Run({"sinfo"});
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(runs() / run / "slurm", ec))
      out += entry.path().filename().string() + ":\n" + ReadFile(entry.path()).value_or("") + "\n";
    return out;
  }

  std::unique_ptr<SlurmCluster> cluster_;
};

TEST_F(SlurmTest, AnArrayOfWorkersDoesARun) {
  auto submitted = Submit(Command(Agent("0.2"), 12, "a"), {});
  ASSERT_EQ(submitted.exit_code, 0) << submitted.out << submitted.err;
  EXPECT_THAT(submitted.out, HasSubstr("3 workers of run a (12 trials)"));
  ASSERT_TRUE(Within(std::chrono::seconds(150), [&] { return Verdicts("a") == 12; })) << Said("a");
  ASSERT_TRUE(Within(std::chrono::seconds(60), [&] {
    return cluster_->Run({"squeue", "-h"}).empty();
  })) << Said("a");
  for (int seed = 0; seed < 12; ++seed)
    EXPECT_EQ(EventBodies(TrialDir("a", "prog", "tiny", seed), "attempt").size(), 1u) << seed;
  EXPECT_THAT(Podium({"status", "a"}).out, HasSubstr("12 planned: 12 scored"));
}

// A node is lost, a job preempted, and every job meets its time limit; the grades are those of a
// run on this host alone. Slurm begins a job that was queued again after two minutes.
TEST_F(SlurmTest, WhatItsNodesAndLimitsInterruptIsCompleteInTheEnd) {
  constexpr int kTrials = 60;
  std::string agent = Agent("5");
  auto submitted = Submit(Command(agent, kTrials, "b"), {"--set", "slurm.time=3"});
  ASSERT_EQ(submitted.exit_code, 0) << submitted.out << submitted.err;
  ASSERT_TRUE(Within(std::chrono::seconds(120), [&] { return Verdicts("b") >= 4; })) << Said("b");
  int lost = -1;
  for (int node = 0; node < 3; ++node) {
    auto jobs = cluster_->JobsOn(node);
    if (jobs.empty()) continue;
    if (lost < 0) {
      cluster_->LoseNode(lost = node);
    } else {
      cluster_->Run({"scontrol", "requeue", jobs.front()});
      break;
    }
  }
  ASSERT_GE(lost, 0) << Said("b");
  ASSERT_LT(Verdicts("b"), kTrials) << "the test was too slow";
  ASSERT_TRUE(Within(std::chrono::seconds(900), [&] { return Verdicts("b") == kTrials; }))
      << Said("b");
  auto local = Podium(Command(Agent("0.1"), 1, "l"));
  ASSERT_EQ(local.exit_code, 0) << local.out << local.err;
  Json grade = Verdict("l", "prog")["grade"];
  int again = 0;
  for (int seed = 0; seed < kTrials; ++seed) {
    EXPECT_EQ(Verdict("b", "prog", "tiny", seed)["grade"], grade) << seed;
    EXPECT_EQ(Verdict("b", "prog", "tiny", seed)["outcome"], "scored") << seed;
    auto attempts = EventBodies(TrialDir("b", "prog", "tiny", seed), "attempt").size();
    again += attempts > 1;
    EXPECT_TRUE(EventBodies(TrialDir("b", "prog", "tiny", seed), "failed").empty()) << seed;
  }
  EXPECT_GE(again, 1) << "somebody's trial was interrupted";
  EXPECT_EQ(Podium({"verify", "b"}).exit_code, 0);
}

}  // namespace
}  // namespace podium::tests
