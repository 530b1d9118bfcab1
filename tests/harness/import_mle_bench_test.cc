#include "harness/cli/import_mle_bench.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/competition_files.h"
#include "harness/grading/grading.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"
#include "tasks/validate_submission.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

void Put(const fs::path& path, const std::string& text) {
  ASSERT_TRUE(MakeDirs(path.parent_path()));
  ASSERT_TRUE(WriteFileAtomic(path, text));
}

// A checkout with one competition, and data that mle-bench prepared for it.
class ImportTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("PODIUM_CACHE", (temp.path() / "cache").c_str(), 1);
    Put(folder() / "config.yaml",
        "id: aerial-cactus-identification\nname: \"Aerial: Cactus\"\ncompetition_type: code\n"
        "dataset:\n  answers: aerial-cactus-identification/prepared/private/test.csv\n"
        "  sample_submission: "
        "aerial-cactus-identification/prepared/public/sample_submission.csv\n");
    Put(folder() / "description.md", "Find the cactus.\n");
    Put(folder() / "leaderboard.csv", "scoreNullable,teamId,score\n1,1,1.0\n0.9,2,0.9\n");
    Put(prepared() / "private/test.csv", "id,has_cactus\na,1\nb,0\n");
    Put(prepared() / "public/sample_submission.csv", "id,has_cactus\na,0.5\nb,0.5\n");
    Put(prepared() / "public/train/a.jpg", "pixels");
    Put(prepared() / "public/description.md", "theirs");
  }

  [[nodiscard]] fs::path folder() const {
    return temp.path() / "checkout/mlebench/competitions/aerial-cactus-identification";
  }
  [[nodiscard]] fs::path prepared() const {
    return temp.path() / "data/aerial-cactus-identification/prepared";
  }
  Result<ImportResult> Import(bool with_data) {
    return ImportMleBench(temp.path() / "checkout", with_data ? temp.path() / "data" : fs::path(),
                          temp.path() / "out", [](std::string_view) {});
  }
  Result<tasks::TaskPackage> Load() {
    return tasks::LoadTask(temp.path() / "out/aerial-cactus-identification");
  }

  TempDir temp = *TempDir::Make("podium-import-test");
};

TEST_F(ImportTest, APackageRunsFromPreparedDataToAVerdict) {
  auto result = Import(true);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->imported, std::vector<std::string>{"aerial-cactus-identification"});
  EXPECT_EQ(result->notes.size(), 81u);  // the other competitions are not in this checkout
  auto task = Load();
  ASSERT_TRUE(task) << task.error().message;
  EXPECT_EQ(task->title, "Aerial: Cactus");
  auto prepared_task = tasks::Prepare(
      *task, temp.path() / "cache", [](std::string_view) {}, Deadline::In(std::chrono::minutes(1)));
  ASSERT_TRUE(prepared_task) << prepared_task.error().message;
  EXPECT_EQ(*ReadFile(prepared_task->public_dir / "train/a.jpg"), "pixels");
  EXPECT_EQ(*ReadFile(prepared_task->public_dir / "description.md"), "Find the cactus.\n");
  EXPECT_FALSE(fs::exists(prepared_task->public_dir / "test.csv"));

  fs::path file = temp.path() / "submission.csv";
  Put(file, "id,has_cactus\nb,0.1\na,0.9\n");
  GradeJob job{.task = &*task,
               .prepared = &*prepared_task,
               .hand_over = {.status = records::HandOverStatus::kOk},
               .submission = file};
  auto record = Grade(job, Deadline::In(std::chrono::minutes(1)));
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->verdict, "scored") << record->detail;
  EXPECT_EQ(record->score, 1.0);
  EXPECT_EQ(record->standing.medal, "gold");
  ASSERT_TRUE(record->board);
  EXPECT_EQ(record->board->rows, 2u);
}

TEST_F(ImportTest, ThePackagesDigestHoldsNoPlaceOfTheData) {
  ASSERT_TRUE(Import(true));
  Digest first = Load()->digest;
  fs::rename(temp.path() / "data", temp.path() / "elsewhere");
  ASSERT_TRUE(ImportMleBench(temp.path() / "checkout", temp.path() / "elsewhere",
                             temp.path() / "out", [](std::string_view) {}));
  EXPECT_EQ(Load()->digest.hex(), first.hex());
}

