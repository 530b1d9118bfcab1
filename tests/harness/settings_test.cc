#include "harness/plan/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/models/injected_faults.h"

namespace podium::harness {
namespace {

using testing::HasSubstr;

Status ApplyText(Settings& settings, std::string_view yaml) {
  auto root = ParseYaml(yaml, "run.yaml");
  EXPECT_TRUE(root);
  static constexpr std::string_view kAlso[] = {"schema"};
  return settings.ApplyYaml(*root, kAlso);
}

TEST(SettingsTest, LayersWinInTheirOrderAndSayWhereTheyAreFrom) {
  Settings s;
  EXPECT_EQ(s.Get("budget.nodes").origin, "default");
  ASSERT_TRUE(ApplyText(s, "schema: x\nbudget:\n  nodes: 3\n  wall: 90 s\n"));
  EXPECT_EQ(s.Get("budget.nodes").origin, "run.yaml:3");
  const char* environment[] = {"HOME=/root", "PODIUM_BUDGET_NODES=4", nullptr};
  ASSERT_TRUE(s.ApplyEnvironment(environment));
  EXPECT_EQ(s.Get("budget.nodes").value, "4");
  EXPECT_EQ(s.Get("budget.nodes").origin, "environment PODIUM_BUDGET_NODES");
  ASSERT_TRUE(s.Set("budget.nodes", "5", "--nodes"));
  EXPECT_EQ(*s.Int("budget.nodes", 1, 10), 5);
  EXPECT_EQ(*s.Duration("budget.wall"), Millis(90'000));
}

TEST(SettingsTest, AnotherSpellingIsTheSameSetting) {
  Settings s;
  ASSERT_TRUE(ApplyText(s, "models:\n  catalogue: mine.yaml\n"));
  EXPECT_EQ(s.Get("gateway.catalogue").value, "mine.yaml");
  const char* environment[] = {"PODIUM_MODELS_MODE=replay", nullptr};
  ASSERT_TRUE(s.ApplyEnvironment(environment));
  EXPECT_EQ(s.Get("gateway.mode").value, "replay");
  ASSERT_TRUE(s.Set("models.idle_timeout", "7 s", "--set"));
  EXPECT_EQ(*s.Duration("llm.idle_timeout"), Millis(7000));
  EXPECT_FALSE(ApplyText(s, "models:\n  cataloge: x\n"));
}

TEST(SettingsTest, UnknownNamesAreErrorsInEveryLayer) {
  Settings s;
  auto file = ApplyText(s, "budget:\n  wal: 3\n");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("run.yaml:2"));
  EXPECT_THAT(file.error().message, HasSubstr("Did you mean 'budget.wall'?"));
  const char* environment[] = {"PODIUM_SEDS=2", nullptr};
  EXPECT_THAT(s.ApplyEnvironment(environment).error().message, HasSubstr("PODIUM_SEEDS"));
  EXPECT_THAT(s.Set("modle", "x", "--set modle").error().message,
              HasSubstr("Did you mean 'model'?"));
}

TEST(SettingsTest, AWrongValueNamesItsOrigin) {
  Settings s;
  ASSERT_TRUE(ApplyText(s, "seeds: many\nbudget: {wall: 90, nodes: 0}\n"));
  EXPECT_THAT(s.Int("seeds", 1, 10).error().message, HasSubstr("run.yaml:1"));
  EXPECT_THAT(s.Int("budget.nodes", 1, 10).error().message, HasSubstr("from 1 to 10, found 0"));
  EXPECT_THAT(s.Duration("budget.wall").error().message, HasSubstr("such as '90 s'"));
}

TEST(SettingsTest, AnAgentsFileFillsOnlyWhatTheRunLeftOpen) {
  Settings run, agent;
  ASSERT_TRUE(run.Set("budget.nodes", "9", "--nodes"));
  ASSERT_TRUE(agent.Set("budget.nodes", "2", "agent.yaml:1"));
  ASSERT_TRUE(agent.Set("model", "m", "agent.yaml:2"));
  run.FillFrom(agent);
  EXPECT_EQ(run.Get("budget.nodes").value, "9");
  EXPECT_EQ(run.Get("model").value, "m");
}

TEST(SettingsTest, ListsAreCommaSeparated) {
  Settings s;
  ASSERT_TRUE(ApplyText(s, "tasks: [a, b]\n"));
  EXPECT_THAT(s.List("tasks"), testing::ElementsAre("a", "b"));
  EXPECT_TRUE(s.List("agents").empty());
}

TEST(SettingsTest, AnAgentInTheListMayHaveSettingsOfItsOwn) {
  Settings s;
  ASSERT_TRUE(ApplyText(s,
                        "agents:\n  - a\n  - id: b\n    budget: {nodes: 4, wall: 9 min}\n"
                        "budget: {nodes: 2}\n"));
  EXPECT_EQ(s.Get("agents").value, "a,b");
  EXPECT_EQ(s.ForAgent("a").Get("budget.nodes").value, "2");
  EXPECT_EQ(s.ForAgent("b").Get("budget.nodes").value, "4");
  EXPECT_EQ(s.ForAgent("b").Get("budget.wall").value, "9 min");
  EXPECT_EQ(s.ForAgent("b").Get("budget.nodes").origin, "run.yaml:4");
  ASSERT_TRUE(s.Set("budget.nodes", "7", "--nodes"));
  EXPECT_EQ(s.ForAgent("b").Get("budget.nodes").value, "7") << "a flag wins";
  Settings bad;
  EXPECT_THAT(ApplyText(bad, "agents:\n  - id: b\n    seeds: 3\n").error().message,
              HasSubstr("run.yaml:3: 'seeds' is the whole run's"));
  EXPECT_THAT(ApplyText(bad, "agents:\n  - budget: {nodes: 3}\n").error().message,
              HasSubstr("'id'"));
}

TEST(SettingsTest, InjectedFaultsAreReadWithTheirFamilies) {
  Settings s;
  EXPECT_EQ(agents::ReadFaultPlan(s)->Text(), "") << "none unless a rate is given";
  ASSERT_TRUE(s.Set("llm.faults.rate", "0.25", "--set"));
  EXPECT_EQ(agents::ReadFaultPlan(s)->kinds.size(), 10u) << "all but hangs";
  ASSERT_TRUE(s.Set("llm.faults.kinds", "content, 500, empty, hang", "--set"));
  EXPECT_EQ(agents::ReadFaultPlan(s)->Text(),
            "llm.faults: 0.25 of 500, hang, empty, prose, malformed_tool, truncated");
  ASSERT_TRUE(s.Set("llm.faults.kinds", "429,cut_steam", "run.yaml:7"));
  auto unknown = agents::ReadFaultPlan(s);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message,
              HasSubstr("run.yaml:7: 'llm.faults.kinds': there is no fault 'cut_steam'. Did you "
                        "mean 'cut_stream'?"));
  ASSERT_TRUE(s.Set("llm.faults.kinds", "", "--set"));
  EXPECT_FALSE(agents::ReadFaultPlan(s)) << "a rate of nothing";
  ASSERT_TRUE(s.Set("llm.faults.rate", "1", "--set"));
  EXPECT_FALSE(agents::ReadFaultPlan(s)) << "who asks again is answered in the end";
}

}  // namespace
}  // namespace podium::harness
