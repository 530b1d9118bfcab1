#include "tasks/task_package.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/files.h"
#include "tasks/board_check.h"
#include "tasks/instruction.h"
#include "tasks/suite.h"
#include "tests/support/tiny_task.h"

namespace podium::tasks {
namespace {

class TaskPackageTest : public testing::Test {
 protected:
  void SetUp() override { tests::WriteTinyTask(dir_); }
  std::string Yaml() { return *ReadFile(dir_ / "task.yaml"); }
  void Replace(const std::string& from, const std::string& to) {
    std::string yaml = Yaml();
    auto at = yaml.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    yaml.replace(at, from.size(), to);
    ASSERT_TRUE(WriteFileAtomic(dir_ / "task.yaml", yaml));
  }
  std::string LoadError() {
    auto task = LoadTask(dir_);
    return task ? "" : task.error().message;
  }
  TempDir temp_ = std::move(*TempDir::Make("podium-task"));
  fs::path dir_ = temp_.path() / "tiny";
};

TEST_F(TaskPackageTest, LoadsAWholePackage) {
  auto task = LoadTask(dir_);
  ASSERT_TRUE(task) << task.error().message;
  EXPECT_EQ(task->id.str(), "tiny");
  EXPECT_EQ(task->submission.rules.columns.size(), 1u);
  EXPECT_EQ(task->grader.metric, "accuracy");
  EXPECT_EQ(task->budget_wall, std::chrono::minutes(5));
}

TEST_F(TaskPackageTest, AnUnknownKeyNamesFileLineAndTheLikelyWord) {
  Replace("difficulty: easy", "dificulty: easy");
  std::string message = LoadError();
  EXPECT_NE(message.find("task.yaml:"), std::string::npos) << message;
  EXPECT_NE(message.find("difficulty"), std::string::npos) << message;
}

TEST_F(TaskPackageTest, WrongValuesAreErrorsWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"direction: higher", "direction: up"},
      {"kind: integer", "kind: whole"},
      {"wall: 5 min", "wall: 5"},
      {"memory: 1 GiB", "memory: much"},
      {"path: submission.csv", "path: ../x.csv"},
      {"origin: package", "origin: nowhere"},
      {"id: tiny", "id: ../tiny"},
      {"schema: podium-task/1", "schema: podium-task/9"},
      {"file: leaderboard.csv", "file: none.csv"},
      {"instruction: description.md", "instruction: none.md"}};
  for (auto [from, to] : cases) {
    std::string before = Yaml();
    Replace(from, to);
    std::string message = LoadError();
    EXPECT_NE(message.find("task.yaml:"), std::string::npos) << to << ": " << message;
    ASSERT_TRUE(WriteFileAtomic(dir_ / "task.yaml", before));
  }
}

TEST_F(TaskPackageTest, AnInstructionHasVariants) {
  ASSERT_TRUE(WriteFileAtomic(dir_ / "other.md", "Before.\n# Two columns\nGive y.\n"));
  Replace("instruction: description.md",
          "instruction: {default: description.md, variants: {obfuscated: other.md}}");
  auto task = LoadTask(dir_);
  ASSERT_TRUE(task) << task.error().message;
  EXPECT_EQ(InstructionOf(*task, "default")->description, task->description);
  EXPECT_EQ(InstructionOf(*task, "obfuscated")->title, "Two columns");
  auto none = InstructionOf(*task, "short");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("there is default, obfuscated"), std::string::npos)
      << none.error().message;
  Replace("{obfuscated: other.md}", "{default: other.md}");
  EXPECT_NE(LoadError().find("task.yaml:4: 'default' cannot name a variant"), std::string::npos)
      << LoadError();
  Replace("{default: other.md}", "{obfuscated: gone.md}");
  EXPECT_NE(LoadError().find("gone.md"), std::string::npos) << LoadError();
}

