// Rows of a training table that an agent does not have.
#include "tasks/hidden_split.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/csv.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::tasks {
namespace {

using testing::HasSubstr;

// 100 training rows whose labels are words that stand nowhere else, 20 test rows.
class HiddenSplitTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string train = "id,shop,day,label\n", test = "id,shop,day\n", sample = "id,label\n",
                answers = "id,label\n";
    for (int i = 0; i < 120; ++i) {
      std::string row =
          std::to_string(1000 + i) + ",s" + std::to_string(i / 10) + "," + std::to_string(i % 50);
      std::string label = "word" + std::to_string(i) + "x";
      if (i < 100) {
        train += row + "," + label + "\n";
      } else {
        test += row + "\n";
        sample += std::to_string(1000 + i) + ",none\n";
        answers += std::to_string(1000 + i) + "," + label + "\n";
      }
    }
    Put("public/train.csv", train);
    Put("public/test.csv", test);
    Put("public/sample_submission.csv", sample);
    Put("public/description.md", "# Words\n");
    Put("public/more/notes.txt", "as it was");
    Put("private/answers.csv", answers);
    prepared_.public_dir = dir_.path() / "data/public";
    prepared_.private_dir = dir_.path() / "data/private";
    task_.id = *TaskId::Parse("words");
    task_.dir = dir_.path();
    task_.grader.metric = "accuracy";
    task_.grader.params["k"] = 4;
    prepared_.board_file = dir_.path() / "leaderboard.csv";
    task_.split = SplitSpec{.table = "train.csv",
                            .id = "id",
                            .target = "label",
                            .fraction = 0.3,
                            .group = "",
                            .time = "",
                            .params_per_row = {{"k", 0.2}}};
  }
  void Put(const std::string& path, const std::string& bytes) {
    fs::path file = dir_.path() / "data" / path;
    ASSERT_TRUE(MakeDirs(file.parent_path()));
    ASSERT_TRUE(WriteFileAtomic(file, bytes));
  }
  HiddenSplit Make() {
    auto made = PrepareHiddenSplit(task_, prepared_, Deadline::In(std::chrono::minutes(1)));
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(HiddenSplit{});
  }
  std::string WhyNot() {
    auto made = PrepareHiddenSplit(task_, prepared_, Deadline::In(std::chrono::minutes(1)));
    return made ? "" : made.error().message;
  }
  static std::vector<std::vector<std::string>> Read(const fs::path& file) {
    std::string text = *ReadFile(file);
    CsvReader reader(text);
    std::vector<std::vector<std::string>> out;
    std::vector<std::string_view> cells;
    while (*reader.Next(cells)) out.emplace_back(cells.begin(), cells.end());
    return out;
  }
  static std::set<std::string> Column(const fs::path& file, std::size_t column) {
    std::set<std::string> out;
    for (const auto& row : Read(file)) out.insert(row.at(column));
    return out;
  }
  // All bytes below a folder.
  static std::string Everything(const fs::path& dir) {
    std::string out;
    for (const auto& entry : fs::recursive_directory_iterator(dir)) {
      if (entry.is_regular_file()) out += *ReadFile(entry.path());
    }
    return out;
  }

  TempDir dir_ = *TempDir::Make("podium-split");
  TaskPackage task_;
  PreparedTask prepared_;
};

TEST_F(HiddenSplitTest, NoLabelOfAHeldRowIsAmongWhatTheAgentHas) {
  HiddenSplit split = Make();
  std::string seen = Everything(split.agent.public_dir);
  int held = 0, kept = 0;
  for (const auto& part : {split.search, split.choice}) {
    auto answers = Read(part.prepared.private_dir / "answers.csv");
    EXPECT_EQ(answers.size(), part.rows + 1);
    for (std::size_t i = 1; i < answers.size(); ++i) {
      ++held;
      EXPECT_THAT(seen, testing::Not(HasSubstr(answers[i][1])));
    }
  }
  EXPECT_EQ(held, 30);
  for (int i = 0; i < 100; ++i)
    kept += seen.find("word" + std::to_string(i) + "x") != std::string::npos;
  EXPECT_EQ(kept, 70) << "the labels that it has are found by the same search";
  EXPECT_EQ(*ReadFile(split.agent.public_dir / "more/notes.txt"), "as it was");
  auto mode = fs::status(split.agent.private_dir).permissions();
  EXPECT_EQ(mode & fs::perms::others_all, fs::perms::none);
}

TEST_F(HiddenSplitTest, NeitherIdNorOrderSaysWhichTestRowsAreHeld) {
  HiddenSplit split = Make();
  auto test = Read(split.agent.public_dir / "test.csv");
  ASSERT_EQ(test.size(), 1u + 20 + 30);
  for (std::size_t i = 1; i < test.size(); ++i) EXPECT_EQ(test[i][0], std::to_string(i));
  EXPECT_EQ(Column(split.agent.public_dir / "sample_submission.csv", 0),
            Column(split.agent.public_dir / "test.csv", 0));
  auto answers = Read(split.search.prepared.private_dir / "answers.csv");
  int first_half = 0;
  for (std::size_t i = 1; i < answers.size(); ++i) first_half += std::stoi(answers[i][0]) <= 25;
  EXPECT_GT(first_half, 2);
  EXPECT_LT(first_half, 13);
}