// R3: a checkout is a stranger's.
TEST_F(ImportTest, ALinkInTheCheckoutIsNotFollowed) {
  Put(temp.path() / "secret", "SECRET\n");
  for (const char* name : {"description.md", "config.yaml", "leaderboard.csv"}) {
    fs::path place = folder() / name, aside = temp.path() / "aside";
    fs::rename(place, aside);
    fs::create_symlink(temp.path() / "secret", place);
    auto result = Import(true);
    std::string said = result ? Join(result->notes, "\n") : result.error().message;
    EXPECT_NE(said.find("is a symbolic link"), std::string::npos) << name << ": " << said;
    fs::path made = temp.path() / "out/aerial-cactus-identification";
    for (const char* file : {"description.md", "leaderboard.csv", "task.yaml"}) {
      auto text = ReadFile(made / file);
      EXPECT_EQ(text.value_or("").find("SECRET"), std::string::npos) << name << " in " << file;
    }
    fs::remove_all(made);
    fs::remove(place);
    fs::rename(aside, place);
  }
}

TEST_F(ImportTest, ALinkInTheDataIsRefusedAndNotLeftOut) {
  fs::create_symlink("/etc/passwd", prepared() / "public/train/b.jpg");
  ASSERT_TRUE(Import(true));
  auto task = tasks::Prepare(
      *Load(), temp.path() / "cache", [](std::string_view) {},
      Deadline::In(std::chrono::minutes(1)));
  ASSERT_FALSE(task);
  EXPECT_NE(task.error().message.find("b.jpg is a symbolic link"), std::string::npos)
      << task.error().message;
}

TEST_F(ImportTest, ALfsPointerIsExplainedAndTheShippedLinesCount) {
  Put(folder() / "leaderboard.csv",
      "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 77\n");
  auto result = Import(false);
  ASSERT_TRUE(result);
  EXPECT_NE(result->notes[1].find("Git-LFS pointer, not the file (77 bytes)"), std::string::npos)
      << result->notes[1];
  auto task = Load();
  ASSERT_TRUE(task) << task.error().message;
  EXPECT_EQ(task->leaderboard.file, "");
  EXPECT_EQ(task->leaderboard.lines->median, 0.9991);
  auto nothing = tasks::Prepare(
      *task, temp.path() / "cache", [](std::string_view) {}, Deadline::In(std::chrono::minutes(1)));
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().message.find("import again with --data"), std::string::npos)
      << nothing.error().message;
}

TEST_F(ImportTest, TheAgentsCheckKnowsTheSampleAlone) {
  ASSERT_TRUE(Import(true));
  auto task = Load();
  fs::path sample = prepared() / "public/sample_submission.csv";
  auto reason = [&](std::string_view bytes) {
    return tasks::ValidateShape(*task, sample, bytes)->reason;
  };
  EXPECT_EQ(reason("has_cactus,id\n1,a\n0,b\n"), "");
  EXPECT_EQ(reason("id\na\nb\n"), "wrong_columns");
  EXPECT_EQ(reason("id,has_cactus\na,1\n"), "row_count");
  EXPECT_EQ(reason("id,has_cactus\n\"a,1\n"), "bad_csv");
  EXPECT_EQ(reason(""), "empty");
}

TEST_F(ImportTest, AGradingWithoutTimeIsTheHostsFailureAndNoVerdict) {
  auto spec = *FindCompetition("aerial-cactus-identification");
  CompetitionPlaces places{(temp.path() / "data").string(), "", "", ""};
  std::string file = (temp.path() / "submission.csv").string();
  Put(file, "id,has_cactus\na,0.9\nb,0.1\n");
  auto record = GradeCompetitionFile(places, spec, scoring::Mode::kCompat, file,
                                     Deadline::In(std::chrono::seconds(0)));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, ErrorCode::kTimeout) << record.error().message;
}

TEST_F(ImportTest, WhatIsNoCheckoutIsSaidSo) {
  auto result =
      ImportMleBench(temp.path() / "data", "", temp.path() / "out", [](std::string_view) {});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("no checkout of openai/mle-bench"), std::string::npos);
}

}  // namespace
}  // namespace podium::harness