TEST_F(TaskPackageTest, APublicFolderWithAnotherTextHasTheSameData) {
  fs::path data = temp_.path() / "public";
  fs::create_directories(data / "images");
  for (const char* name : {"description.md", "train.csv", "images/a.png"})
    ASSERT_TRUE(WriteFileAtomic(data / name, name));
  auto made = PublicWith(data, "another", temp_.path() / "cache");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*ReadFile(*made / "description.md"), "another");
  EXPECT_EQ(*ReadFile(*made / "train.csv"), "train.csv");
  EXPECT_EQ(*ReadFile(*made / "images/a.png"), "images/a.png");
  EXPECT_EQ(*ReadFile(data / "description.md"), "description.md");
  EXPECT_EQ(*PublicWith(data, "another", temp_.path() / "cache"), *made);
  EXPECT_NE(*PublicWith(data, "a third", temp_.path() / "cache"), *made);
}

TEST_F(TaskPackageTest, ColumnRangesUnfold) {
  Replace("{name: y, kind: integer, min: 0, max: 1}", "{name: y_3..12, kind: number}");
  auto task = LoadTask(dir_);
  ASSERT_TRUE(task) << task.error().message;
  ASSERT_EQ(task->submission.rules.columns.size(), 10u);
  EXPECT_EQ(task->submission.rules.columns.front().name, "y_3");
  EXPECT_EQ(task->submission.rules.columns.back().name, "y_12");
}

TEST_F(TaskPackageTest, TheDigestIsOfTheFilesAndNotOfTheirPlace) {
  Digest before = LoadTask(dir_)->digest;
  fs::copy(dir_, temp_.path() / "other", fs::copy_options::recursive);
  EXPECT_EQ(LoadTask(temp_.path() / "other")->digest, before);
  std::ofstream(dir_ / "description.md", std::ios::app) << "more\n";
  EXPECT_NE(LoadTask(dir_)->digest, before);
}

// F12: what an agent is given must not hold how it came to be.
TEST_F(TaskPackageTest, AHistoryInAPackageIsRefused) {
  const fs::path at = dir_ / "data" / "public" / "extra";
  auto write = [](const fs::path& path, const std::string& text) {
    ASSERT_TRUE(MakeDirs(path.parent_path()));
    ASSERT_TRUE(WriteFileAtomic(path, text));
  };
  const std::vector<std::vector<std::pair<fs::path, std::string>>> cases = {
      {{".git/HEAD", "ref: refs/heads/main\n"}},
      {{".git", "gitdir: /somewhere/else\n"}},
      {{"repo/HEAD", "x"}, {"repo/objects/aa/bb", "x"}, {"repo/refs/tags/v1", "x"}},
      {{"x/pack-1.bin", std::string("PACK\0\0\0\2rest", 12)}},
      {{"all.dat", "# v2 git bundle\nabc\n"}},
      {{".hg/store/data", "x"}},
      {{".svn/wc.db", "x"}},
  };
  for (const auto& files : cases) {
    for (const auto& [name, text] : files) write(at / name, text);
    std::string message = LoadError();
    EXPECT_NE(message.find("a version history"), std::string::npos) << files[0].first << message;
    EXPECT_NE(message.find((at / *files[0].first.begin()).string()), std::string::npos) << message;
    fs::remove_all(at);
  }
  write(at / "HEAD", "an innocent file");
  EXPECT_TRUE(LoadTask(dir_));
}

// R2: each of these put a file of the host into an agent's data or into a prompt.
TEST_F(TaskPackageTest, NothingOutsideThePackageIsRead) {
  ASSERT_TRUE(WriteFileAtomic(temp_.path() / "secret", "SECRET\n"));
  const std::pair<const char*, const char*> cases[] = {
      {"instruction: description.md", "instruction: /proc/self/environ"},
      {"instruction: description.md", "instruction: ../secret"},
      {"file: leaderboard.csv", "file: ../secret"},
      {"file: leaderboard.csv, origin: package", "file: ../../secret, origin: prepared"}};
  for (auto [from, to] : cases) {
    std::string before = Yaml();
    Replace(from, to);
    std::string message = LoadError();
    EXPECT_NE(message.find("task.yaml:"), std::string::npos) << to << ": " << message;
    ASSERT_TRUE(WriteFileAtomic(dir_ / "task.yaml", before));
  }
  ASSERT_EQ(LoadError(), "");
}

