// A run's folder: what it holds from the first moment, how it grows, and what it refuses.
#include "harness/schedule/lock.h"

#include <gmock/gmock.h>

#include "harness/plan/plan_record.h"
#include "tests/harness/trial_fixture.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class RunFolderLockTest : public TrialFixture {
 protected:
  void SetUp() override {
    TrialFixture::SetUp();
    prepared_.board_file = temp_.path() / "board.csv";
    ASSERT_TRUE(WriteFileAtomic(prepared_.board_file, "score\n0.5\n"));
  }
  RunPlan PlanOf(const std::string& agents, const std::string& seeds = "1") {
    Settings settings;
    EXPECT_TRUE(settings.Set("tasks", (temp_.path() / "tiny/").string(), "--task"));
    EXPECT_TRUE(settings.Set("agents", agents, "--agent"));
    EXPECT_TRUE(settings.Set("seeds", seeds, "--seeds"));
    EXPECT_TRUE(settings.Set("name", "r", "--name"));
    auto plan = MakePlan(settings);
    EXPECT_TRUE(plan) << plan.error().message;
    return std::move(*plan);
  }
  Status Open(const RunPlan& plan, const std::string& image = "image") {
    return WithContext([&](RunContext& context) -> Task<Status> {
      context.image_digest = image;
      co_return OpenRunFolder(plan, context);
    });
  }
  records::RunLock Lock() {
    return *records::ParseRunLock(*ReadFile(run_dir_ / "lock.json"), "lock.json");
  }
  std::string Text(const char* name) { return *ReadFile(run_dir_ / name); }
};

TEST_F(RunFolderLockTest, ANewFolderHoldsConfigurationLockPlanAndBoards) {
  auto plan = PlanOf("nop,oracle");
  auto opened = Open(plan);
  ASSERT_TRUE(opened) << opened.error().message;
  auto lock = Lock();
  EXPECT_THAT(lock.trials, SizeIs(2));
  EXPECT_EQ(lock.agents.at("oracle").scaffold, "oracle");
  EXPECT_TRUE(lock.packages.at("tiny").own);
  EXPECT_EQ(lock.packages.at("tiny").folder, (temp_.path() / "tiny/").string());
  EXPECT_EQ(lock.image.digest, "image");
  ASSERT_THAT(lock.builds, SizeIs(1));
  EXPECT_EQ(lock.builds[0].programs.at("podium-grade").size(), 64u);
  EXPECT_GE(lock.host.cores, 1);
  EXPECT_THAT(Text("run.yaml"), HasSubstr("agents: nop,oracle"));
  EXPECT_EQ(Text("boards/tiny.csv"), "score\n0.5\n");
  auto again = ReadPlan(run_dir_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(records::ToText(ToRecord(*again)), records::ToText(ToRecord(plan)));
  EXPECT_EQ(again->dir, run_dir_);
}

TEST_F(RunFolderLockTest, TheSamePlanChangesNeitherLockNorPlan) {
  ASSERT_TRUE(Open(PlanOf("nop")));
  std::string lock = Text("lock.json"), plan = Text("plan.json");
  ASSERT_TRUE(Open(PlanOf("nop")));
  EXPECT_EQ(Text("lock.json"), lock);
  EXPECT_EQ(Text("plan.json"), plan);
}

TEST_F(RunFolderLockTest, ARunGrowsByAgentsAndSeeds) {
  ASSERT_TRUE(Open(PlanOf("nop")));
  auto opened = Open(PlanOf("oracle", "2"));
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_THAT(Lock().trials, ElementsAre(records::PlanTrial{"tiny", "nop", 0},
                                         records::PlanTrial{"tiny", "oracle", 0},
                                         records::PlanTrial{"tiny", "oracle", 1}));
  EXPECT_THAT(Lock().builds, SizeIs(1));
  EXPECT_THAT(Text("run.yaml"), HasSubstr("agents: nop,oracle"));
  auto plan = ReadPlan(run_dir_);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_THAT(plan->trials, SizeIs(3));
}

TEST_F(RunFolderLockTest, AnotherConfigurationIsRefusedAndChangesNothing) {
  ASSERT_TRUE(Open(PlanOf("nop")));
  std::string lock = Text("lock.json"), plan = Text("plan.json"), yaml = Text("run.yaml");
  auto refused = Open(PlanOf("nop,oracle"), "another image");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_THAT(refused.error().message, HasSubstr("another image"));
  EXPECT_THAT(refused.error().message, HasSubstr("Give another --name"));
  EXPECT_EQ(Text("lock.json"), lock);
  EXPECT_EQ(Text("plan.json"), plan);
  EXPECT_EQ(Text("run.yaml"), yaml);
}

TEST_F(RunFolderLockTest, ALockOfANewerPodiumIsRefused) {
  ASSERT_TRUE(Open(PlanOf("nop")));
  std::string text = Text("lock.json");
  text.replace(text.find("podium-lock/1"), 13, "podium-lock/9");
  ASSERT_TRUE(WriteFileAtomic(run_dir_ / "lock.json", text));
  auto refused = Open(PlanOf("nop"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("written by a newer Podium"));
  EXPECT_EQ(Text("lock.json"), text);
}

TEST_F(RunFolderLockTest, WhoGoesOnFromTheFolderAddsItsBuildAlone) {
  ASSERT_TRUE(Open(PlanOf("nop")));
  auto plan = ReadPlan(run_dir_);
  ASSERT_TRUE(plan && plan->from_folder);
  auto before = Lock();
  before.builds[0].version = "another";
  ASSERT_TRUE(WriteFileAtomic(run_dir_ / "lock.json", records::ToText(before)));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Open(*plan));
    auto after = Lock();
    ASSERT_THAT(after.builds, SizeIs(2));
    after.builds.pop_back();
    EXPECT_EQ(records::ToText(after), records::ToText(before));
  }
  auto other = Open(*plan, "another image");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kDigest);
  EXPECT_THAT(other.error().message, HasSubstr("another than the run's"));
}

TEST_F(RunFolderLockTest, WithoutItsPlanARunIsAnOlderPodiums) {
  ASSERT_TRUE(Open(PlanOf("nop")));
  fs::remove(run_dir_ / "plan.json");
  auto plan = ReadPlan(run_dir_);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(plan.error().message, HasSubstr("older Podium"));
}

TEST_F(RunFolderLockTest, ALinkInTheFolderIsAnError) {
  for (const char* name : {"podium.log", "lock.json", "run.yaml", "plan.json", "boards"}) {
    fs::remove_all(run_dir_);
    fs::create_directories(run_dir_);
    ASSERT_TRUE(WriteFileAtomic(temp_.path() / "target", "as it was"));
    fs::create_symlink(temp_.path() / "target", run_dir_ / name);
    EXPECT_FALSE(Open(PlanOf("nop"))) << name;
    EXPECT_EQ(*ReadFile(temp_.path() / "target"), "as it was") << name;
  }
}

}  // namespace
}  // namespace podium::harness
