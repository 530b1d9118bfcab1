// Cells of a run file's matrix, and what they are called.
#include "harness/plan/matrix.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/files.h"
#include "harness/plan/plan.h"
#include "harness/plan/plan_record.h"
#include "tests/support/tiny_task.h"

namespace podium::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class MatrixTest : public testing::Test {
 protected:
  void SetUp() override {
    tests::WriteTinyTask(temp_.path() / "tiny");
    ::setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1", 1);
  }
  void TearDown() override { ::unsetenv("OPENAI_BASE_URL"); }

  // Of a run file's lines behind its task.
  Result<RunPlan> Plan(const std::string& lines) {
    Settings settings;
    PODIUM_TRY(Read(lines, settings));
    return MakePlan(settings);
  }
  Status Read(const std::string& lines, Settings& settings) {
    std::string text = "tasks: " + (temp_.path() / "tiny/").string() + "\n" + lines;
    PODIUM_ASSIGN(auto root, ParseYaml(text, "run.yaml"));
    return settings.ApplyYaml(root, {});
  }
  static std::vector<std::string> Names(const Result<RunPlan>& plan) {
    std::vector<std::string> out;
    if (!plan) return {plan.error().message};
    for (const auto& agent : plan->agents) out.push_back(agent->id.str());
    return out;
  }
  std::string MessageOf(const std::string& lines) {
    auto plan = Plan(lines);
    return plan ? "no error" : plan.error().message;
  }

  TempDir temp_ = *TempDir::Make("podium-matrix");
};

TEST_F(MatrixTest, EveryCombinationIsACellWithItsSettings) {
  auto plan = Plan(
      "seeds: 2\nmatrix:\n  agents: [greedy, mcts]\n  search: {drafts: [2, 3]}\n"
      "  budget.nodes: [4]\n");
  EXPECT_THAT(Names(plan), ElementsAre("greedy.drafts=2.nodes=4", "greedy.drafts=3.nodes=4",
                                       "mcts.drafts=2.nodes=4", "mcts.drafts=3.nodes=4"));
  const AgentPlan& cell = *plan->agents[1];
  EXPECT_EQ(cell.scaffold->name, "greedy");
  EXPECT_EQ(cell.settings.Get("search.drafts").value, "3");
  EXPECT_EQ(cell.configured.nodes, 4);
  EXPECT_THAT(cell.cell, UnorderedElementsAre(Pair("agent", "greedy"), Pair("search.drafts", "3"),
                                              Pair("budget.nodes", "4")));
  EXPECT_EQ(plan->trials.size(), 8u);
}

TEST_F(MatrixTest, SomeAreLeftOutAndSomeAreAdded) {
  auto plan = Plan(
      "matrix:\n  agents: [greedy, mcts]\n  search.drafts: [2, 3]\n"
      "exclude:\n  - {agents: mcts, search: {drafts: 3}}\n  - search.drafts: 2\n    agents: "
      "greedy\n"
      "include:\n  - {agents: nop}\n  - {agents: greedy, budget.nodes: 1}\n");
  EXPECT_THAT(Names(plan),
              ElementsAre("greedy.drafts=3", "mcts.drafts=2", "nop", "greedy.nodes=1"));
}

TEST_F(MatrixTest, TheRunsOwnAgentsAreTheFirstAxis) {
  auto plan = Plan(
      "agents:\n  - id: greedy\n    search: {drafts: 4}\n  - nop\nmatrix: {budget.nodes: [1, 2]}\n"
      "exclude: [{agents: nop}]\n");
  EXPECT_THAT(Names(plan), ElementsAre("greedy.nodes=1", "greedy.nodes=2"));
  EXPECT_EQ(plan->agents[0]->settings.Get("search.drafts").value, "4");
}

TEST_F(MatrixTest, AValueOfManySignsIsAName) {
  auto plan = Plan("agents: greedy\nproposer: llm\nmatrix:\n  model: [Qwen/Qwen2.5-Coder, m]\n");
  EXPECT_THAT(Names(plan), ElementsAre("greedy.model=qwen-qwen2.5-coder", "greedy.model=m"));
  EXPECT_EQ(plan->agents[0]->settings.Get("model").value, "Qwen/Qwen2.5-Coder");
  EXPECT_THAT(plan->name, StartsWith("tiny-matrix-"));
}