TEST_F(TaskPackageTest, ALinkInAPackageIsRefusedByName) {
  for (const char* name : {"description.md", "leaderboard.csv", "task.yaml", "data",
                           "data/public/train.csv", "data/private"}) {
    fs::path away = temp_.path() / "away";
    fs::rename(dir_ / name, away);
    fs::create_symlink(away, dir_ / name);
    std::string message = LoadError();
    EXPECT_NE(message.find("is a symbolic link"), std::string::npos) << name << ": " << message;
    EXPECT_NE(message.find((dir_ / name).string()), std::string::npos) << name << ": " << message;
    fs::remove(dir_ / name);
    fs::rename(away, dir_ / name);
  }
  ASSERT_EQ(LoadError(), "");
}

// R26
TEST_F(TaskPackageTest, AFifoIsAnErrorAndNotAWait) {
  for (const char* name : {"description.md", "task.yaml", "extra"}) {
    fs::path away = temp_.path() / "away";
    if (fs::exists(dir_ / name)) fs::rename(dir_ / name, away);
    ASSERT_EQ(::mkfifo((dir_ / name).c_str(), 0644), 0);
    EXPECT_NE(LoadError().find("is a FIFO"), std::string::npos) << name;
    fs::remove(dir_ / name);
    if (fs::exists(away)) fs::rename(away, dir_ / name);
  }
}

TEST(FindTaskTest, AnUnknownTaskIsAnErrorWithASuggestion) {
  auto task = FindTask("conway-revers");
  ASSERT_FALSE(task);
  EXPECT_EQ(task.error().code, ErrorCode::kNotFound);
  EXPECT_NE(task.error().message.find("Did you mean 'conway-reverse'?"), std::string::npos)
      << task.error().message;
}

TEST(SuiteTest, StarterNamesFiveShippedTasks) {
  auto suite = LoadSuite("starter");
  ASSERT_TRUE(suite) << suite.error().message;
  EXPECT_EQ(suite->tasks.size(), 5u);
  for (const auto& id : suite->tasks) {
    auto task = FindTask(id.str());
    EXPECT_TRUE(task) << task.error().message;
  }
  EXPECT_FALSE(LoadSuite("startr"));
}

// Before the first trial: what the grader would say behind the last.
TEST_F(TaskPackageTest, ABoardThatCannotBeRankedOnIsAnErrorOfThePackage) {
  auto said = [&](const std::string& board) {
    EXPECT_TRUE(WriteFileAtomic(dir_ / "leaderboard.csv", board));
    auto good = CheckShippedBoard(*LoadTask(dir_));
    EXPECT_EQ(good.has_value(), CheckBoard(*LoadTask(dir_), dir_ / "leaderboard.csv").has_value());
    if (good) return std::string();
    EXPECT_EQ(good.error().code, ErrorCode::kConfig);
    return good.error().message;
  };
  EXPECT_EQ(said("score,count\n0.5,1\n0.75,2\n"), "");
  EXPECT_EQ(said("Rank,TeamId,TeamName,Score\n1,7,\"A, B\",0.9\n2,8,C,0.8\n"), "");
  EXPECT_NE(said("score,count\n0.5,1\n99%,1\n").find("leaderboard.csv: line 3"), std::string::npos);
  EXPECT_NE(said("score,count\n0.5,1\n\"5,000\",1\n").find("line 3"), std::string::npos);
  EXPECT_NE(said("score,count\n0.5,1\ninf,1\n").find("line 3"), std::string::npos);
  EXPECT_NE(said("score,count\n0,30\n").find("same score"), std::string::npos);
  EXPECT_NE(said("PublicScore,PrivateScore\n1,2\n").find("PrivateScore"), std::string::npos);
  EXPECT_TRUE(CheckBoard(*LoadTask(dir_), "")) << "medal lines alone";
}

}  // namespace
}  // namespace podium::tasks
