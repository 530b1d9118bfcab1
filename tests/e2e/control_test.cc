// A run that people hold, let go, end and try again while it is worked on.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>

#include <thread>

#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"
#include "tests/support/tiny_task.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class ControlVerbsTest : public SandboxedProgram {
 protected:
  std::string Log() const { return ReadFile(dir() / "log").value_or(""); }
  bool Within(std::chrono::seconds limit, const std::function<bool()>& what) {
    auto patience = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < patience) {
      if (what()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  bool HasVerdict(const std::string& run, int seed) const {
    std::error_code ec;
    return fs::exists(TrialDir(run, "slow", "tiny", seed) / "verdict.json", ec);
  }
  // A program that hands in the sample after some seconds.
  std::string Slow(const std::string& seconds) {
    return ProgramAgent("slow", "echo working; sleep " + seconds +
                                    "; cp /home/data/sample_submission.csv "
                                    "/home/submission/submission.csv");
  }
};

TEST_F(ControlVerbsTest, ARunIsPausedAndGoesOnInTheSameProcess) {
  pid_t pid = Start(
      {"run", "--task", Task(), "--agent", Slow("1"), "--seeds", "4", "--jobs", "1", "--name", "p"},
      dir() / "log");
  ASSERT_TRUE(Within(std::chrono::seconds(60), [&] { return HasVerdict("p", 0); })) << Log();
  auto paused = Podium({"pause", "p"});
  EXPECT_EQ(paused.exit_code, 0) << paused.err;
  EXPECT_THAT(paused.out, HasSubstr("Heard within a second by pid " + std::to_string(pid)));
  ASSERT_TRUE(Within(std::chrono::seconds(60),
                     [&] { return Log().find("the run is paused") != std::string::npos; }));
  // The one in work ends, another does not begin.
  std::this_thread::sleep_for(std::chrono::seconds(6));
  EXPECT_FALSE(HasVerdict("p", 3));
  EXPECT_EQ(::kill(pid, 0), 0) << "it waits";
  auto resumed = Podium({"resume", "p"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("Nothing holds it any more"));
  EXPECT_EQ(Wait(pid), 0) << Log();
  EXPECT_TRUE(HasVerdict("p", 3));
}

TEST_F(ControlVerbsTest, ACancelledTrialIsLeftUntilItIsResumed) {
  pid_t pid = Start(
      {"run", "--task", Task(), "--agent", Slow("4"), "--seeds", "2", "--jobs", "1", "--name", "c"},
      dir() / "log");
  ASSERT_TRUE(Within(std::chrono::seconds(60),
                     [&] { return fs::exists(TrialDir("c", "slow") / "journal.jsonl"); }));
  ASSERT_EQ(Podium({"cancel", "c", "tiny/slow/s0"}).exit_code, 0);
  EXPECT_EQ(Wait(pid), 6) << Log();
  EXPECT_FALSE(HasVerdict("c", 0));
  EXPECT_TRUE(HasVerdict("c", 1));
  auto refused = Podium({"cancel", "c", "tiny/slow/s7"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("has no trial 'tiny/slow/s7'. Did you mean"));
  auto resumed = Podium({"resume", "c", "tiny"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
  EXPECT_TRUE(HasVerdict("c", 0));
}

TEST_F(ControlVerbsTest, ADrainedProcessEndsAndMoreAtOnceIsHeard) {
  pid_t pid = Start(
      {"run", "--task", Task(), "--agent", Slow("2"), "--seeds", "6", "--jobs", "1", "--name", "d"},
      dir() / "log");
  ASSERT_TRUE(Within(std::chrono::seconds(60), [&] { return HasVerdict("d", 0); })) << Log();
  auto set = Podium({"set", "d", "jobs=2"});
  EXPECT_EQ(set.exit_code, 0) << set.err;
  EXPECT_EQ(Podium({"set", "d", "seeds=2"}).exit_code, 2);
  ASSERT_TRUE(Within(std::chrono::seconds(30), [&] {
    return Log().find("trials at once: 2") != std::string::npos;
  })) << Log();
  EXPECT_EQ(Podium({"drain", "d"}).exit_code, 0);
  EXPECT_EQ(Wait(pid), 6) << Log();
  EXPECT_FALSE(HasVerdict("d", 5));
  EXPECT_THAT(Podium({"drain", "d"}).out, HasSubstr("nothing to drain"));
  EXPECT_EQ(Podium({"resume", "d"}).exit_code, 0);
  EXPECT_TRUE(HasVerdict("d", 5));
}

TEST_F(ControlVerbsTest, WorkersShareARunAndStayUntilAllHasEnded) {
  pid_t first = Start(
      {"run", "--task", Task(), "--agent", Slow("2"), "--seeds", "5", "--jobs", "1", "--name", "w"},
      dir() / "log");
  ASSERT_TRUE(Within(std::chrono::seconds(60),
                     [&] { return fs::exists(TrialDir("w", "slow") / "journal.jsonl"); }));
  auto board = Podium({"watch", "w"});
  EXPECT_THAT(board.out, HasSubstr("Worked on by pid " + std::to_string(first)));
  EXPECT_THAT(board.out, HasSubstr("tiny/slow/s0"));
  auto worker = Podium({"worker", "--join", "w", "--jobs", "1"});
  EXPECT_EQ(worker.exit_code, 0) << worker.out << worker.err;
  // It takes the one that the first works on for another's, and does not end before it.
  EXPECT_THAT(worker.out, HasSubstr("5 planned: 5 scored"));
  Wait(first);
  for (int seed = 0; seed < 5; ++seed) {
    EXPECT_TRUE(HasVerdict("w", seed));
    EXPECT_EQ(EventBodies(TrialDir("w", "slow", "tiny", seed), "attempt").size(), 1u) << seed;
  }
  EXPECT_THAT(Podium({"watch", "w"}).out, HasSubstr("No process works on it"));
  auto why = Podium({"why", "w/tiny/slow/s0"});
  EXPECT_THAT(why.out, HasSubstr("tiny/slow/s0: scored"));
  EXPECT_THAT(Podium({"logs", "w/tiny/slow/s0"}).out, HasSubstr("==> start.sh.log <==\nworking\n"));
}

TEST_F(ControlVerbsTest, ASlurmScriptCanBeSeenBeforeItIsSubmitted) {
  std::vector<std::string> args = {"run",
                                   "--task",
                                   Task(),
                                   "--agent",
                                   "nop",
                                   "--seeds",
                                   "9",
                                   "--executor",
                                   "slurm",
                                   "--name",
                                   "sl",
                                   "--set",
                                   "slurm.options=--partition=long --account=me"};
  auto with = args;
  with.emplace_back("--print-script");
  auto shown = Podium(with);
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("#SBATCH --array=1-4\n"));
  EXPECT_THAT(shown.out, HasSubstr("#SBATCH --partition=long\n#SBATCH --account=me\n"));
  EXPECT_THAT(shown.out, HasSubstr("worker '" + (runs() / "sl").string() + "' --jobs 1"));
  EXPECT_FALSE(fs::exists(runs() / "sl"));
  // A batch system that takes the script and runs it at once.
  fs::create_directories(dir() / "bin");
  ASSERT_TRUE(
      WriteFileAtomic(dir() / "bin/sbatch",
                      "#!/bin/sh\nbash \"$2\" > ../out 2>&1 < /dev/null\necho '77;cluster'\n"));
  fs::permissions(dir() / "bin/sbatch", fs::perms(0755));
  auto path =
      (dir() / "bin").string() + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  auto submitted = Podium(args, {{"PATH", path}});
  EXPECT_EQ(submitted.exit_code, 0) << submitted.out << submitted.err;
  EXPECT_THAT(submitted.out, HasSubstr("Job 77: 4 workers of run sl (9 trials)"));
  EXPECT_THAT(Podium({"status", "sl"}).out, HasSubstr("9 planned: 0 scored, 9 agent_failed"));
  ASSERT_TRUE(
      WriteFileAtomic(dir() / "bin/sbatch", "#!/bin/sh\necho 'no such partition' >&2; exit 1\n"));
  fs::permissions(dir() / "bin/sbatch", fs::perms(0755));
  auto refused = Podium(args, {{"PATH", path}});
  EXPECT_EQ(refused.exit_code, 2) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("Slurm refuses"));
  EXPECT_THAT(refused.err, HasSubstr("no such partition"));
}

// The server's faults use up a trial's attempts; then only `podium retry` tries again.
TEST_F(ControlVerbsTest, InfrastructureThatFailsTooOftenIsAnOutcomeUntilItIsRetried) {
  std::atomic<bool> broken = true;
  ModelServer server([&](int, const ReceivedRequest&) -> ScriptedReply {
    if (broken) return {400, R"({"error": {"message": "no"}})", {}, {}, false};
    return StreamedText("The sample.\n```python\n" + std::string(kTinySolution) +
                        "print('Validation score: 0.9')\n```\n");
  });
  std::map<std::string, std::string> env = {
      {"OPENAI_BASE_URL", server.base_url()},
      {"OPENAI_API_KEY", "k"},
      {"PODIUM_RETRIES_PAUSE", "100 ms"},
      {"PODIUM_NOTIFY_COMMAND",
       "echo \"$PODIUM_RUN $PODIUM_EVENT: $PODIUM_TEXT\" >> " + (dir() / "told").string()}};
  std::vector<std::string> command = {"run",        "--task", Task(),    "--agent", "greedy,nop",
                                      "--proposer", "llm",    "--model", "m",       "--nodes",
                                      "1",          "--name", "x"};
  auto first = Podium(command, env);
  EXPECT_EQ(first.exit_code, 5) << first.out << first.err;
  EXPECT_EQ(EventBodies(TrialDir("x", "m-greedy"), "failed").size(), 3u) << "2 are replaced";
  EXPECT_THAT(first.out, HasSubstr("2 planned: 0 scored, 1 agent_failed, 0 task_failed, 1 "
                                   "infrastructure_exhausted; coverage 1/2 (50 %)"));
  EXPECT_THAT(first.out, HasSubstr("1 of 1 missing: 0 to 100 %"));
  EXPECT_THAT(first.out, HasSubstr("infrastructure_exhausted after 3 failures"));
  std::string told = ReadFile(dir() / "told").value_or("");
  EXPECT_THAT(told, HasSubstr("x trouble: tiny/m-greedy/s0 ended infrastructure_exhausted"));
  EXPECT_THAT(told, HasSubstr("x ended: 2 planned: 0 scored, 1 agent_failed"));
  broken = false;
  auto same = Podium(command, env);
  EXPECT_EQ(same.exit_code, 5) << "the same command leaves it";
  EXPECT_EQ(EventBodies(TrialDir("x", "m-greedy"), "attempt").size(), 3u);
  auto json = ParseJson(Podium({"status", "x", "--json"}).out, "status");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["outcomes"]["infrastructure_exhausted"], 1);
  EXPECT_EQ((*json)["trials"][0]["outcome"], "infrastructure_exhausted");
  auto refused = Podium({"retry", "x", "--only", "agent_failed"}, env);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("would choose among results"));
  auto retried = Podium({"retry", "x", "--why", "the server was mended"}, env);
  EXPECT_EQ(retried.exit_code, 0) << retried.out << retried.err;
  EXPECT_EQ(Verdict("x", "m-greedy")["outcome"], "scored");
  EXPECT_THAT(retried.out, HasSubstr("retried after infrastructure_exhausted: the server was"));
  EXPECT_THAT(retried.out, HasSubstr("coverage 2/2 (100 %)"));
  EXPECT_EQ(Podium({"verify", "x"}).exit_code, 0);
}

// A file system of its own, so that no other disk is ever full.
TEST_F(ControlVerbsTest, AFullDiskStopsTheRunAndUsesUpNoAttempt) {
  fs::path small = dir() / "small";
  fs::create_directories(small);
  ASSERT_EQ(::mount("none", small.c_str(), "tmpfs", 0, "size=24m,mode=755"), 0);
  std::map<std::string, std::string> env = {{"PODIUM_RUNS", small.string()},
                                            {"PODIUM_RETRIES_PAUSE", "10 ms"}};
  std::vector<std::string> command = {"run",     "--task", Task(),   "--agent", "nop",
                                      "--seeds", "50",     "--name", "f"};
  ASSERT_TRUE(WriteFileAtomic(small / "filler", std::string(24 << 20, 'x').substr(0, 23 << 20)));
  auto full = Podium(command, env);
  EXPECT_EQ(full.exit_code, 5) << full.out << full.err;
  EXPECT_THAT(full.out + full.err, HasSubstr("is full"));
  fs::remove(small / "filler");
  auto mended = Podium(command, env);
  EXPECT_EQ(mended.exit_code, 0) << mended.out << mended.err;
  EXPECT_THAT(mended.out, HasSubstr("50 planned: 0 scored, 50 agent_failed"));
  ::umount2(small.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace podium::tests
