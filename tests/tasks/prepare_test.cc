#include "tasks/prepare.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/files.h"
#include "tests/support/tiny_task.h"

namespace podium::tasks {
namespace {

class PrepareTest : public testing::Test {
 protected:
  void SetUp() override { tests::WriteTinyTask(dir_); }
  Result<PreparedTask> DoPrepare() {
    auto task = LoadTask(dir_);
    if (!task) return tl::unexpected(task.error());
    return Prepare(
        *task, cache_, [](std::string_view) {}, Deadline::In(std::chrono::minutes(1)));
  }
  TempDir temp_ = std::move(*TempDir::Make("podium-prepare"));
  fs::path dir_ = temp_.path() / "tiny";
  fs::path cache_ = temp_.path() / "cache";
};

TEST_F(PrepareTest, MakesPublicAndPrivateApartAndFindsThemAgain) {
  auto prepared = DoPrepare();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_TRUE(fs::exists(prepared->public_dir / "train.csv"));
  EXPECT_TRUE(fs::exists(prepared->public_dir / "description.md"));
  EXPECT_TRUE(fs::exists(prepared->private_dir / "answers.csv"));
  EXPECT_FALSE(fs::exists(prepared->public_dir / "answers.csv"));
  EXPECT_EQ(fs::status(prepared->private_dir).permissions() & fs::perms::all, fs::perms::owner_all);
  auto found = FindPrepared(*LoadTask(dir_), cache_);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->public_dir, prepared->public_dir);
}

TEST_F(PrepareTest, ATableThatIsNotThePinnedOneIsRefusedAndNothingIsKept) {
  std::ofstream(dir_ / "data" / "public" / "train.csv", std::ios::app) << "999,1,2,0\n";
  auto prepared = DoPrepare();
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, ErrorCode::kDigest);
  EXPECT_NE(prepared.error().message.find("public/train.csv"), std::string::npos)
      << prepared.error().message;
  auto found = FindPrepared(*LoadTask(dir_), cache_);
  EXPECT_FALSE(*found);
  for (const auto& entry : fs::recursive_directory_iterator(cache_))
    EXPECT_FALSE(entry.path().filename() == "train.csv") << entry.path();
}

TEST_F(PrepareTest, AFileThatNobodyPinnedIsRefused) {
  std::ofstream(dir_ / "data" / "public" / "extra.csv") << "answers?\n";
  auto prepared = DoPrepare();
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().message.find("does not pin public/extra.csv"), std::string::npos)
      << prepared.error().message;
}

TEST_F(PrepareTest, ALinkInThePackageIsRefused) {
  fs::create_symlink("/etc/passwd", dir_ / "data" / "public" / "link.csv");
  EXPECT_FALSE(DoPrepare());
}

TEST_F(PrepareTest, WhatAKilledPreparationLeftIsMadeAnew) {
  auto task = LoadTask(dir_);
  fs::path half =
      cache_ / "tasks" / "tiny" / (task->digest.hex().substr(0, 16) + ".part") / "public";
  fs::create_directories(half);
  std::ofstream(half / "train.csv") << "half";
  auto prepared = DoPrepare();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_GT(fs::file_size(prepared->public_dir / "train.csv"), 1000u);
}

TEST_F(PrepareTest, ManyAtOnceGiveOneFolder) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { good += DoPrepare().has_value(); });
  for (auto& t : threads) t.join();
  EXPECT_EQ(good, 4);
}

TEST_F(PrepareTest, MeasuringGivesTheDigestsThatArePinned) {
  auto task = LoadTask(dir_);
  auto tables = MeasureTables(
      *task, cache_, [](std::string_view) {}, Deadline::In(std::chrono::minutes(1)));
  ASSERT_TRUE(tables) << tables.error().message;
  EXPECT_EQ(*tables, task->tables);
}

}  // namespace
}  // namespace podium::tasks
