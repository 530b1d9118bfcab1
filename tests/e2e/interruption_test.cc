#include <signal.h>
#include <sys/wait.h>

#include <random>
#include <thread>

#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"

namespace podium::tests {
namespace {

using std::chrono::milliseconds;

class InterruptionTest : public SandboxedProgram {
 protected:
  // Whether the process ended within the time; it is not reaped.
  static bool EndsWithin(pid_t pid, milliseconds limit) {
    for (auto until = std::chrono::steady_clock::now() + limit;
         std::chrono::steady_clock::now() < until;) {
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
          info.si_pid == pid)
        return true;
      std::this_thread::sleep_for(milliseconds(20));
    }
    return false;
  }
  // Waits until a file exists.
  static bool Appears(const fs::path& file, milliseconds limit = milliseconds(60'000)) {
    for (auto until = std::chrono::steady_clock::now() + limit;
         std::chrono::steady_clock::now() < until;) {
      if (fs::exists(file)) return true;
      std::this_thread::sleep_for(milliseconds(20));
    }
    return false;
  }
};

TEST_F(InterruptionTest, KilledFiveTimesAtRandomMomentsEveryTrialEndsWithOneVerdict) {
  std::string agent = ProgramAgent(
      "slow",
      "for i in 1 2 3; do sleep 1; cp /home/data/sample_submission.csv submission.csv; done");
  std::vector<std::string> command = {"run",     "--task",      Task("tiny"),
                                      "--task",  Task("tiny2"), "--agent",
                                      agent,     "--agent",     "portfolio-greedy",
                                      "--agent", "oracle",      "--seeds",
                                      "2",       "--nodes",     "3",
                                      "--jobs",  "2",           "--name",
                                      "k"};
  unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 5; ++i) {
    pid_t pid = Start(command, dir() / "log");
    EndsWithin(pid, milliseconds(std::uniform_int_distribution<int>(100, 6000)(random)));
    ::kill(pid, SIGKILL);
    Wait(pid);
  }
  auto last = Podium(command, {}, std::chrono::seconds(400));
  EXPECT_EQ(last.exit_code, 0) << last.out << last.err << *ReadFile(dir() / "log");
  for (const char* task : {"tiny", "tiny2"}) {
    for (const char* who : {"slow", "portfolio-greedy", "oracle"}) {
      for (int s = 0; s < 2; ++s) {
        fs::path trial = TrialDir("k", who, task, s);
        EXPECT_EQ(Verdict("k", who, task, s)["grade"]["verdict"], "scored") << trial;
        EXPECT_EQ(EventBodies(trial, "sealed").size(), 1u)
            << trial << ": an agent ran to its end twice";
        // None where it was killed between the verdict's file and this event, which says the same.
        EXPECT_LE(EventBodies(trial, "graded").size(), 1u) << trial;
        std::set<int> nodes;
        for (const Json& node : EventBodies(trial, "node"))
          EXPECT_TRUE(nodes.insert(node["id"].get<int>()).second) << trial << ": a node ran twice";
      }
    }
  }
}

TEST_F(InterruptionTest, KilledWorkersGoOnWithTheStepsThatWereInWork) {
  std::vector<std::string> command = {
      "run",     "--task", Task(),  "--agent",          "greedy", "--proposer", "portfolio",
      "--nodes", "6",      "--set", "search.workers=3", "--name", "kw"};
  fs::path trial = TrialDir("kw", "portfolio-greedy");
  pid_t pid = Start(command, dir() / "log");
  ASSERT_TRUE(Appears(trial / "snapshots" / "node_1.csv"));
  ::kill(pid, SIGKILL);
  Wait(pid);
  std::map<int, Json> first;
  for (const Json& begun : EventBodies(trial, "begun")) first[begun["step"].get<int>()] = begun;
  auto last = Podium(command, {}, std::chrono::seconds(400));
  EXPECT_EQ(last.exit_code, 0) << last.out << last.err << *ReadFile(dir() / "log");
  std::set<int> steps;
  for (const Json& node : EventBodies(trial, "node")) {
    int step = node.value("step", node["id"].get<int>());
    EXPECT_TRUE(steps.insert(step).second) << "step " << step << " ended twice";
    if (!first.contains(step)) continue;
    EXPECT_EQ(node["op"], first[step]["op"]) << "step " << step;
    EXPECT_EQ(node["parents"], first[step]["parents"]) << "step " << step;
  }
  EXPECT_EQ(steps, (std::set<int>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(Verdict("kw", "portfolio-greedy")["grade"]["verdict"], "scored");
  EXPECT_TRUE(Traces(trial).empty());
}

// The job goes with the process that was killed, and is begun again by the same answers.
TEST_F(InterruptionTest, KilledInTheMiddleOfAJobTheTrialGoesOnWithoutAskingAgain) {
  ModelServer server([&](int, const ReceivedRequest& request) {
    Json json = *ParseJson(request.body, "request");
    std::size_t turn = (json["messages"].size() - 2) / 2;
    const char* job =
        R"({"command": "sleep 4; cp /home/data/sample_submission.csv /home/submission/submission.csv", "background": true})";
    if (turn == 0) return StreamedToolCall("bash", job);
    if (turn == 1) return StreamedToolCall("job_wait", R"({"job": 1, "timeout_s": 60})");
    return StreamedToolCall("submit", "{}");
  });
  std::vector<std::string> command = {"run",     "--task", Task(),   "--agent", "react",
                                      "--model", "m",      "--name", "kj"};
  std::map<std::string, std::string> env = {{"OPENAI_BASE_URL", server.base_url()},
                                            {"OPENAI_API_KEY", "sk-1"}};
  fs::path trial = TrialDir("kj", "m-react");
  pid_t pid = Start(command, dir() / "log", env);
  for (int i = 0; i < 6000 && server.requests().size() < 2; ++i)
    std::this_thread::sleep_for(milliseconds(10));
  ASSERT_EQ(EventBodies(trial, "job_started").size(), 1u) << *ReadFile(dir() / "log");
  EXPECT_TRUE(EventBodies(trial, "job_ended").empty());
  ::kill(pid, SIGKILL);
  Wait(pid);
  std::size_t asked = server.requests().size();
  auto last = Podium(command, env, std::chrono::seconds(400));
  EXPECT_EQ(last.exit_code, 0) << last.out << last.err;
  EXPECT_EQ(Verdict("kj", "m-react")["grade"]["verdict"], "scored");
  auto ended = EventBodies(trial, "job_ended");
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0]["end"], "exited");
  EXPECT_LE(server.requests().size(), asked + 2) << "what was answered is not asked again";
  EXPECT_TRUE(Traces(trial).empty());
  auto again = Podium({"replay", "kj"}, {});
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
}

TEST_F(InterruptionTest, ControlCOnceDrainsAndTheSameCommandGoesOn) {
  std::vector<std::string> command = {"run",     "--task", Task(),   "--agent", "portfolio-greedy",
                                      "--seeds", "3",      "--jobs", "1",       "--nodes",
                                      "3",       "--name", "c"};
  pid_t pid = Start(command, dir() / "log");
  ASSERT_TRUE(Appears(TrialDir("c", "portfolio-greedy") / "snapshots" / "node_0.csv"));
  ::kill(pid, SIGINT);
  ASSERT_TRUE(EndsWithin(pid, milliseconds(60'000)));
  EXPECT_EQ(Wait(pid), 6) << *ReadFile(dir() / "log");
  EXPECT_FALSE(fs::exists(TrialDir("c", "portfolio-greedy", "tiny", 2) / "verdict.json"));
  auto r = Podium(command);
  EXPECT_EQ(r.exit_code, 0) << r.err;
  for (int s = 0; s < 3; ++s)
    EXPECT_EQ(Verdict("c", "portfolio-greedy", "tiny", s)["grade"]["verdict"], "scored");
}

TEST_F(InterruptionTest, ALostTerminalDrainsAsControlC) {
  std::vector<std::string> command = {"run",     "--task", Task(),   "--agent", "portfolio-greedy",
                                      "--seeds", "3",      "--jobs", "1",       "--nodes",
                                      "3",       "--name", "h"};
  pid_t pid = Start(command, dir() / "log");
  ASSERT_TRUE(Appears(TrialDir("h", "portfolio-greedy") / "snapshots" / "node_0.csv"));
  ::kill(pid, SIGHUP);
  ASSERT_TRUE(EndsWithin(pid, milliseconds(60'000)));
  EXPECT_EQ(Wait(pid), 6) << *ReadFile(dir() / "log");
  EXPECT_FALSE(fs::exists(TrialDir("h", "portfolio-greedy", "tiny", 2) / "verdict.json"));
  auto r = Podium(command);
  EXPECT_EQ(r.exit_code, 0) << r.err;
  for (int s = 0; s < 3; ++s)
    EXPECT_EQ(Verdict("h", "portfolio-greedy", "tiny", s)["grade"]["verdict"], "scored");
}

TEST_F(InterruptionTest, ControlCTwiceStopsAProgramThatWouldGoOn) {
  std::string agent = ProgramAgent("long", "touch /home/logs/up; sleep 1000");
  pid_t pid = Start({"run", "--task", Task(), "--agent", agent, "--name", "d"}, dir() / "log");
  ASSERT_TRUE(Appears(TrialDir("d", "long") / "journal.jsonl"));
  for (int i = 0; i < 1000 && Traces(TrialDir("d", "long")).empty(); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_FALSE(Traces(TrialDir("d", "long")).empty()) << "a living sandbox is seen";
  ::kill(pid, SIGINT);
  EXPECT_FALSE(EndsWithin(pid, milliseconds(1500)));
  ::kill(pid, SIGINT);
  ASSERT_TRUE(EndsWithin(pid, milliseconds(30'000)));
  EXPECT_EQ(Wait(pid), 6) << *ReadFile(dir() / "log");
}

TEST_F(InterruptionTest, TwoAtOnceShareTheWork) {
  std::string agent =
      ProgramAgent("slow", "sleep 2; cp /home/data/sample_submission.csv submission.csv");
  std::vector<std::string> command = {"run", "--task", Task(), "--agent", agent, "--seeds",
                                      "4",   "--jobs", "1",    "--name",  "two"};
  pid_t one = Start(command, dir() / "log1");
  ASSERT_TRUE(Appears(TrialDir("two", "slow") / "journal.jsonl"));
  pid_t two = Start(command, dir() / "log2");
  int code_one = Wait(one), code_two = Wait(two);
  EXPECT_TRUE(code_one == 0 || code_one == 6) << *ReadFile(dir() / "log1");
  EXPECT_TRUE(code_two == 0 || code_two == 6) << *ReadFile(dir() / "log2");
  ASSERT_EQ(Podium(command).exit_code, 0);
  for (int s = 0; s < 4; ++s)
    EXPECT_EQ(EventBodies(TrialDir("two", "slow", "tiny", s), "sealed").size(), 1u);
}

}  // namespace
}  // namespace podium::tests
