// Every file under configs/ is read by the program that uses it.
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "harness/plan/plan.h"
#include "sandbox/images/image.h"
#include "sandbox/images/layer_recipe.h"
#include "tasks/suite.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> Files(const char* folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(ShareDir() / "configs" / folder))
    out.push_back(entry.path());
  return out;
}

TEST(ConfigsTest, EveryRunFileMakesAPlan) {
  ::setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1", 1);
  for (const auto& file : Files("runs")) {
    auto root = ReadYaml(file);
    ASSERT_TRUE(root) << root.error().message;
    Settings settings;
    static constexpr std::string_view kAlso[] = {"schema"};
    auto applied = settings.ApplyYaml(*root, kAlso);
    ASSERT_TRUE(applied) << applied.error().message;
    auto plan = MakePlan(settings);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->trials.size(), plan->tasks.size() * plan->agents.size()) << file;
  }
}

TEST(ConfigsTest, EveryAgentFileMakesAPlan) {
  ::setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1", 1);
  EXPECT_EQ(ListAgents().size(), Files("agents").size());
  for (const auto& name : ListAgents()) {
    Settings settings;
    ASSERT_TRUE(settings.Set("suite", "starter", "test"));
    ASSERT_TRUE(settings.Set("agents", name, "test"));
    if (name.starts_with("llm")) {
      ASSERT_TRUE(settings.Set("model", "m", "test"));
    }
    auto plan = MakePlan(settings);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->agents.front()->id.str(), name);
  }
}

TEST(ConfigsTest, EveryProgramMakesAPlanAndEveryRecipeIsRead) {
  for (const auto& file : Files("programs")) {
    if (file.extension() != ".yaml") continue;
    Settings settings;
    ASSERT_TRUE(settings.Set("suite", "starter", "test"));
    ASSERT_TRUE(settings.Set("agents", file.string(), "test"));
    ASSERT_TRUE(settings.Set("gateway.mode", "replay", "test"));  // which needs no key
    auto plan = MakePlan(settings);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->agents.front()->id.str(), file.stem().string());
  }
  for (const auto& file : Files("images")) {
    auto recipe = sandbox::ReadLayerRecipe(file);
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_TRUE(sandbox::ReadRecipe(recipe->from)) << file << " stands on no shipped image";
    EXPECT_TRUE(fs::exists(ShareDir() / "configs" / "programs" / file.filename())) << file;
  }
}

TEST(ConfigsTest, EverySuiteNamesTasksThatExist) {
  for (const auto& file : Files("suites")) {
    auto suite = tasks::LoadSuite(file.stem().string());
    ASSERT_TRUE(suite) << suite.error().message;
    for (const auto& id : suite->tasks) {
      auto task = tasks::FindTask(id.str());
      EXPECT_TRUE(task) << task.error().message;
    }
  }
}

TEST(ConfigsTest, EverySandboxFileIsAnImageRecipeOrTheSeccompProfile) {
  for (const auto& file : Files("sandboxes")) {
    if (file.extension() == ".json") {
      EXPECT_TRUE(ParseJson(*ReadFile(file), file.string()));
      continue;
    }
    auto recipe = sandbox::ReadRecipe(file.stem().string());
    EXPECT_TRUE(recipe) << recipe.error().message;
  }
}

TEST(PlanTest, EqualConfigurationsHaveEqualTextWhateverTheirOrigin) {
  Settings a, b;
  for (auto* s : {&a, &b}) {
    ASSERT_TRUE(s->Set("suite", "starter", s == &a ? "--suite" : "file:3"));
    ASSERT_TRUE(s->Set("agents", "portfolio-greedy,nop", "test"));
  }
  ASSERT_TRUE(b.Set("jobs", "2", "--jobs"));
  EXPECT_EQ(PlanYaml(*MakePlan(a), false), PlanYaml(*MakePlan(b), false));
  EXPECT_EQ(MakePlan(a)->name, MakePlan(b)->name);
  ASSERT_TRUE(b.Set("seeds", "2", "--seeds"));
  EXPECT_NE(MakePlan(a)->name, MakePlan(b)->name);
}

TEST(PlanTest, AnAgentTwiceIsAnError) {
  Settings s;
  ASSERT_TRUE(s.Set("suite", "starter", "test"));
  ASSERT_TRUE(s.Set("agents", "nop,nop", "--agent"));
  auto plan = MakePlan(s);
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find("twice"), std::string::npos);
}

}  // namespace
}  // namespace podium::harness
