#include <sys/stat.h>

#include <fstream>

#include "base/text.h"
#include "tests/e2e/podium_program.h"

namespace podium::tests {
namespace {

class RunTest : public SandboxedProgram {};

TEST_F(RunTest, OracleNopAndSampleProveATask) {
  auto r = Podium({"run", "--task", Task(), "--agent", "oracle,nop,sample-submission", "--name",
                   "proof", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  auto summary = ParseJson(r.out, "summary");
  ASSERT_TRUE(summary) << r.out;
  EXPECT_EQ((*summary)["schema"], "podium-summary/1");
  Json oracle = Verdict("proof", "oracle")["grade"];
  EXPECT_EQ(oracle["verdict"], "scored");
  EXPECT_EQ(oracle["score"], 1.0);
  EXPECT_EQ(oracle["medal"], "gold");
  Json nop = Verdict("proof", "nop")["grade"];
  EXPECT_EQ(nop["verdict"], "no_submission");
  EXPECT_EQ(nop["medal"], "none");
  Json sample = Verdict("proof", "sample-submission")["grade"];
  EXPECT_EQ(sample["verdict"], "scored");
  EXPECT_LT(sample["score"], 0.6);
  EXPECT_FALSE(Verdict("proof", "sample-submission")["isolation"]["enforced"].empty());
}

TEST_F(RunTest, SingleShotTwiceGivesTheSameBytes) {
  for (const char* name : {"one", "two"}) {
    auto r = Podium({"run", "--task", Task(), "--agent", "single-shot", "--proposer", "portfolio",
                     "--name", name});
    ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  }
  fs::path one = TrialDir("one", "portfolio-single-shot"),
           two = TrialDir("two", "portfolio-single-shot");
  EXPECT_EQ(*ReadFile(one / "submission" / "submission.csv"),
            *ReadFile(two / "submission" / "submission.csv"));
  Json first = Verdict("one", "portfolio-single-shot"),
       second = Verdict("two", "portfolio-single-shot");
  EXPECT_GT(first["resources"]["cpu_ms"], 0);
  for (Json* verdict : {&first, &second}) verdict->erase("resources");  // what it met of its host
  EXPECT_EQ(first, second);
  EXPECT_EQ(first["grade"]["verdict"], "scored");
}

TEST_F(RunTest, ThreeWorkersShareATrialAndTheBestIsHandedInWhoeverMadeIt) {
  auto r = Podium({"run", "--task", Task(), "--agent", "greedy", "--proposer", "portfolio",
                   "--nodes", "6", "--set", "search.workers=3", "--name", "w"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  fs::path trial = TrialDir("w", "portfolio-greedy");
  auto begun = EventBodies(trial, "begun"), nodes = EventBodies(trial, "node");
  std::set<int> workers, steps;
  for (const Json& b : begun) workers.insert(b["worker"].get<int>());
  EXPECT_EQ(workers, (std::set<int>{0, 1, 2}));
  ASSERT_EQ(nodes.size(), 6u);
  const Json* best = nullptr;
  for (const Json& node : nodes) {
    EXPECT_TRUE(steps.insert(node.value("step", node["id"].get<int>())).second);
    EXPECT_EQ(node["fault"], "") << node["detail"] << node["output"];
    if (!best || node["score"] > (*best)["score"]) best = &node;
  }
  Json verdict = Verdict("w", "portfolio-greedy");
  EXPECT_EQ(verdict["grade"]["submission_sha256"], (*best)["submission"]);
  EXPECT_TRUE(Traces(trial).empty());
}

TEST_F(RunTest, AnEnsembleOfThePortfoliosProgramsIsARealProgram) {
  auto r = Podium({"run", "--task", Task(), "--agent", "greedy", "--proposer", "portfolio",
                   "--nodes", "4", "--set", "search.selection=ensemble", "--name", "e"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  auto nodes = EventBodies(TrialDir("e", "portfolio-greedy"), "node");
  ASSERT_EQ(nodes.size(), 5u) << "one more than the budget";
  EXPECT_EQ(nodes[4]["op"], "ensemble");
  EXPECT_EQ(nodes[4]["fault"], "") << nodes[4]["detail"] << nodes[4]["output"];
  EXPECT_GE(nodes[4]["parents"].size(), 2u);
  double best = 0;
  for (int i = 0; i < 4; ++i)
    best = std::max(best, nodes[static_cast<std::size_t>(i)].value("score", 0.0));
  bool stands = nodes[4]["score"].get<double>() >= best;
  Json verdict = Verdict("e", "portfolio-greedy");
  EXPECT_EQ(verdict["grade"]["submission_sha256"] == nodes[4]["submission"], stands);
}

TEST_F(RunTest, WhatEachWorkerHasOfATrialIsSaidBefore) {
  std::vector<std::string> command = {
      "run",   "--task",           Task(),  "--agent",       "greedy",   "--proposer", "portfolio",
      "--set", "search.workers=2", "--set", "limits.cpus=2", "--dry-run"};
  auto shared = Podium(command);
  EXPECT_NE(shared.out.find("Each of the 2 workers of portfolio-greedy on tiny has 1 cores"),
            std::string::npos)
      << shared.out << shared.err;
  command.insert(command.end(), {"--set", "search.worker_limits=each"});
  auto each = Podium(command);
  EXPECT_NE(each.out.find("has 2 cores"), std::string::npos) << each.out << each.err;
  EXPECT_NE(each.out.find("(search.worker_limits: each)"), std::string::npos) << each.out;
}

TEST_F(RunTest, TheSameCommandAgainRepeatsNothing) {
  std::vector<std::string> command = {"run",    "--task",     Task(),      "--agent",
                                      "greedy", "--proposer", "portfolio", "--nodes",
                                      "2",      "--name",     "again"};
  ASSERT_EQ(Podium(command).exit_code, 0);
  fs::path trial = TrialDir("again", "portfolio-greedy");
  std::string journal = *ReadFile(trial / "journal.jsonl");
  auto r = Podium(command);
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_EQ(*ReadFile(trial / "journal.jsonl"), journal);
  EXPECT_NE(r.out.find("portfolio-greedy"), std::string::npos)
      << "the finished result is shown again";
  auto other = Podium({"run", "--task", Task(), "--agent", "greedy", "--proposer", "portfolio",
                       "--nodes", "3", "--name", "again"});
  EXPECT_EQ(other.exit_code, 2) << "another configuration must not be mixed into the same run";
  EXPECT_NE(other.err.find("another configuration"), std::string::npos) << other.err;
}

TEST_F(RunTest, ARunGrowsByAgentsWithBudgetsOfTheirOwnAndRepeatsNothing) {
  fs::path file = dir() / "grow.yaml";
  auto write = [&](const std::string& agents) {
    std::ofstream(file) << "schema: podium-run/1\nname: grow\ntasks: [" << Task()
                        << "]\nagents:\n  - sample-submission\n" + agents +
                               "budget: {wall: 60 s, nodes: 1}\n";
  };
  write("");
  auto first = Podium({"run", file.string()});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  fs::path sample = TrialDir("grow", "sample-submission");
  std::string journal = *ReadFile(sample / "journal.jsonl");
  write("  - id: portfolio-greedy\n    budget: {wall: 2 min, nodes: 2}\n");
  auto both = Podium({"run", file.string()});
  ASSERT_EQ(both.exit_code, 0) << both.err;
  EXPECT_EQ(*ReadFile(sample / "journal.jsonl"), journal);
  EXPECT_NE(both.out.find("portfolio-greedy"), std::string::npos);
  EXPECT_EQ(Verdict("grow", "portfolio-greedy")["grade"]["verdict"], "scored");
  auto text = Podium({"run", file.string(), "--print-config"}).out;
  EXPECT_NE(text.find("{id: portfolio-greedy, budget: {nodes: 2, wall: 2 min}}"), std::string::npos)
      << text;
  write("");
  auto again = Podium({"run", file.string(), "--json"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_NE(again.out.find("portfolio-greedy"), std::string::npos)
      << "what the run has is shown, whoever asks";
}

TEST_F(RunTest, TheReportIsOneFileWithTableBoardTreeAndCurve) {
  ASSERT_EQ(Podium({"run", "--task", Task(), "--agent", "greedy", "--proposer", "portfolio",
                    "--nodes", "3", "--name", "page"})
                .exit_code,
            0);
  auto r = Podium({"report", "page"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  std::string html = *ReadFile(runs() / "page" / "report.html");
  for (const char* part : {"<svg", "Search tree", "Score over time", "portfolio-greedy", "gold",
                           "median", "verdict.json"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
  for (const char* outside : {"src=\"http", "href=\"http", "@import", "url("})
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  auto report =
      ParseJson(*ReadFile(runs() / "page" / "grading_report.json"), "grading_report.json");
  ASSERT_TRUE(report);
  EXPECT_EQ((*report)["total_runs"], 1);
  EXPECT_EQ((*report)["total_valid_submissions"], 1);
  EXPECT_EQ((*report)["competition_reports"][0]["competition_id"], "tiny");
}

TEST_F(RunTest, TheIndexIsMadeAnewFromTheFiles) {
  ASSERT_EQ(Podium({"run", "--task", Task(), "--agent", "nop", "--name", "index"}).exit_code, 0);
  fs::remove(runs() / "index" / "podium.db");
  auto r = Podium({"reindex", "index"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_TRUE(fs::exists(runs() / "index" / "podium.db"));
  auto status = Podium({"status", "index", "--json"});
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_TRUE(ParseJson(status.out, "status"));
}

TEST_F(RunTest, TheAnswersAreNowhereInTheContainer) {
  Task();
  std::string agent = ProgramAgent("seeker", R"(
find / -xdev \( -name 'answers.csv' -o -name 'perfect_submission.csv' -o -name 'leaderboard.csv' \) 2>/dev/null > found.txt
grep -rl --exclude=start.sh 'podium-task/1' /home /tmp /mnt 2>/dev/null >> found.txt
cat /proc/self/mountinfo | grep -c private >> found.txt
ls /home/data >> /home/logs/data.txt
cp found.txt submission.csv)");
  ASSERT_EQ(Podium({"run", "--task", Task(), "--agent", agent, "--name", "seek"}).exit_code, 0);
  EXPECT_EQ(Trim(*ReadFile(TrialDir("seek", "seeker") / "submission" / "submission.csv")), "0");
}

TEST_F(RunTest, GradeSaysWhatTheRunSaid) {
  ASSERT_EQ(Podium({"run", "--task", Task(), "--agent", "oracle", "--name", "g"}).exit_code, 0);
  fs::path file = TrialDir("g", "oracle") / "submission" / "submission.csv";
  auto r = Podium({"grade", file.string(), Task(), "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(*ParseJson(r.out, "record"), Verdict("g", "oracle")["grade"]);
}

}  // namespace
}  // namespace podium::tests
