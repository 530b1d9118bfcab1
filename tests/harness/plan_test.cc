// A plan is written whole and made again from its record alone.
#include "harness/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "harness/plan/plan_record.h"
#include "tests/support/tiny_task.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PlanRecordTest : public testing::Test {
 protected:
  void SetUp() override {
    tests::WriteTinyTask(temp_.path() / "tiny");
    fs::create_directories(temp_.path() / "agent");
    ASSERT_TRUE(WriteFileAtomic(temp_.path() / "agent/start.sh", "#!/bin/bash\n"));
  }
  Settings Base(const std::string& agents) {
    Settings settings;
    EXPECT_TRUE(settings.Set("tasks", (temp_.path() / "tiny/").string(), "--task"));
    EXPECT_TRUE(settings.Set("agents", agents, "--agent"));
    return settings;
  }
  static std::string MessageOf(const Result<RunPlan>& plan) {
    return plan ? "no error" : plan.error().message;
  }
  TempDir temp_ = *TempDir::Make("podium-plan");
};

TEST_F(PlanRecordTest, IsTheSameAfterItsRecord) {
  Settings settings = Base("greedy,nop,program");
  ASSERT_TRUE(settings.Set("seeds", "2", "--seeds"));
  ASSERT_TRUE(settings.Set("search.drafts", "5", "run.yaml:3", Layer::kRunFile));
  ASSERT_TRUE(settings.Set("program.folder", (temp_.path() / "agent").string(), "--set"));
  auto plan = MakePlan(settings);
  ASSERT_TRUE(plan) << plan.error().message;
  std::string text = records::ToText(ToRecord(*plan));
  auto record = records::ParseRunPlan(text, "plan.json");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(records::ToText(*record), text);
  auto again = PlanFromRecord(*record);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(records::ToText(ToRecord(*again)), text);
  ASSERT_EQ(again->trials.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(again->trials[i].id, plan->trials[i].id);
    EXPECT_EQ(again->trials[i].wall, plan->trials[i].wall);
    EXPECT_EQ(again->trials[i].limits.inodes, plan->trials[i].limits.inodes);
  }
  EXPECT_EQ(again->agents[0]->configured.nodes, plan->agents[0]->configured.nodes);
  const Setting& drafts = again->agents[0]->settings.Get("search.drafts");
  EXPECT_EQ(drafts.value, "5");
  EXPECT_EQ(drafts.origin, "run.yaml:3");
  EXPECT_EQ(drafts.layer, Layer::kRunFile);
}

TEST_F(PlanRecordTest, WhatHasChangedSinceIsRefused) {
  Settings settings = Base("program");
  ASSERT_TRUE(settings.Set("program.folder", (temp_.path() / "agent").string(), "--set"));
  auto plan = MakePlan(settings);
  ASSERT_TRUE(plan) << plan.error().message;
  records::RunPlan record = ToRecord(*plan);
  ASSERT_TRUE(WriteFileAtomic(temp_.path() / "agent/more.py", "x = 1\n"));
  EXPECT_THAT(MessageOf(PlanFromRecord(record)),
              HasSubstr("files of agent 'program' have changed"));
  fs::remove(temp_.path() / "agent/more.py");
  EXPECT_TRUE(PlanFromRecord(record));
  ASSERT_TRUE(WriteFileAtomic(temp_.path() / "tiny/description.md", "another\n"));
  EXPECT_THAT(MessageOf(PlanFromRecord(record)), HasSubstr("not the one of the run's plan"));
}

TEST_F(PlanRecordTest, ARecordThatDoesNotHoldTogetherIsRefused) {
  auto plan = MakePlan(Base("nop"));
  ASSERT_TRUE(plan);
  const records::RunPlan sound = ToRecord(*plan);
  records::RunPlan record = sound;
  record.cells.clear();
  EXPECT_FALSE(PlanFromRecord(record));
  record = sound;
  record.agents[0].scaffold = "conjurer";
  EXPECT_THAT(MessageOf(PlanFromRecord(record)), HasSubstr("this Podium does not have"));
  record = sound;
  record.settings["seeds"] = {"1", "somewhere", "x"};
  EXPECT_FALSE(PlanFromRecord(record));
  record = sound;
  record.trials.clear();
  EXPECT_FALSE(PlanFromRecord(record));
  std::string newer = records::ToText(sound);
  newer.replace(newer.find("podium-plan/1"), 13, "podium-plan/2");
  auto parsed = records::ParseRunPlan(newer, "plan.json");
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("written by a newer Podium"));
}

