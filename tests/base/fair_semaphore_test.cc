// Places: none lost, none given twice, each owner its turn.
#include "base/async/fair_semaphore.h"

#include <gmock/gmock.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/base/loop_fixture.h"

namespace podium {
namespace {

using testing::ElementsAre;

class FairSemaphoreTest : public LoopFixture {
 protected:
  std::size_t Ask(std::string owner, Deadline deadline = Deadline::Never()) {
    return Start(Take(std::move(owner), deadline));
  }
  // Its owner enters order_ with its place, which it then keeps.
  Task<void> Take(std::string owner, Deadline deadline) {
    auto permit = co_await places_->Take(owner, deadline);
    if (!permit) ++late_;
    if (!permit) co_return;
    order_.push_back(owner);
    permits_.push_back(std::move(*permit));
  }
  // The earliest place that is still kept comes back.
  void GiveBack() {
    permits_.pop_front();
    Poll();
  }

  std::unique_ptr<FairSemaphore> places_ = std::make_unique<FairSemaphore>(2);
  std::deque<FairSemaphore::Permit> permits_;
  std::vector<std::string> order_;
  int late_ = 0;
};

TEST_F(FairSemaphoreTest, NoMoreEnterThanThereArePlaces) {
  for (const char* owner : {"a", "b", "c"}) Ask(owner);
  EXPECT_THAT(order_, ElementsAre("a", "b"));
  GiveBack();
  EXPECT_THAT(order_, ElementsAre("a", "b", "c"));
}

// The first of the two bugs: one wake for several places.
TEST_F(FairSemaphoreTest, PlacesThatComeBackAtOnceWakeAsManyWaiters) {
  for (const char* owner : {"a", "b", "c", "d", "e"}) Ask(owner);
  permits_.clear();  // both in the same moment, before anybody runs
  Poll();
  EXPECT_THAT(order_, ElementsAre("a", "b", "c", "d"));
}

// The second: the wake of one who is gone is lost, and with it the place.
TEST_F(FairSemaphoreTest, ACancelledWaiterPassesItsWakeOn) {
  Ask("a");
  Ask("b");
  auto gone = Ask("gone");
  Ask("d");
  Cancel(gone);          // it learns of this when the loop runs;
  permits_.pop_front();  // before that, a place is set aside for it
  Poll();
  EXPECT_THAT(order_, ElementsAre("a", "b", "d"));
  EXPECT_EQ(thrown_, 1) << "the cancelled wait ends by an exception";
  permits_.clear();
  Ask("e");
  Ask("f");
  EXPECT_THAT(order_, ElementsAre("a", "b", "d", "e", "f")) << "no place is lost";
}

TEST_F(FairSemaphoreTest, AWaiterThatIsCancelledBeforeItsTurnIsForgotten) {
  Ask("a");
  Ask("b");
  auto gone = Ask("gone");
  Ask("d");
  Cancel(gone);
  Poll();
  EXPECT_EQ(thrown_, 1);
  GiveBack();
  EXPECT_THAT(order_, ElementsAre("a", "b", "d"));
  Ask("e");
  EXPECT_THAT(order_, ElementsAre("a", "b", "d")) << "both places are taken";
}

TEST_F(FairSemaphoreTest, OwnersTakeTurnsHoweverManyOneAsks) {
  for (const char* owner : {"a", "a", "a", "a", "a", "b", "c"}) Ask(owner);
  while (!permits_.empty()) GiveBack();
  EXPECT_THAT(order_, ElementsAre("a", "a", "a", "b", "c", "a", "a"));
}

TEST_F(FairSemaphoreTest, AnOwnersWaitersAreServedInOrder) {
  places_ = std::make_unique<FairSemaphore>(1);
  std::vector<int> order;
  auto take = [&](int number) -> Task<void> {
    auto permit = co_await places_->Take("a", Deadline::Never());
    order.push_back(number);
    permits_.push_back(std::move(*permit));
  };
  for (int i = 0; i < 4; ++i) Start(take(i));
  while (!permits_.empty()) GiveBack();
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

TEST_F(FairSemaphoreTest, ADeadlineEndsTheWaitAndTakesNothing) {
  Ask("a");
  Ask("b");
  Ask("late", Deadline(SteadyTime()));
  EXPECT_EQ(late_, 1);
  permits_.clear();
  Ask("d");
  Ask("e");
  EXPECT_THAT(order_, ElementsAre("a", "b", "d", "e"));
}

TEST_F(FairSemaphoreTest, ADeadlineThatPassesMeanwhileWakesItsWaiter) {
  Ask("a");
  Ask("b");
  Ask("late", Deadline::In(Millis(1)));
  EXPECT_EQ(late_, 0);
  io_.restart();
  io_.run_for(std::chrono::seconds(10));  // ends once nothing is left to wait for
  EXPECT_EQ(late_, 1);
}

TEST_F(FairSemaphoreTest, MorePlacesLetWaitersInAtOnce) {
  for (const char* owner : {"a", "b", "c", "d", "e"}) Ask(owner);
  places_->Resize(4);
  Poll();
  EXPECT_THAT(order_, ElementsAre("a", "b", "c", "d"));
}

TEST_F(FairSemaphoreTest, FewerPlacesLetHoldersFinish) {
  for (const char* owner : {"a", "b", "c", "d"}) Ask(owner);
  places_->Resize(1);
  Poll();
  EXPECT_EQ(permits_.size(), 2u) << "nobody is put out";
  GiveBack();
  EXPECT_THAT(order_, ElementsAre("a", "b")) << "the place that is left is taken";
  GiveBack();
  EXPECT_THAT(order_, ElementsAre("a", "b", "c"));
  GiveBack();
  EXPECT_THAT(order_, ElementsAre("a", "b", "c", "d"));
}

TEST_F(FairSemaphoreTest, NobodyEntersWhileItRests) {
  places_->RestUntil(SteadyNow() + Millis(20));
  EXPECT_TRUE(places_->resting());
  Ask("a");
  EXPECT_THAT(order_, ElementsAre());
  io_.restart();
  io_.run_for(std::chrono::seconds(10));
  EXPECT_THAT(order_, ElementsAre("a"));
}

TEST_F(FairSemaphoreTest, ARestThatComesLaterHoldsThoseWhoWaitAlready) {
  for (const char* owner : {"a", "b", "c"}) Ask(owner);
  places_->RestUntil(SteadyNow() + Millis(20));
  places_->RestUntil(SteadyNow());  // changes nothing
  GiveBack();
  EXPECT_THAT(order_, ElementsAre("a", "b"));
  io_.restart();
  io_.run_for(std::chrono::seconds(10));
  EXPECT_THAT(order_, ElementsAre("a", "b", "c"));
}

// Between one look at the clock and the next: whoever saw the rest in the first and not in the
// second would wait for ever.
TEST_F(FairSemaphoreTest, ARestThatEndsInThatMomentIsWaitedForNoLonger) {
  for (std::size_t i = 0; i < 40'000; ++i) {
    permits_.clear();
    places_ = std::make_unique<FairSemaphore>(1);
    auto task = Take("a", Deadline::Never());
    places_->RestUntil(SteadyNow() + std::chrono::nanoseconds(i % 4000));
    Start(std::move(task));
    io_.restart();
    io_.run_for(std::chrono::seconds(5));  // until nothing is left to do
    ASSERT_EQ(order_.size(), i + 1) << "it waits for ever";
  }
}

TEST_F(FairSemaphoreTest, PermitsAndWaitsOutliveIt) {
  for (const char* owner : {"a", "b", "c"}) Ask(owner);
  places_.reset();
  GiveBack();
  EXPECT_THAT(order_, ElementsAre("a", "b", "c"));
}

TEST_F(FairSemaphoreTest, AReleasedPermitGivesBackOnce) {
  for (const char* owner : {"a", "b", "c", "d"}) Ask(owner);
  permits_.front().Release();
  permits_.front().Release();
  GiveBack();  // destroyed
  EXPECT_THAT(order_, ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace podium
