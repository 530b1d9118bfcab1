#include "harness/store/journal.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"

namespace podium::harness {
namespace {

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-journal");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
    path_ = temp_->path() / "journal.jsonl";
    auto journal = Journal::Open(path_, SystemClock());
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->Record("attempt", R"({"pid": 1})"));
    ASSERT_TRUE(journal->Record("node", R"({"id": 0, "text": "é"})"));
  }
  std::size_t EventsAfterReopening() {
    auto journal = Journal::Open(path_, SystemClock());
    EXPECT_TRUE(journal) << journal.error().message;
    return journal ? journal->events().size() : 0;
  }
  std::filesystem::path path_;

 private:
  std::optional<TempDir> temp_;
};

TEST_F(JournalTest, EventsComeBackInOrder) {
  auto events = ReadJournal(path_);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 2u);
  EXPECT_EQ((*events)[1].number, 2);
  EXPECT_EQ((*events)[1].type, "node");
  EXPECT_EQ((*events)[1].body_json, R"({"id":0,"text":"é"})");
}

TEST_F(JournalTest, ALineCutAnywhereIsDroppedAndWritingGoesOn) {
  std::string whole = *ReadFile(path_);
  std::size_t second = whole.find('\n') + 1;
  for (std::size_t cut = second; cut < whole.size(); ++cut) {
    ASSERT_TRUE(WriteFileAtomic(path_, whole.substr(0, cut)));
    ASSERT_EQ(ReadJournal(path_)->size(), 1u) << cut;
    ASSERT_EQ(EventsAfterReopening(), 1u) << cut;
  }
  auto journal = Journal::Open(path_, SystemClock());
  ASSERT_TRUE(journal->Record("sealed", "{}"));
  EXPECT_EQ(ReadJournal(path_)->back().type, "sealed");
}

TEST_F(JournalTest, DamageInsideIsAnErrorThatNamesTheLine) {
  std::string whole = *ReadFile(path_);
  std::string changed = whole;
  changed.replace(changed.find("\"pid\":1"), 7, "\"pid\":2");
  ASSERT_TRUE(WriteFileAtomic(path_, changed));
  auto events = ReadJournal(path_);
  ASSERT_FALSE(events);
  EXPECT_NE(events.error().message.find("journal.jsonl:1"), std::string::npos);
  ASSERT_TRUE(WriteFileAtomic(path_, whole.substr(whole.find('\n') + 1) + whole));
  EXPECT_FALSE(ReadJournal(path_)) << "numbers with a gap";
}

TEST_F(JournalTest, ABodyThatIsNoJsonIsRefused) {
  auto journal = Journal::Open(path_, SystemClock());
  EXPECT_FALSE(journal->Record("node", "{"));
  EXPECT_EQ(EventsAfterReopening(), 2u);
}

}  // namespace
}  // namespace podium::harness