TEST_F(PlanRecordTest, AGrownPlanHoldsBoth) {
  auto first = MakePlan(Base("nop"));
  Settings more = Base("oracle");
  ASSERT_TRUE(more.Set("seeds", "2", "--seeds"));
  auto second = MakePlan(more);
  ASSERT_TRUE(first && second);
  auto both = records::Grown(ToRecord(*first), ToRecord(*second));
  EXPECT_EQ(both.tasks.size(), 1u);
  EXPECT_EQ(both.agents.size(), 2u);
  EXPECT_EQ(both.cells.size(), 2u);
  ASSERT_EQ(both.trials.size(), 3u);
  EXPECT_EQ(both.trials[0].agent, "nop");
  auto again = records::Grown(both, ToRecord(*second));
  EXPECT_EQ(records::ToText(again), records::ToText(both));
}

// A setting that nobody would look at is an error that says what there is.
TEST_F(PlanRecordTest, AnOptionThatTheScaffoldDoesNotHaveIsRefused) {
  Settings settings = Base("nop");
  ASSERT_TRUE(settings.Set("search.drafts", "5", "--set search.drafts"));
  EXPECT_THAT(MessageOf(MakePlan(settings)),
              HasSubstr("--set search.drafts: agent 'nop' cannot use 'search.drafts'"));
  ASSERT_TRUE(settings.Set("agents", "nop,greedy", "--agent"));
  EXPECT_TRUE(MakePlan(settings)) << "one of the run's agents has it";
  settings = Base("greedy");
  ASSERT_TRUE(settings.Set("program.snapshot_every", "5 s", "run.yaml:4", Layer::kRunFile));
  EXPECT_THAT(MessageOf(MakePlan(settings)), HasSubstr("scaffold 'greedy'"));
  settings = Base("nop");
  ASSERT_TRUE(
      settings.Set("search.drafts", "5", "environment PODIUM_SEARCH_DRAFTS", Layer::kEnvironment));
  EXPECT_TRUE(MakePlan(settings)) << "the environment is for other runs too";
}

TEST_F(PlanRecordTest, AnAgentsOwnFileMayNotNameWhatItsScaffoldLacks) {
  fs::path file = temp_.path() / "mine.yaml";
  ASSERT_TRUE(WriteFileAtomic(file,
                              "schema: podium-agent/1\nid: mine\nscaffold: single-shot\n"
                              "search: {debug_prob: 0.5}\n"));
  auto plan = MakePlan(Base(file.string() + ",greedy"));
  EXPECT_THAT(MessageOf(plan), HasSubstr("mine.yaml:4: agent 'mine' cannot use"));
}

class SearchPlanTest : public PlanRecordTest {
 protected:
  SearchPlanTest() { setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1", 1); }
  ~SearchPlanTest() override { unsetenv("OPENAI_BASE_URL"); }
  // Of `agent`'s plan with these settings, as a run's file gives them.
  Result<RunPlan> Plan(const std::string& agent,
                       const std::vector<std::pair<std::string, std::string>>& given) {
    Settings settings = Base(agent);
    for (const auto& [name, value] : given)
      EXPECT_TRUE(settings.Set(name, value, "run.yaml:3", Layer::kRunFile));
    return MakePlan(settings);
  }
  std::vector<std::pair<std::string, std::string>> Asking(const std::string& prompts) {
    return {{"proposer", "llm"}, {"model", "some-model"}, {"search.operators", prompts}};
  }
};

TEST_F(SearchPlanTest, APresetGivesWhatIsNotGiven) {
  auto plan = Plan("greedy", {{"search.preset", "aide-mlebench"}, {"budget.wall", "24 h"}});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->agents[0]->configured.nodes, 500);
  EXPECT_EQ(plan->trials[0].exec, std::chrono::hours(9));
  plan = Plan("greedy", {{"search.preset", "aide-upstream"}, {"budget.wall", "30 min"}});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->agents[0]->configured.nodes, 20);
  EXPECT_EQ(plan->trials[0].exec, std::chrono::minutes(30)) << "never more than the trial has";
  plan = Plan("mcts", {{"search.preset", "ml-master"}, {"budget.nodes", "7"}});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->agents[0]->configured.nodes, 7);
  plan = Plan("greedy", {});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->agents[0]->configured.nodes, 8);
  plan = Plan("single-shot", {{"search.best_of", "4"}});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->agents[0]->configured.nodes, 4);
}

