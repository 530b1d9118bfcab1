// lock.json: its bytes are what people and older runs know, and what grows keeps what was there.
#include "base/records/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace podium::records {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

RunLock Example() {
  RunLock lock{.podium = "0.1.0",
               .name = "r",
               .config = "seeds: 1\n",
               .sandbox = "runc",
               .image = {"podium-ml", "ab"},
               .host = {"6.1", "x86_64", 2, 1024}};
  lock.tasks["tiny"] = "cd";
  lock.packages["tiny"] = {"A tiny task", "human leaderboard", true, "/tasks/tiny"};
  lock.agents["a"] = {.scaffold = "greedy",
                      .proposer = "llm",
                      .files = "ef",
                      .settings = {{"budget.nodes", "8"}},
                      .models = {{"m", {"m-1", "1", "0.5", "", "2"}}}};
  lock.trials = {{"tiny", "a", 1}, {"tiny", "a", 0}};
  lock.builds = {{"0.1.0", {{"podium", "01"}, {"podium-grade", "02"}}}};
  return lock;
}

TEST(RunLockTest, IsWrittenAsPeopleKnowIt) {
  EXPECT_EQ(ToText(Example()), R"({
  "agents": {
    "a": {
      "files": "ef",
      "models": {
        "m": {
          "cache_write_usd": "",
          "cached_input_usd": "0.5",
          "input_usd": "1",
          "output_usd": "2",
          "upstream_name": "m-1"
        }
      },
      "proposer": "llm",
      "scaffold": "greedy",
      "settings": {
        "budget.nodes": "8"
      }
    }
  },
  "builds": [
    {
      "podium": "01",
      "podium-grade": "02",
      "version": "0.1.0"
    }
  ],
  "config": "seeds: 1\n",
  "host": {
    "cores": 2,
    "kernel": "6.1",
    "machine": "x86_64",
    "memory_bytes": 1024
  },
  "image": {
    "digest": "ab",
    "name": "podium-ml"
  },
  "name": "r",
  "packages": {
    "tiny": {
      "board": "human leaderboard",
      "folder": "/tasks/tiny",
      "own": true,
      "title": "A tiny task"
    }
  },
  "podium": "0.1.0",
  "sandbox": "runc",
  "schema": "podium-lock/1",
  "tasks": {
    "tiny": "cd"
  },
  "trials": [
    {
      "agent": "a",
      "seed": 1,
      "task": "tiny"
    },
    {
      "agent": "a",
      "seed": 0,
      "task": "tiny"
    }
  ]
}
)");
}

TEST(RunLockTest, IsReadAsItWasWritten) {
  auto back = ParseRunLock(ToText(Example()), "lock.json");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToText(*back), ToText(Example()));
  EXPECT_EQ(Differences(Example(), *back), "");
}

// A run that Podium wrote before this type was there.
TEST(RunLockTest, AnOldRunsBytesStayAsTheyAre) {
  std::string text =
      *ReadFile(std::filesystem::path(PODIUM_SOURCE_DIR) / "tests/harness/old_run/lock.json");
  auto lock = ParseRunLock(text, "lock.json");
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_EQ(lock->trials.size(), 4u);
  EXPECT_EQ(ToText(*lock), text);
}

TEST(RunLockTest, ALaterSchemaIsRefusedByName) {
  std::string text = ToText(Example());
  text.replace(text.find("podium-lock/1"), 13, "podium-lock/2");
  auto lock = ParseRunLock(text, "runs/r/lock.json");
  ASSERT_FALSE(lock);
  EXPECT_THAT(lock.error().message, HasSubstr("written by a newer Podium"));
  EXPECT_THAT(lock.error().message, HasSubstr("runs/r/lock.json"));
}

TEST(RunLockTest, WhatHasNoSchemaIsReadAsFarAsItGoes) {
  auto lock = ParseRunLock(R"({"trials": [{"task": "t", "agent": "a", "seed": 3}]})", "f");
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_THAT(lock->trials, ElementsAre(PlanTrial{"t", "a", 3}));
  EXPECT_TRUE(lock->tasks.empty());
}

TEST(RunLockTest, WhatHasAnotherTypeIsAnErrorAndNeverThrows) {
  for (const char* text :
       {"[]", "3", R"({"trials": 3})", R"({"trials": {}})", R"({"agents": []})",
        R"({"agents": {"a": 1}})", R"({"agents": {"a": {"settings": []}}})", R"({"tasks": "x"})",
        R"({"packages": 1})", R"({"image": []})", R"({"builds": {}})", R"({"host": "h"})",
        R"({"schema": "podium-plan/1"})"}) {
    auto lock = ParseRunLock(text, "the lock");
    ASSERT_FALSE(lock) << text;
    EXPECT_THAT(lock.error().message, HasSubstr("the lock")) << text;
  }
  // What lies within a list or a map is left out.
  for (const char* text : {R"({"trials": [1, null]})", R"({"builds": [1, "x"]})",
                           R"({"tasks": {"t": 1}})", R"({"packages": {"t": []}})"})
    EXPECT_TRUE(ParseRunLock(text, "f")) << text;
}

TEST(RunLockTest, DifferencesNameWhatBothSpeakOf) {
  RunLock before = Example(), now = Example();
  now.name = "s";
  now.config = "seeds: 2\n";
  now.trials.clear();
  now.tasks["other"] = "gh";
  now.agents["b"] = {};
  EXPECT_EQ(Differences(before, now), "") << "a run grows";
  now.agents["a"].files = "xx";
  now.tasks["tiny"] = "yy";
  now.image.digest = "zz";
  now.sandbox = "crun";
  std::string text = Differences(before, now);
  for (const char* part :
       {"\n  agents a: ", "/files", "\n  tasks tiny: ", "\n  image: ", "\n  sandbox: ", "crun"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("other")));
}

TEST(RunLockTest, ARunGrowsByWhatIsNewAndKeepsItsOrder) {
  RunLock now = Example();
  now.tasks = {{"second", "gh"}};
  now.packages = {{"second", {.title = "Second"}}};
  now.agents = {{"b", {.scaffold = "nop"}}};
  now.trials = {{"second", "b", 0}, {"tiny", "a", 0}};
  now.builds.push_back({"0.2.0", {{"podium", "03"}}});
  RunLock both = Grown(Example(), now);
  EXPECT_THAT(both.trials, ElementsAre(PlanTrial{"tiny", "a", 1}, PlanTrial{"tiny", "a", 0},
                                       PlanTrial{"second", "b", 0}));
  EXPECT_EQ(both.tasks.size(), 2u);
  EXPECT_EQ(both.packages.size(), 2u);
  EXPECT_EQ(both.agents.at("a").scaffold, "greedy");
  EXPECT_EQ(both.agents.at("b").scaffold, "nop");
  ASSERT_EQ(both.builds.size(), 2u) << "the build that was there is named once";
  EXPECT_EQ(both.builds[1].version, "0.2.0");
  now = Example();
  now.agents["a"].settings["budget.nodes"] = "9";
  EXPECT_EQ(Grown(Example(), now).agents.at("a").settings.at("budget.nodes"), "9");
}

}  // namespace
}  // namespace podium::records
