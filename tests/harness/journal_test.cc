#include "harness/store/journal.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <csignal>
#include <fstream>

#include "base/files.h"

namespace podium::harness {
namespace {

records::SearchNode Node(int id) {
  records::SearchNode node;
  node.id = id;
  node.plan = "é";
  return node;
}

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-journal");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
    path_ = temp_->path() / "journal.jsonl";
    auto journal = Journal::Open(path_, SystemClock());
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->Record(records::Attempt{.pid = 1}));
    ASSERT_TRUE(journal->Record(Node(0)));
  }
  std::size_t EventsAfterReopening() {
    auto journal = Journal::Open(path_, SystemClock());
    EXPECT_TRUE(journal) << journal.error().message;
    return journal ? journal->lines().size() : 0;
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
  const auto* node = std::get_if<records::SearchNode>(&(*events)[1].event);
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->plan, "é");
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
  ASSERT_TRUE(journal->Record(records::Sealed{}));
  EXPECT_EQ(records::EventName(ReadJournal(path_)->back().event), "sealed");
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

// As on a disk that is full: the file may grow by some bytes of the line and no more.
TEST_F(JournalTest, AFailedWriteLeavesNoPartOfALine) {
  auto journal = Journal::Open(path_, SystemClock());
  ASSERT_TRUE(journal);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit low = before;
  low.rlim_cur = std::filesystem::file_size(path_) + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  auto failed = journal->Record(Node(1));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(failed);
  EXPECT_FALSE(journal->Record(Node(1))) << "what the disk holds is not known";
  EXPECT_EQ(journal->lines().size(), 2u);
  EXPECT_EQ(EventsAfterReopening(), 2u);
  auto next = Journal::Open(path_, SystemClock());
  ASSERT_TRUE(next->Record(records::Sealed{}));
  EXPECT_EQ(EventsAfterReopening(), 3u);
}

TEST_F(JournalTest, AFormerOwnersWritesGoNowhere) {
  auto former = Journal::Open(path_, SystemClock());
  auto next = Journal::Open(path_, SystemClock(), {.own_copy = true});
  ASSERT_TRUE(former && next);
  ASSERT_TRUE(former->Record(Node(1)));
  ASSERT_TRUE(next->Record(records::Sealed{}));
  auto events = ReadJournal(path_);
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(events->size(), 3u);
  EXPECT_EQ(records::EventName(events->back().event), "sealed");
}

// Who wakes up after another took the trial over, and writes into the same file all the same.
TEST_F(JournalTest, LinesOfAFormerLeaseAreLeftOut) {
  auto former = Journal::Open(path_, SystemClock(), {.lease = 1});
  auto next = Journal::Open(path_, SystemClock(), {.lease = 2});
  ASSERT_TRUE(former && next);
  ASSERT_TRUE(next->Record(records::Paused{}));
  ASSERT_TRUE(former->Record(Node(1)));
  ASSERT_TRUE(next->Record(records::Sealed{}));
  auto lines = ReadJournal(path_);
  ASSERT_TRUE(lines) << lines.error().message;
  ASSERT_EQ(lines->size(), 4u);
  EXPECT_EQ(records::EventName((*lines)[2].event), "paused");
  EXPECT_EQ(records::EventName((*lines)[3].event), "sealed");
  EXPECT_EQ(lines->back().lease, 2);
}

TEST_F(JournalTest, AGroupIsOneWriteAndItsEventsFollowEachOther) {
  auto journal = Journal::Open(path_, SystemClock());
  ASSERT_TRUE(journal);
  Reactor reactor;
  auto ended = reactor.Run([&]() -> Task<Status> {
    std::vector<records::Event> both;
    both.emplace_back(records::Attempt{.pid = 2});
    both.emplace_back(records::Sealed{});
    co_return co_await journal->AppendAll(std::move(both));
  });
  ASSERT_TRUE(ended) << ended.error().message;
  ASSERT_EQ(journal->lines().size(), 4u);
  EXPECT_EQ(journal->lines()[3].number, 4);
  EXPECT_NE(LastOf<records::Sealed>(journal->lines()), nullptr);
  EXPECT_EQ(LastOf<records::Attempt>(journal->lines())->pid, 2);
  EXPECT_EQ(LastOf<records::Failed>(journal->lines()), nullptr);
}

// What a text of an event says is not taken for the event.
TEST_F(JournalTest, TheSealIsTheEventAndNotATextThatLooksLikeIt) {
  auto journal = Journal::Open(path_, SystemClock());
  EXPECT_FALSE(SealedDigest(path_));
  ASSERT_TRUE(journal->Record(records::Sealed{}));
  auto sealed = SealedDigest(path_);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(*sealed, Digest::Of(*ReadFile(path_)));
  records::SearchNode sly = Node(1);
  sly.output = R"("type":"sealed","body":{})";
  ASSERT_TRUE(journal->Record(sly));
  EXPECT_EQ(*SealedDigest(path_), *sealed);
}

TEST_F(JournalTest, ALinkInItsPlaceIsNotFollowed) {
  std::filesystem::path target = path_.parent_path() / "target";
  std::filesystem::rename(path_, target);
  std::filesystem::create_symlink(target, path_);
  EXPECT_FALSE(Journal::Open(path_, SystemClock()));
  EXPECT_FALSE(ReadJournal(path_));
}

// Appended side by side, they are written one after the other and kept in that order.
TEST_F(JournalTest, EventsOfManyCoroutinesKeepTheirNumbers) {
  auto journal = Journal::Open(path_, SystemClock());
  ASSERT_TRUE(journal);
  Reactor reactor;
  int asked = 0;
  journal->UsePool(reactor, [&asked]() -> Status {
    ++asked;
    return {};
  });
  auto ended = reactor.Run([&]() -> Task<Status> {
    using namespace boost::asio::experimental::awaitable_operators;
    auto three = [&]() -> Task<void> {
      for (int i = 0; i < 3; ++i) EXPECT_TRUE(co_await journal->Append(Node(0)));
    };
    co_await (three() && three() && three());
    co_return Status{};
  });
  ASSERT_TRUE(ended);
  EXPECT_EQ(asked, 9);
  ASSERT_EQ(journal->lines().size(), 11u);
  for (std::size_t i = 0; i < 11; ++i)
    EXPECT_EQ(journal->lines()[i].number, static_cast<std::int64_t>(i) + 1);
  EXPECT_EQ(EventsAfterReopening(), 11u);
}

TEST_F(JournalTest, NothingIsWrittenThatTheLeaseForbids) {
  auto journal = Journal::Open(path_, SystemClock());
  Reactor reactor;
  journal->UsePool(reactor, []() -> Status { return Fail(ErrorCode::kBusy, "taken over"); });
  auto recorded = journal->Record(records::Sealed{});
  ASSERT_FALSE(recorded);
  EXPECT_EQ(recorded.error().code, ErrorCode::kBusy);
  EXPECT_EQ(EventsAfterReopening(), 2u);
}

}  // namespace
}  // namespace podium::harness