TEST_F(MatrixTest, ThePrintedConfigurationIsTheSameRun) {
  auto plan =
      Plan("matrix:\n  agents: [greedy, nop]\n  search.drafts: [2, 3]\nexclude: [{agents: nop}]\n");
  ASSERT_TRUE(plan) << plan.error().message;
  std::string printed = PlanYaml(*plan, false);
  EXPECT_THAT(printed, HasSubstr("  - {id: greedy, as: greedy.drafts=2, search: {drafts: 2}}\n"));
  Settings settings;
  auto root = ParseYaml(printed, "printed.yaml");
  ASSERT_TRUE(root) << root.error().message;
  static constexpr std::string_view kSchema[] = {"schema"};
  ASSERT_TRUE(settings.ApplyYaml(*root, kSchema));
  auto again = MakePlan(settings);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(PlanYaml(*again, false), printed);
  EXPECT_EQ(again->name, plan->name);
  EXPECT_EQ(again->agents[0]->cell, plan->agents[0]->cell);
}

TEST_F(MatrixTest, ItIsTheSameAfterItsRecord) {
  auto plan = Plan("agents: greedy\nmatrix: {search.drafts: [2, 3]}\n");
  ASSERT_TRUE(plan) << plan.error().message;
  std::string text = records::ToText(ToRecord(*plan));
  auto record = records::ParseRunPlan(text, "plan.json");
  ASSERT_TRUE(record) << record.error().message;
  auto again = PlanFromRecord(*record);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->agents[1]->cell, plan->agents[1]->cell);
  EXPECT_EQ(records::ToText(ToRecord(*again)), text);
}

TEST_F(MatrixTest, AnAxisOfTheCommandLineIsOneMore) {
  Settings settings;
  ASSERT_TRUE(Read("agents: greedy\n", settings));
  ASSERT_TRUE(settings.Vary("search.drafts=2, 3", "--vary"));
  EXPECT_THAT(Names(MakePlan(settings)), ElementsAre("greedy.drafts=2", "greedy.drafts=3"));
  auto bad = settings.Vary("search.draft=2", "--vary");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("Did you mean 'search.drafts'"));
  EXPECT_FALSE(settings.Vary("nothing", "--vary"));
}

TEST_F(MatrixTest, WhatCannotBeVariedIsSaid) {
  EXPECT_THAT(MessageOf("agents: nop\nmatrix:\n  seeds: [1, 2]\n"),
              HasSubstr("run.yaml:4: 'seeds' is the whole run's"));
  EXPECT_THAT(MessageOf("agents: nop\nmatrix:\n  serch.drafts: [1]\n"),
              HasSubstr("run.yaml:4: unknown key 'serch.drafts'"));
  EXPECT_THAT(MessageOf("agents: greedy\nmatrix:\n  search.drafts: [2, 2]\n"),
              HasSubstr("has a value twice"));
  EXPECT_THAT(
      MessageOf("agents: greedy\nmatrix:\n  search.drafts: [2]\nexclude: [{search.drafts: 3}]"),
      HasSubstr("exclude names search.drafts: 3, which the matrix does not have"));
  EXPECT_THAT(
      MessageOf("agents: greedy\nmatrix:\n  search.drafts: [2]\nexclude: [{search.drafts: 2}]"),
      HasSubstr("no cell is left"));
  EXPECT_THAT(MessageOf("agents: greedy\nexclude: [{agents: greedy}]"),
              HasSubstr("run.yaml:3: 'exclude' without a 'matrix'"));
  EXPECT_THAT(MessageOf("agents: nop\nmatrix: {search.drafts: [2]}"),
              HasSubstr("cannot use 'search.drafts'"));
}

TEST_F(MatrixTest, AFlagForAllCellsIsRefusedWhereTheyDiffer) {
  Settings settings;
  ASSERT_TRUE(Read("agents: greedy\nmatrix: {search.drafts: [2, 3]}\n", settings));
  ASSERT_TRUE(settings.Set("search.drafts", "5", "--set search.drafts"));
  auto plan = MakePlan(settings);
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, HasSubstr("--set search.drafts: the cells differ by"));
}

}  // namespace
}  // namespace podium::harness