TEST_F(SearchPlanTest, WhatAScaffoldDoesNotHaveIsAnError) {
  EXPECT_THAT(MessageOf(Plan("mcts", {{"search.preset", "aide-mlebench"}})),
              HasSubstr("run.yaml:3: 'search.preset' is one of aira, ml-master"));
  EXPECT_THAT(MessageOf(Plan("chain", {{"search.drafts", "3"}})),
              HasSubstr("agent 'portfolio-chain' cannot use 'search.drafts'"));
  EXPECT_THAT(MessageOf(Plan("greedy", {{"search.memory", "none"}})),
              HasSubstr("cannot use 'search.memory'"))
      << "the portfolio reads no prompt";
  EXPECT_EQ(MessageOf(Plan("greedy", {{"search.memory", "simple"}})), "no error")
      << "what holds anyway may be said, as --print-config says it";
  auto asking = Asking("aide");
  asking.emplace_back("search.memory", "siblings");
  EXPECT_THAT(MessageOf(Plan("greedy", asking)), HasSubstr("Did you mean 'sibling'?"));
}

TEST_F(SearchPlanTest, PartsOfTheWorkHaveModelsOfTheirOwn) {
  auto asking = Asking("aide");
  asking.emplace_back("llm.models.review", "small-model");
  asking.emplace_back("llm.reasoning_effort", "low");
  auto plan = Plan("greedy", asking);
  ASSERT_TRUE(plan) << plan.error().message;
  const AgentPlan& agent = *plan->agents[0];
  ASSERT_EQ(agent.roles.size(), 1u);
  EXPECT_EQ(agent.roles.at("review").model, "small-model");
  EXPECT_EQ(agent.roles.at("review").reasoning_effort, "low");
  EXPECT_EQ(agent.model.model, "some-model");
  EXPECT_EQ(agent.model.reasoning_effort, "low");
  EXPECT_EQ(ToRecord(*plan).agents[0].settings["llm.models.review"].value, "small-model");
  EXPECT_THAT(MessageOf(Plan("react", {{"model", "m"}, {"llm.models.review", "small-model"}})),
              HasSubstr("cannot use 'llm.models.review'"));
  asking.back().second = "hihg";
  EXPECT_THAT(MessageOf(Plan("greedy", asking)), HasSubstr("Did you mean 'high'?"));
}

TEST_F(SearchPlanTest, ABudgetOfMoneyNeedsThePriceOfEveryModel) {
  fs::path file = temp_.path() / "models.yaml";
  std::string text = "schema: podium-models/1\nmodels:\n";
  for (const char* name : {"priced", "free-of-price"}) {
    text += std::string("  - {id: ") + name +
            ", base_url: \"http://127.0.0.1:9/v1\", context_tokens: 1000, max_output_tokens: 100";
    if (name == std::string("priced"))
      text += ", price: {input: \"1\", output: \"1\", source: s, as_of: 2026-01}";
    text += "}\n";
  }
  ASSERT_TRUE(WriteFileAtomic(file, text));
  auto given = [&](const std::string& model, const std::string& review) {
    auto out = Asking("aide");
    out[1].second = model;
    out.emplace_back("gateway.catalogue", file.string());
    out.emplace_back("budget.usd", "0.50");
    if (!review.empty()) out.emplace_back("llm.models.review", review);
    return out;
  };
  EXPECT_EQ(MessageOf(Plan("greedy", given("priced", ""))), "no error");
  EXPECT_EQ(MessageOf(Plan("greedy", given("priced", "priced"))), "no error");
  auto price = HasSubstr("'budget.usd' needs price of model 'free-of-price'");
  EXPECT_THAT(MessageOf(Plan("greedy", given("free-of-price", ""))), price);
  EXPECT_THAT(MessageOf(Plan("greedy", given("priced", "free-of-price"))), price);
  EXPECT_THAT(MessageOf(Plan("greedy", given("priced", "unknown"))),
              HasSubstr("'budget.usd' needs to know what model 'unknown' costs"));
  std::vector<std::pair<std::string, std::string>> program = {
      {"program.folder", (temp_.path() / "agent").string()},
      {"gateway.models", "priced,free-of-price"},
      {"gateway.catalogue", file.string()},
      {"budget.usd", "0.50"}};
  EXPECT_THAT(MessageOf(Plan("program", program)), price);
}

