#include "harness/store/history.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/files.h"
#include "base/text.h"

namespace podium::harness {
namespace {

class HistoryTest : public testing::Test {
 protected:
  void Append(const std::string& event, const std::string& trial,
              const std::string& submission = "") {
    HistoryEntry e{.event = event, .trial = trial, .submission_sha256 = submission};
    auto done = History(temp_.path()).Append(std::move(e), SystemClock());
    ASSERT_TRUE(done) << done.error().message;
  }
  std::string Text() { return *ReadFile(History(temp_.path()).path()); }
  void Write(const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(History(temp_.path()).path(), text));
  }
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
};

TEST_F(HistoryTest, WhatWasAppendedIsReadInOrder) {
  EXPECT_TRUE(History(temp_.path()).Read()->empty());
  Append("attempt", "tiny/a/s0");
  Append("graded", "tiny/a/s0", "aa");
  auto read = History(temp_.path()).Read();
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
    auto read = History(temp_.path()).Read();
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().message.find("history.jsonl:"), std::string::npos);
  }
}

TEST_F(HistoryTest, ATornLastLineIsDroppedAndGoneAfterTheNext) {
  Append("attempt", "tiny/a/s0");
  std::ofstream(History(temp_.path()).path(), std::ios::app) << "{\"n\":2,\"t\"";
  EXPECT_EQ(History(temp_.path()).Read()->size(), 1u);
  Append("attempt", "tiny/a/s1");
  EXPECT_EQ(History(temp_.path()).Read()->size(), 2u);
}

TEST_F(HistoryTest, ManyWritersMakeOneChain) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) Append("attempt", "tiny/a/s" + std::to_string(t));
    });
  }
  for (auto& t : threads) t.join();
  auto read = History(temp_.path()).Read();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size(), 40u);
}

TEST_F(HistoryTest, HonestRunsHaveNoFlags) {
  Append("attempt", "tiny/a/s0");
  Append("attempt", "tiny/a/s0");  // continued after a crash
  Append("graded", "tiny/a/s0", "aa");
  Append("graded", "tiny/a/s0", "aa");  // killed between history and verdict
  Append("attempt", "tiny/a/s1");
  EXPECT_TRUE(HistoryFlags(*History(temp_.path()).Read(), RunOf({{"a", 0}, {"a", 1}})).empty());
}

// V07
TEST_F(HistoryTest, ChoosingByTheScoreIsFlagged) {
  Append("graded", "tiny/a/s0", "aa");
  Append("attempt", "tiny/a/s0");  // its folder was removed and it ran again
  Append("graded", "tiny/a/s0", "bb");
  Append("graded", "tiny/a/s1", "cc");  // no longer in the lock
  Append("graded", "tiny/b/s0", "dd");
  Append("graded", "tiny/b/s0", "ee");  // another submission in place of the first
  auto flags = HistoryFlags(*History(temp_.path()).Read(), RunOf({{"a", 0}, {"b", 0}}));
  ASSERT_EQ(flags.size(), 3u);
  EXPECT_EQ(flags[0].trial, "tiny/a/s0");
  EXPECT_EQ(flags[1].trial, "tiny/a/s1");
  EXPECT_EQ(flags[2].trial, "tiny/b/s0");
  for (const auto& flag : flags)
    EXPECT_TRUE(flag.text.starts_with("oracle_selected: ")) << flag.text;
}

// A line must cost the same however many there are: what stands before the last one is not read.
TEST_F(HistoryTest, ALineIsAppendedWithoutReadingThoseBefore) {
  for (int i = 0; i < 200; ++i) Append("attempt", "tiny/a/s" + std::to_string(i));
  std::string text = Text();
  std::string damaged = text;
  damaged[3] = 'X';  // in the first line, far before the end
  Write(damaged);
  Append("attempt", "tiny/a/s200");
  EXPECT_FALSE(History(temp_.path()).Read()) << "a reader sees the damage";
  std::string added = Text().substr(damaged.size());
  Write(text + added);
  auto read = History(temp_.path()).Read();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size(), 201u);
  EXPECT_EQ(read->back().number, 201);
}

TEST_F(HistoryTest, ALinkInItsPlaceIsNotFollowed) {
  ASSERT_TRUE(WriteFileAtomic(temp_.path() / "other", ""));
  std::filesystem::create_symlink("other", History(temp_.path()).path());
  HistoryEntry e{.event = "attempt", .trial = "tiny/a/s0"};
  EXPECT_FALSE(History(temp_.path()).Append(std::move(e), SystemClock()));
  EXPECT_EQ(*ReadFile(temp_.path() / "other"), "");
  EXPECT_FALSE(History(temp_.path()).Read());
}

}  // namespace
}  // namespace podium::harness
