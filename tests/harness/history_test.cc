#include "harness/store/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/files.h"
#include "base/text.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

class HistoryTest : public testing::Test {
 protected:
  void Append(const std::string& event, const std::string& trial,
              const std::string& submission = "") {
    std::vector<HistoryLine> lines;
    lines.push_back({.event = event, .trial = trial, .submission_sha256 = submission});
    auto done = writer_.Append(std::move(lines));
    ASSERT_TRUE(done) << done.error().message;
  }
  // The writer's file; there is one.
  fs::path Path() { return fs::directory_iterator(temp_.path() / "history")->path(); }
  std::string Text() { return *ReadFile(Path()); }
  void Write(const std::string& text) { ASSERT_TRUE(WriteFileAtomic(Path(), text)); }
  RunView RunOf(const std::vector<std::pair<std::string, int>>& agents) {
    RunView run;
    for (const auto& [agent, seed] : agents) {
      TrialView t;
      t.id = {*TaskId::Parse("tiny"), *AgentId::Parse(agent), seed};
      run.trials.push_back(std::move(t));
    }
    return run;
  }
  TempDir temp_ = *TempDir::Make("podium-history");
  HistoryWriter writer_{temp_.path(), SystemClock()};
};

TEST_F(HistoryTest, WhatWasAppendedIsReadInOrder) {
  EXPECT_TRUE(ReadHistory(temp_.path())->empty());
  Append("attempt", "tiny/a/s0");
  Append("graded", "tiny/a/s0", "aa");
  auto read = ReadHistory(temp_.path());
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[1].number, 2);
  EXPECT_EQ((*read)[1].event, "graded");
  EXPECT_EQ((*read)[1].submission_sha256, "aa");
}

TEST_F(HistoryTest, AChangedOrMissingLineIsNoticed) {
  for (const char* trial : {"tiny/a/s0", "tiny/a/s1", "tiny/a/s2"}) Append("graded", trial, "aa");
  const std::string whole = Text();
  std::vector<std::string> lines;
  for (auto line : Split(Trim(whole), '\n')) lines.emplace_back(line);
  std::string changed = whole;
  changed.replace(changed.find("\"aa\""), 4, "\"bb\"");
  for (const std::string& text :
       {changed, lines[0] + "\n" + lines[2] + "\n", lines[1] + "\n" + lines[2] + "\n",
        lines[1] + "\n" + lines[0] + "\n" + lines[2] + "\n"}) {
    Write(text);
    auto read = ReadHistory(temp_.path());
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().message.find(".jsonl:"), std::string::npos);
  }
}

TEST_F(HistoryTest, ATornLastLineIsDropped) {
  Append("attempt", "tiny/a/s0");
  std::ofstream(Path(), std::ios::app) << "{\"n\":2,\"t\"";
  EXPECT_EQ(ReadHistory(temp_.path())->size(), 1u);
}

TEST_F(HistoryTest, LinesOfManyThreadsMakeOneChain) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) Append("attempt", "tiny/a/s" + std::to_string(t));
    });
  }
  for (auto& t : threads) t.join();
  auto read = ReadHistory(temp_.path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size(), 40u);
}

TEST_F(HistoryTest, EachWriterHasAFileAndReadersMergeThemByTime) {
  Append("attempt", "tiny/a/s0");
  HistoryWriter other(temp_.path(), SystemClock());
  std::vector<HistoryLine> lines;
  lines.push_back({.event = "graded", .trial = "tiny/a/s1", .lease = 3});
  ASSERT_TRUE(other.Append(std::move(lines)));
  Append("graded", "tiny/a/s0", "aa");
  auto files = std::distance(fs::directory_iterator(temp_.path() / "history"), {});
  EXPECT_EQ(files, 2);
  auto read = ReadHistory(temp_.path());
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ(std::ranges::count((*read), "tiny/a/s1", &HistoryLine::trial), 1);
  EXPECT_TRUE(std::ranges::is_sorted(*read, {}, &HistoryLine::time));
}

// As written before each writer had a file of its own.
TEST_F(HistoryTest, TheOneFileOfOlderRunsIsReadAsWell) {
  const char* kOld =
      R"({"n":1,"t":"2026-11-24T01:54:57.123Z","event":"attempt","trial":"tiny/a/s0",)"
      R"("digest":"@"})";
  std::string fields =
      R"({"n":1,"t":"2026-11-24T01:54:57.123Z","event":"attempt","trial":"tiny/a/s0"})";
  std::string line = kOld;
  line.replace(line.find('@'), 1, Digest::Of("\n" + fields).hex());
  ASSERT_TRUE(WriteFileAtomic(temp_.path() / "history.jsonl", line + "\n"));
  Append("graded", "tiny/a/s0", "aa");
  auto read = ReadHistory(temp_.path());
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ(read->front().event, "attempt");
}

TEST_F(HistoryTest, ALaterSchemaIsRefusedByName) {
  Append("attempt", "tiny/a/s0");
  std::string text = Text();
  text.replace(text.find("\"v\":2"), 5, "\"v\":9");
  Write(text);
  auto read = ReadHistory(temp_.path());
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("written by a newer Podium"), std::string::npos);
}

TEST_F(HistoryTest, HonestRunsHaveNoFlags) {
  Append("attempt", "tiny/a/s0");
  Append("attempt", "tiny/a/s0");  // continued after a crash
  Append("graded", "tiny/a/s0", "aa");
  Append("graded", "tiny/a/s0", "aa");  // killed between history and verdict
  Append("attempt", "tiny/a/s1");
  EXPECT_TRUE(HistoryFlags(*ReadHistory(temp_.path()), RunOf({{"a", 0}, {"a", 1}})).empty());
}

// V07
TEST_F(HistoryTest, ChoosingByTheScoreIsFlagged) {
  Append("graded", "tiny/a/s0", "aa");
  Append("attempt", "tiny/a/s0");  // its folder was removed and it ran again
  Append("graded", "tiny/a/s0", "bb");
  Append("graded", "tiny/a/s1", "cc");  // no longer in the lock
  Append("graded", "tiny/b/s0", "dd");
  Append("graded", "tiny/b/s0", "ee");  // another submission in place of the first
  auto flags = HistoryFlags(*ReadHistory(temp_.path()), RunOf({{"a", 0}, {"b", 0}}));
  ASSERT_EQ(flags.size(), 3u);
  EXPECT_EQ(flags[0].trial, "tiny/a/s0");
  EXPECT_EQ(flags[1].trial, "tiny/a/s1");
  EXPECT_EQ(flags[2].trial, "tiny/b/s0");
  for (const auto& flag : flags)
    EXPECT_TRUE(flag.text.starts_with("oracle_selected: ")) << flag.text;
}

// A line must cost the same however many there are: what was written before is not read again.
TEST_F(HistoryTest, ALineIsAppendedWithoutReadingThoseBefore) {
  for (int i = 0; i < 20; ++i) Append("attempt", "tiny/a/s" + std::to_string(i));
  std::string before = Text();
  std::fstream file(Path(), std::ios::in | std::ios::out);
  file.seekp(3);
  file << 'X';  // in the first line
  file.close();
  Append("attempt", "tiny/a/s200");
  EXPECT_FALSE(ReadHistory(temp_.path())) << "a reader sees the damage";
  std::string added = Text().substr(before.size());
  Write(before + added);
  auto read = ReadHistory(temp_.path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size(), 21u);
}

}  // namespace
}  // namespace podium::harness