TEST_F(SearchPlanTest, APromptVariantIsLockedAndCheckedBeforeARun) {
  auto asking = Asking("aide");
  auto own = Plan("greedy", asking);
  asking.emplace_back("search.prompt_variant", "reworded");
  auto plan = Plan("greedy", asking);
  ASSERT_TRUE(own && plan) << plan.error().message;
  records::RunPlan record = ToRecord(*plan);
  EXPECT_NE(record.agents[0].files, ToRecord(*own).agents[0].files);
  EXPECT_EQ(record.agents[0].settings["search.prompt_variant"].value, "reworded");
  EXPECT_TRUE(PlanFromRecord(record));
  asking.back().second = "rewarded";
  EXPECT_THAT(MessageOf(Plan("greedy", asking)),
              testing::AllOf(HasSubstr("run.yaml:3: 'search.prompt_variant': "),
                             HasSubstr("has no variant 'rewarded'. Did you mean 'reworded'? There "
                                       "are: default, reordered, reworded")));
  EXPECT_THAT(
      MessageOf(Plan("react", {{"model", "m"}, {"react.prompt_variant", "other"}})),
      HasSubstr("prompt.md has no variant 'other'. There are: default, reordered, reworded"));
  EXPECT_EQ(MessageOf(Plan("react", {{"model", "m"}, {"react.prompt_variant", "reordered"}})),
            "no error");
}

TEST_F(SearchPlanTest, InjectedFaultsMakeAVariantOfWhoAsksModels) {
  auto asking = Asking("aide");
  asking.emplace_back("llm.faults.rate", "0.1");
  asking.emplace_back("llm.faults.kinds", "429,empty");
  auto plan = Plan("greedy", asking);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_THAT(plan->agents[0]->configured.variants,
              testing::ElementsAre("llm.faults: 0.1 of 429, empty"));
  asking.back().second = "429,emty";
  EXPECT_THAT(MessageOf(Plan("greedy", asking)),
              HasSubstr("run.yaml:3: 'llm.faults.kinds': there is no fault 'emty'. Did you mean "
                        "'empty'?"));
  EXPECT_THAT(MessageOf(Plan("greedy", {{"llm.faults.rate", "0.1"}})),
              HasSubstr("agent 'portfolio-greedy' cannot use 'llm.faults.rate'"));
}

TEST_F(SearchPlanTest, ThePromptsDigestIsOfTheAgentsFiles) {
  fs::path own = temp_.path() / "prompts";
  fs::copy(agents::PromptSet::Find("aide"), own);
  auto shipped = Plan("greedy", Asking("aide"));
  auto plan = Plan("greedy", Asking(own.string()));
  ASSERT_TRUE(shipped) << shipped.error().message;
  ASSERT_TRUE(plan) << plan.error().message;
  records::RunPlan record = ToRecord(*plan);
  EXPECT_NE(record.agents[0].files, "");
  EXPECT_EQ(record.agents[0].files, ToRecord(*shipped).agents[0].files);
  EXPECT_EQ(ToRecord(*shipped).agents[0].settings["search.operators"].value, "aide");
  EXPECT_TRUE(PlanFromRecord(record));
  ASSERT_TRUE(WriteFileAtomic(own / "draft.md", "podium-prompt/1\nx\n---\n{{rules}}\n"));
  EXPECT_THAT(MessageOf(PlanFromRecord(record)),
              HasSubstr("files of agent 'some-model-greedy' have changed"));
  ASSERT_TRUE(WriteFileAtomic(own / "draft.md", "podium-prompt/1\nx\n---\n{{rule}}\n"));
  EXPECT_THAT(MessageOf(Plan("greedy", Asking(own.string()))),
              HasSubstr("draft.md:4: there is no placeholder 'rule'"));
}

}  // namespace
}  // namespace podium::harness
