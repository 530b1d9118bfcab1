// Limits a minute, here of windows of a fifth of a second.
#include "agents/models/rate_gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/async/race.h"
#include "base/async/reactor.h"

namespace podium::agents {
namespace {

constexpr Millis kWindow{200};

struct Begun {
  std::string owner;
  SteadyTime at;
  std::int64_t tokens = 0;
};

class RateGateTest : public testing::Test {
 protected:
  // Calls one after the other; each is begun as soon as there is room.
  Task<void> Calls(std::string owner, int count, std::int64_t tokens) {
    for (int i = 0; i < count; ++i) {
      Deadline deadline = Deadline::In(std::chrono::seconds(20));
      auto limits = limits_;
      std::string who = owner;
      auto turn = co_await gate_->Enter(std::move(limits), std::move(who), tokens, deadline);
      EXPECT_TRUE(turn);
      if (!turn) co_return;
      turn->Begin();
      begun_.push_back({owner, SteadyNow(), tokens});
      if (settled_ >= 0) turn->Settle(settled_);
    }
  }
  void Run(std::vector<Task<void>> tasks) {
    auto run = reactor_.Run([&]() -> Task<Status> {
      co_await AllOf(std::move(tasks));
      co_return Status{};
    });
    EXPECT_TRUE(run);
  }
  // The most in any window.
  std::pair<std::int64_t, std::int64_t> Most() const {
    std::int64_t requests = 0, tokens = 0;
    for (const Begun& first : begun_) {
      std::int64_t r = 0, t = 0;
      for (const Begun& b : begun_) {
        bool within = b.at >= first.at && b.at < first.at + kWindow;
        r += within ? 1 : 0;
        t += within ? b.tokens : 0;
      }
      requests = std::max(requests, r);
      tokens = std::max(tokens, t);
    }
    return {requests, tokens};
  }

  Reactor reactor_{1};
  std::optional<RateGate> gate_{std::in_place, kWindow};
  std::vector<RateLimit> limits_;
  std::vector<Begun> begun_;
  std::int64_t settled_ = -1;
};

TEST_F(RateGateTest, NoWindowHoldsMoreRequestsAndNoOwnerWaitsForTheOthersAll) {
  limits_ = {{"model m", 4, 0}};
  std::vector<Task<void>> tasks;
  for (int i = 0; i < 6; ++i) tasks.push_back(Calls("many", 2, 0));
  tasks.push_back(Calls("few", 2, 0));
  Run(std::move(tasks));
  ASSERT_EQ(begun_.size(), 14u);
  EXPECT_LE(Most().first, 4);
  EXPECT_GE(begun_.back().at - begun_.front().at, 3 * kWindow) << "14 calls, 4 a window";
  auto few = [](const Begun& b) { return b.owner == "few"; };
  auto first = std::ranges::find_if(begun_, few);
  auto second = std::find_if(first + 1, begun_.end(), few);
  EXPECT_LE(first - begun_.begin(), 6) << "four had room at once, and one held the door";
  EXPECT_LE(second - first, 3) << "round robin by owner, though many others wait";
}

TEST_F(RateGateTest, NoWindowHoldsMoreTokensAndALargeCallGetsThrough) {
  limits_ = {{"model m", 0, 100}};
  std::vector<Task<void>> tasks;
  for (int i = 0; i < 4; ++i) tasks.push_back(Calls("a" + std::to_string(i), 1, 40));
  Run(std::move(tasks));
  EXPECT_LE(Most().second, 100);
  EXPECT_GE(begun_[2].at - begun_[0].at, kWindow);
  Run([&] {
    std::vector<Task<void>> out;
    out.push_back(Calls("large", 1, 1'000));
    return out;
  }());
  EXPECT_GE(begun_[4].at - begun_[3].at, kWindow) << "alone in its window";
}

TEST_F(RateGateTest, WhatACallDidNotUseIsFreeAgain) {
  limits_ = {{"model m", 0, 100}};
  settled_ = 1;
  std::vector<Task<void>> tasks;
  tasks.push_back(Calls("a", 20, 80));
  Run(std::move(tasks));
  EXPECT_LT(begun_.back().at - begun_.front().at, kWindow);
}

TEST_F(RateGateTest, AProvidersLimitHoldsForAllItsModels) {
  std::vector<Task<void>> tasks;
  limits_ = {{"model a", 3, 0}, {"provider p", 4, 0}};
  tasks.push_back(Calls("t", 3, 0));
  Run(std::move(tasks));
  limits_ = {{"model b", 3, 0}, {"provider p", 4, 0}};
  std::vector<Task<void>> more;
  more.push_back(Calls("t", 3, 0));
  Run(std::move(more));
  EXPECT_EQ(Most().first, 4);
}

TEST_F(RateGateTest, WhoIsCancelledLeavesItsTurnToTheNext) {
  limits_ = {{"model m", 1, 0}};
  auto run = reactor_.Run([&]() -> Task<Status> {
    co_await Calls("first", 1, 0);
    Deadline soon = Deadline::In(Millis(20));
    auto ended = co_await Race(Calls("gone", 1, 0), SleepUntil(soon));
    EXPECT_EQ(ended.index(), 1u);
    co_await Calls("next", 1, 0);
    co_return Status{};
  });
  EXPECT_TRUE(run);
  ASSERT_EQ(begun_.size(), 2u);
  EXPECT_EQ(begun_[1].owner, "next");
  EXPECT_LT(begun_[1].at - begun_[0].at, 2 * kWindow) << "the one that left used nothing";
}

TEST_F(RateGateTest, AWaitOutlivesIt) {
  limits_ = {{"model a", 1, 0}, {"model b", 1, 0}};
  auto end = [this]() -> Task<void> {
    gate_.reset();
    co_return;
  };
  std::vector<Task<void>> tasks;
  tasks.push_back(Calls("first", 1, 0));
  Run(std::move(tasks));
  std::vector<Task<void>> more;
  more.push_back(Calls("waits", 1, 0));
  more.push_back(end());
  Run(std::move(more));
  EXPECT_EQ(begun_.size(), 2u);
}

TEST_F(RateGateTest, NobodyWaitsBeyondItsDeadline) {
  limits_ = {{"model m", 1, 0}};
  auto run = reactor_.Run([&]() -> Task<Status> {
    Deadline soon = Deadline::In(Millis(20));
    auto limits = limits_, again = limits_;
    auto first = co_await gate_->Enter(std::move(limits), "a", 0, soon);
    EXPECT_TRUE(first);
    first->Begin();
    auto second = co_await gate_->Enter(std::move(again), "a", 0, soon);
    EXPECT_FALSE(second);
    co_return Status{};
  });
  EXPECT_TRUE(run);
}

}  // namespace
}  // namespace podium::agents
