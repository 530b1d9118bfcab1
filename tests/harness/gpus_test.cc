#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/plan/plan.h"

namespace podium::harness {
namespace {

using testing::HasSubstr;

Result<RunPlan> PlanWith(const std::string& agent, const std::string& gpus) {
  Settings settings;
  PODIUM_TRY(settings.Set("suite", "starter", "test"));
  PODIUM_TRY(settings.Set("agents", agent, "test"));
  PODIUM_TRY(settings.Set("limits.gpus", gpus, "--set limits.gpus"));
  return MakePlan(settings);
}

TEST(GpusTest, ANameThatNoFileDescribesIsAnErrorBeforeAnythingRuns) {
  auto unknown = PlanWith("sample-submission", "podium.test/gpu=no-such");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(unknown.error().message, HasSubstr("--set limits.gpus: 'limits.gpus': there is no"));
  auto bare = PlanWith("sample-submission", "0");
  ASSERT_FALSE(bare);
  EXPECT_THAT(bare.error().message, HasSubstr("write vendor.com/class=name"));
  auto empty = PlanWith("sample-submission", " , ");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message, HasSubstr("'limits.gpus' is empty"));
}

TEST(GpusTest, NoneIsTheDefaultAndTheSettingIsPartOfTheRun) {
  auto plan = PlanWith("sample-submission", "none");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->agents.front()->gpus.empty());
  EXPECT_THAT(PlanYaml(*plan, false), HasSubstr("  gpus: none\n"));
  EXPECT_TRUE(PlanWith("nop", "podium.test/gpu=no-such")) << "this agent has no sandbox";
}

}  // namespace
}  // namespace podium::harness
