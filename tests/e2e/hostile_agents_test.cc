// Submissions that are not files to be graded, and agents that pass their limits.
#include <algorithm>

#include "base/text.h"
#include "tests/e2e/podium_program.h"

namespace podium::tests {
namespace {

class HostileAgentTest : public SandboxedProgram {
 protected:
  // Runs all agents on the tiny task in one run called "h".
  void RunAll(const std::vector<std::pair<std::string, std::string>>& agents,
              std::vector<std::string> more) {
    std::vector<std::string> yamls;
    for (const auto& [id, script] : agents) yamls.push_back(ProgramAgent(id, script));
    std::vector<std::string> args = {"run", "--task", Task(), "--name", "h"};
    for (const auto& y : yamls) args.insert(args.end(), {"--agent", y});
    args.insert(args.end(), more.begin(), more.end());
    auto r = Podium(args, {}, std::chrono::seconds(500));
    EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
  }
};

TEST_F(HostileAgentTest, EveryBadSubmissionHasItsReason) {
  Task();
  // Where the answers of this very task will lie on the host.
  ASSERT_EQ(Podium({"tasks", "prepare", Task()}).exit_code, 0);
  fs::path answers;
  for (const auto& e : fs::recursive_directory_iterator(dir() / "cache" / "tasks")) {
    if (e.path().filename() == "answers.csv") answers = e.path();
  }
  ASSERT_FALSE(answers.empty());
  const std::string sample = "/home/data/sample_submission.csv";
  RunAll(
      {{"missing", "true"},
       {"link", "ln -s " + answers.string() + " submission.csv"},
       {"link-inside", "ln -s " + sample + " submission.csv"},
       {"hard-link", "cp " + sample + " /home/submission/x; ln /home/submission/x submission.csv"},
       {"fifo", "mkfifo submission.csv"},
       {"folder", "mkdir submission.csv"},
       {"empty", ": > submission.csv"},
       {"columns", "sed 's/id,y/id,label/' " + sample + " > submission.csv"},
       {"nan", "sed 's/^250,0/250,nan/' " + sample + " > submission.csv"},
       {"twice", "sed 's/^250,0/249,0/' " + sample + " > submission.csv"},
       {"short", "head -n 50 " + sample + " > submission.csv"},
       {"one-line", "head -c 1G /dev/zero | tr '\\0' x > submission.csv"}},
      {"--set", "limits.disk=2 GiB", "--wall", "120 s"});
  const std::tuple<const char*, const char*, const char*> expected[] = {
      {"missing", "no_submission", "missing"}, {"link", "invalid", "symlink"},
      {"link-inside", "invalid", "symlink"},   {"hard-link", "invalid", "hard_link"},
      {"fifo", "invalid", "not_regular"},      {"folder", "invalid", "not_regular"},
      {"empty", "invalid", "empty"},           {"columns", "invalid", "wrong_columns"},
      {"nan", "invalid", "not_finite"},        {"twice", "invalid", "duplicate_id"},
      {"short", "invalid", "missing_ids"},     {"one-line", "invalid", "wrong_columns"}};
  for (auto [agent, verdict, reason] : expected) {
    Json grade = Verdict("h", agent)["grade"];
    EXPECT_EQ(grade["verdict"], verdict) << agent << grade;
    EXPECT_EQ(grade["reason"], reason) << agent << grade;
    EXPECT_TRUE(grade["score"].is_null()) << agent;
  }
}

TEST_F(HostileAgentTest, PassingALimitIsNamedAndTheLastValidSubmissionIsGraded) {
  Task();
  const std::string good = "cp /home/data/sample_submission.csv submission.csv; sleep 3\n";
  RunAll({{"sleeper", good + "sleep 1000"},
          {"forker", good + "f() { f | f & }; f; sleep 1000"},
          {"eater", good + "python3 -c 'x = []\nwhile True: x.append(bytearray(1 << 24))'"},
          {"filler", good + "dd if=/dev/zero of=/home/code/big bs=1M"},
          {"spoiler", good + "echo broken > submission.csv"}},
         {"--wall", "25 s"});
  const std::pair<const char*, const char*> expected[] = {{"sleeper", "time_limit"},
                                                          {"forker", "pid_limit"},
                                                          {"eater", "memory_limit"},
                                                          {"filler", "disk_limit"},
                                                          {"spoiler", "finished"}};
  for (auto [agent, end] : expected) {
    Json verdict = Verdict("h", agent);
    EXPECT_EQ(verdict["agent"]["end"], end) << agent << verdict["agent"];
    EXPECT_EQ(verdict["grade"]["verdict"], "scored") << agent << verdict["grade"];
  }
}

// Cases G01 to G09 and G13 of the escape suite: start-up files of Python and shells, programs that
// shadow others, preloaded libraries, edited metrics, forged results and events, a daemon.
TEST_F(HostileAgentTest, WhatAnAgentPlantsNeverReachesTheGrader) {
  Task();
  const std::string plant = R"(
cp /home/data/sample_submission.csv submission.csv
mark='open("/home/logs/canary-ran", "a").write("x")'
mkdir -p /home/agent/.local/lib/python3.11/site-packages /home/agent/bin
for f in sitecustomize.py usercustomize.py conftest.py evaluate.py metric.py; do echo "$mark" > /home/agent/$f; cp /home/agent/$f /home/submission/; cp /home/agent/$f /home/agent/.local/lib/python3.11/site-packages/; done
echo "import os; $mark" > /home/agent/.local/lib/python3.11/site-packages/x.pth
for f in .bashrc .profile .bash_profile; do echo 'touch /home/logs/canary-ran' > /home/agent/$f; done
for f in python python3 curl tar podium-grade sh; do printf '#!/bin/sh\ntouch /home/logs/canary-ran\n' > /home/agent/bin/$f; chmod +x /home/agent/bin/$f; done
echo /home/agent/lib.so > /etc/ld.so.preload 2>/dev/null
for f in reward.txt score.json verdict.json grading_report.json answers.csv; do echo '{"score": 1, "medal": "gold", "verdict": "scored"}' > /home/submission/$f; cp /home/submission/$f /home/logs/; done
echo '{"type": "graded", "score": 1, "medal": "gold"}'
echo '{"seq": 99, "type": "trial_sealed", "submission": "x"}'
(setsid sh -c 'while :; do sleep 0.2; echo late >> /home/submission/submission.csv; done' >/dev/null 2>&1 &)
exit 0
)";
  RunAll({{"planter", plant}}, {"--agent", "sample-submission", "--wall", "60 s"});
  Json planted = Verdict("h", "planter"), plain = Verdict("h", "sample-submission");
  EXPECT_EQ(planted["grade"]["verdict"], "scored") << planted["grade"];
  EXPECT_EQ(planted["grade"]["score"], plain["grade"]["score"]);
  EXPECT_EQ(*ReadFile(TrialDir("h", "planter") / "submission" / "submission.csv"),
            *ReadFile(TrialDir("h", "sample-submission") / "submission" / "submission.csv"))
      << "what the daemon wrote after the program's end is not taken";
  fs::path logs = TrialDir("h", "planter") / "logs";
  EXPECT_TRUE(fs::exists(logs / "reward.txt"))
      << "the logs were not taken, so no canary can be seen";
  EXPECT_FALSE(fs::exists(logs / "canary-ran"));
  auto events = Events(TrialDir("h", "planter"));
  EXPECT_EQ(std::ranges::count(events, "graded"), 1) << "printed lines are no events";
  EXPECT_EQ(std::ranges::count(events, "trial_sealed"), 0);
}

}  // namespace
}  // namespace podium::tests
