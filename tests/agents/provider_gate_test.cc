// Turns at a provider: fair, none lost, none kept by who has left.
#include "agents/models/provider_gate.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <vector>

namespace podium::agents {
namespace {

namespace asio = boost::asio;

// Callers on one loop that is run until nothing is left to do at once: no test waits for time.
class ProviderGateTest : public testing::Test {
 protected:
  // Begins to ask; its trial's name enters `order_` with its turn, which it then keeps.
  void Ask(const std::string& trial) {
    cancel_.emplace_back();
    auto ended = [](const std::exception_ptr&) {};
    asio::co_spawn(io_, Enter(trial),
                   asio::bind_cancellation_slot(cancel_.back().slot(), std::move(ended)));
    io_.restart();
    io_.poll();
  }
  Task<void> Enter(std::string trial) {
    Deadline later = Deadline::In(std::chrono::hours(1));
    auto pass = co_await gate_.Enter("p", trial, later);
    if (!pass) co_return;
    // The first lets a cancellation arrive, the second notices it.
    co_await asio::post(io_, asio::use_awaitable);
    co_await asio::post(io_, asio::use_awaitable);
    order_.push_back(trial);
    passes_.push_back(std::move(*pass));
  }
  void Poll() {
    io_.restart();
    io_.poll();
  }
  // The earliest turn that is still kept ends.
  void Leave() {
    passes_.pop_front();
    Poll();
  }

  asio::io_context io_;
  ProviderGate gate_{2};
  std::list<ProviderGate::Pass> passes_;
  std::list<asio::cancellation_signal> cancel_;
  std::vector<std::string> order_;
};

TEST_F(ProviderGateTest, PlacesThatComeBackAtOnceWakeAsManyAsThereAre) {
  for (const char* trial : {"a", "b", "c", "d"}) Ask(trial);
  EXPECT_EQ(order_.size(), 2u);
  passes_.clear();  // two at the same moment, before anybody runs
  Poll();
  EXPECT_EQ(order_, (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST_F(ProviderGateTest, TrialsTakeTurnsHoweverManyOneAsks) {
  for (const char* trial : {"a", "a", "a", "a", "a", "b", "c"}) Ask(trial);
  while (!passes_.empty()) Leave();
  EXPECT_EQ(order_, (std::vector<std::string>{"a", "a", "a", "b", "c", "a", "a"}));
}

TEST_F(ProviderGateTest, AWaiterThatIsCancelledLeavesItsTurnToTheNext) {
  for (const char* trial : {"a", "b", "gone", "d"}) Ask(trial);
  passes_.pop_front();  // grants "gone" its turn, which it does not take any more
  std::next(cancel_.begin(), 2)->emit(asio::cancellation_type::terminal);
  Poll();
  EXPECT_EQ(order_, (std::vector<std::string>{"a", "b", "d"}));
  Leave();
  Ask("e");
  EXPECT_EQ(order_.back(), "e") << "no place is lost";
}

TEST_F(ProviderGateTest, AWaiterThatIsCancelledBeforeItsTurnIsForgotten) {
  for (const char* trial : {"a", "b", "gone", "d"}) Ask(trial);
  std::next(cancel_.begin(), 2)->emit(asio::cancellation_type::terminal);
  Poll();
  Leave();
  EXPECT_EQ(order_, (std::vector<std::string>{"a", "b", "d"}));
}

TEST_F(ProviderGateTest, WhoWaitsForAPlaceEntersWhenAHoldThatCameLaterEnds) {
  for (const char* trial : {"a", "b", "c"}) Ask(trial);
  gate_.Hold("p", Millis(20));
  Leave();
  EXPECT_EQ(order_.size(), 2u) << "held";
  io_.restart();
  io_.run_for(std::chrono::seconds(10));
  EXPECT_EQ(order_, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(ProviderGateTest, AFailingProviderIsAskedByFewerUntilItServes) {
  EXPECT_GE(gate_.Failed("p", Millis(0)), Millis(0));
  Ask("a");
  Ask("b");
  EXPECT_EQ(order_.size(), 1u);
  gate_.Served("p");
  Poll();
  EXPECT_EQ(order_.size(), 2u);
}

TEST_F(ProviderGateTest, PausesDoubleWithJitterAndAWishIsNeverCutShort) {
  ProviderGate gate;
  Millis first = gate.Failed("p", std::nullopt);
  EXPECT_GE(first, Millis(250));
  EXPECT_LE(first, Millis(500));
  EXPECT_LE(gate.Failed("p", std::nullopt), Millis(500)) << "those who fail together count once";
  Millis wish = gate.Failed("q", Millis(7000));
  EXPECT_GE(wish, Millis(7000));
  EXPECT_LE(wish, Millis(7700));
}

}  // namespace
}  // namespace podium::agents