TEST_F(HiddenSplitTest, IsTheSameEverywhereAndMadeOnce) {
  HiddenSplit one = Make();
  auto written = fs::last_write_time(one.agent.public_dir / "train.csv");
  HiddenSplit again = Make();
  EXPECT_EQ(one.digest, again.digest);
  EXPECT_EQ(fs::last_write_time(again.agent.public_dir / "train.csv"), written);
  std::string train = *ReadFile(one.agent.public_dir / "train.csv");
  ASSERT_TRUE(RemoveTree(one.agent.public_dir.parent_path()));
  EXPECT_EQ(Make().digest, one.digest);
  EXPECT_EQ(*ReadFile(one.agent.public_dir / "train.csv"), train);
}

TEST_F(HiddenSplitTest, ASubmissionIsTakenApart) {
  HiddenSplit split = Make();
  std::string all = "label,id\n";
  for (std::size_t i = 50; i > 0; --i)
    all += "p" + std::to_string(i) + "," + std::to_string(i) + "\n";
  fs::path file = dir_.path() / "s.csv", search = dir_.path() / "a.csv",
           choice = dir_.path() / "b.csv";
  ASSERT_TRUE(WriteFileAtomic(file, all));
  auto taken = TakeHeldRows(split, file, search, choice);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(Column(search, 1), Column(split.search.prepared.private_dir / "answers.csv", 0));
  EXPECT_EQ(Column(choice, 1), Column(split.choice.prepared.private_dir / "answers.csv", 0));
  EXPECT_EQ(Column(file, 1), Column(prepared_.sample_submission(), 0)) << "the task's own ids";
  // Each answer is still the row's: of a test row by what else it holds.
  auto mixed = Read(split.agent.public_dir / "test.csv");
  auto own = Read(prepared_.public_dir / "test.csv");
  std::map<std::string, std::string> answer_of;
  for (const auto& row : Read(file)) answer_of[row[1]] = row[0];
  for (std::size_t i = 1; i < own.size(); ++i) {
    std::size_t place = std::stoul(answer_of[own[i][0]].substr(1));
    EXPECT_EQ(mixed[place][1], own[i][1]);
    EXPECT_EQ(mixed[place][2], own[i][2]);
  }
  ASSERT_TRUE(WriteFileAtomic(file, "id,label\n99,x\n"));
  EXPECT_THAT(TakeHeldRows(split, file, search, choice).error().message, HasSubstr("id '99'"));
}

TEST_F(HiddenSplitTest, GroupsStayTogether) {
  task_.split->group = "shop";
  HiddenSplit split = Make();
  std::set<std::string> kept = Column(split.agent.public_dir / "train.csv", 1);
  EXPECT_EQ(kept.size(), 1u + 7) << "the header and 7 of 10 shops";
  EXPECT_EQ(split.search.rows, 20u);
  EXPECT_EQ(split.choice.rows, 10u);
}

TEST_F(HiddenSplitTest, TheLatestAreHeld) {
  task_.split->time = "day";
  HiddenSplit split = Make();
  for (const auto& day : Column(split.agent.public_dir / "train.csv", 2)) {
    if (day == "day") continue;
    EXPECT_LT(std::stoi(day), 35);
  }
}

TEST_F(HiddenSplitTest, APartIsATaskOfTheSameMetric) {
  HiddenSplit split = Make();
  EXPECT_EQ(split.search.rows, 15u);
  EXPECT_EQ(split.search.task.grader.metric, "accuracy");
  EXPECT_EQ(split.search.task.grader.params["k"], 3) << "a fifth of its rows";
  EXPECT_EQ(split.search.prepared.board_file, prepared_.board_file) << "the grader wants one";
}

TEST_F(HiddenSplitTest, WhatDoesNotFitIsNamed) {
  task_.split->target = "lable";
  EXPECT_EQ(WhyNot(), "") << "the answers' column is in the table: no target is needed";
  task_.split->id = "row";
  EXPECT_THAT(WhyNot(), HasSubstr("'row'"));
  task_.split->id = "id";
  task_.split->fraction = 0.001;
  EXPECT_THAT(WhyNot(), HasSubstr("leaves nothing"));
  task_.split->fraction = 0.3;
  task_.split->group = "town";
  EXPECT_THAT(WhyNot(), HasSubstr("no column 'town'"));
  task_.split.reset();
  EXPECT_THAT(WhyNot(), HasSubstr("give it `split: {table: train.csv"));
}

}  // namespace
}  // namespace podium::tasks
