// The starter tasks as shipped: generated ones are made here, packaged ones where a package can be
// downloaded.
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "scoring/grade.h"
#include "tasks/grading_request.h"
#include "tasks/hidden_split.h"
#include "tasks/prepare.h"
#include "tasks/validate_submission.h"

namespace podium::tasks {
namespace {

class StarterTaskTest : public testing::TestWithParam<const char*> {};

Json GradeFile(const TaskPackage& task, const PreparedTask& prepared, const fs::path& submission) {
  std::string request =
      records::ToText(MakeGradeRequest(task, prepared, {.status = records::HandOverStatus::kOk}));
  std::string answers = *ReadFile(AnswersPath(prepared)), board = *ReadFile(BoardPath(prepared)),
              bytes = *ReadFile(submission);
  auto record = scoring::GradeToJson({request, answers, board, bytes});
  EXPECT_TRUE(record);
  return *ParseJson(*record, "record");
}

TEST_P(StarterTaskTest, SampleAndPerfectSubmissionsGradeAsTheyShould) {
  auto task = FindTask(GetParam());
  ASSERT_TRUE(task) << task.error().message;
  auto prepared = Prepare(
      *task, CacheDir(), [](std::string_view) {}, Deadline::In(std::chrono::minutes(9)));
  if (!prepared && prepared.error().code == ErrorCode::kUnavailable)
    GTEST_SKIP() << prepared.error().message;
  ASSERT_TRUE(prepared) << prepared.error().message;
  Json sample = GradeFile(*task, *prepared, prepared->sample_submission());
  EXPECT_EQ(sample["verdict"], "scored") << sample["detail"];
  EXPECT_EQ(sample["medal"], "none");
  EXPECT_EQ(sample["above_median"], false);
  Json perfect = GradeFile(*task, *prepared, prepared->private_dir / "perfect_submission.csv");
  EXPECT_EQ(perfect["verdict"], "scored") << perfect["detail"];
  EXPECT_EQ(perfect["medal"], "gold");
  EXPECT_EQ(perfect["rank"], 1);
  auto shape =
      ValidateShape(*task, prepared->sample_submission(), *ReadFile(prepared->sample_submission()));
  ASSERT_TRUE(shape);
  EXPECT_TRUE(shape->valid) << shape->message;
}

TEST_P(StarterTaskTest, HeldRowsAreGradedAsTheTaskIs) {
  auto task = FindTask(GetParam());
  ASSERT_TRUE(task) << task.error().message;
  if (!task->split) GTEST_SKIP() << "its training data are no table";
  auto prepared = Prepare(
      *task, CacheDir(), [](std::string_view) {}, Deadline::In(std::chrono::minutes(9)));
  if (!prepared && prepared.error().code == ErrorCode::kUnavailable)
    GTEST_SKIP() << prepared.error().message;
  ASSERT_TRUE(prepared) << prepared.error().message;
  auto split = PrepareHiddenSplit(*task, *prepared, Deadline::In(std::chrono::minutes(9)));
  ASSERT_TRUE(split) << split.error().message;
  auto temp = TempDir::Make("podium-held");
  fs::path file = temp->path() / "s.csv", search = temp->path() / "a", choice = temp->path() / "b";
  ASSERT_TRUE(CopyFileAtomic(split->agent.sample_submission(), file));
  auto taken = TakeHeldRows(*split, file, search, choice);
  ASSERT_TRUE(taken) << taken.error().message;
  for (const auto& [part, held] : {std::pair{split->search, search}, {split->choice, choice}}) {
    Json record = GradeFile(part.task, part.prepared, held);
    EXPECT_EQ(record["verdict"], "scored") << record["detail"];
    EXPECT_GT(part.rows, 100u);
  }
  Json rest = GradeFile(*task, *prepared, file);
  EXPECT_EQ(rest["verdict"], "scored") << rest["detail"];
}

INSTANTIATE_TEST_SUITE_P(Starter, StarterTaskTest,
                         testing::Values("conway-reverse", "poker-rule-induction", "unimelb-grants",
                                         "fashion-articles", "coil2000-caravan"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

struct Lines {
  const char* task;
  int rows;
  double gold, silver, bronze, median;
};
class StarterBoardTest : public testing::TestWithParam<Lines> {};

TEST_P(StarterBoardTest, HasTheMedalLinesOfKagglesBoard) {
  auto task = FindTask(GetParam().task);
  ASSERT_TRUE(task);
  std::string board = *ReadFile(task->dir / task->leaderboard.file);
  std::string request = records::ToText(MakeGradeRequest(*task, {}, {}));
  auto record = scoring::GradeToJson({request, "", board, std::nullopt});
  ASSERT_TRUE(record) << record.error().message;
  Json v = *ParseJson(*record, "record");
  EXPECT_EQ(v["leaderboard_rows"], GetParam().rows);
  EXPECT_EQ(v["thresholds"]["gold"], GetParam().gold);
  EXPECT_EQ(v["thresholds"]["silver"], GetParam().silver);
  EXPECT_EQ(v["thresholds"]["bronze"], GetParam().bronze);
  EXPECT_NEAR(v["thresholds"]["median"].get<double>(), GetParam().median, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(
    Starter, StarterBoardTest,
    testing::Values(Lines{"conway-reverse", 188, 0.04866, 0.08629, 0.12789, 0.132065},
                    Lines{"poker-rule-induction", 207, 1, 1, 0.99848, 0.98998},
                    Lines{"unimelb-grants", 203, 0.95675, 0.93303, 0.91167, 0.88342}),
    [](const auto& test) {
      std::string name = test.param.task;
      std::erase(name, '-');
      return name;
    });

}  // namespace
}  // namespace podium::tasks
