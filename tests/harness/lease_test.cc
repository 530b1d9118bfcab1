#include "harness/store/lease.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/process_owner.h"

namespace podium::harness {
namespace {

// A wall clock that stands where it is put.
class FixedClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::steady_clock::time_point Now() const override { return {}; }
  [[nodiscard]] std::chrono::system_clock::time_point WallNow() const override { return now; }
  std::chrono::system_clock::time_point now{std::chrono::hours(24 * 365 * 50)};
};

class LeaseTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-lease");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
  }
  [[nodiscard]] std::filesystem::path dir() const { return temp_->path(); }
  bool CanTake() {
    auto lease = Lease::TryTake(dir(), clock_);
    EXPECT_TRUE(lease);
    return lease && *lease;
  }
  FixedClock clock_;

 private:
  std::optional<TempDir> temp_;
};

TEST_F(LeaseTest, OneOwnerAndThenTheNext) {
  {
    auto lease = Lease::TryTake(dir(), clock_);
    ASSERT_TRUE(lease && *lease);
    EXPECT_FALSE(CanTake());
    EXPECT_NE(LeaseOwner(dir(), clock_).find(":" + std::to_string(::getpid())), std::string::npos);
  }
  EXPECT_EQ(LeaseOwner(dir(), clock_), "");
  EXPECT_TRUE(CanTake());
}

TEST_F(LeaseTest, AKilledOwnersLeaseIsFreeAtOnce) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  pid_t child = ::fork();
  if (child == 0) {
    auto lease = Lease::TryTake(dir(), clock_);
    char ok = lease && *lease ? '1' : '0';
    if (::write(ready[1], &ok, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char ok = 0;
  ASSERT_EQ(::read(ready[0], &ok, 1), 1);
  ASSERT_EQ(ok, '1');
  EXPECT_FALSE(CanTake());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(CanTake());
}

TEST_F(LeaseTest, AnotherHostsLeaseEndsWhenItStopsBeating) {
  auto beat = std::chrono::duration_cast<Millis>(clock_.now.time_since_epoch()).count();
  Json theirs = {{"host", "elsewhere"}, {"boot", "x"}, {"pid", 1}, {"start", "1"}, {"beat", beat}};
  ASSERT_TRUE(WriteFileAtomic(dir() / "lease.json", DumpJson(theirs)));
  EXPECT_FALSE(CanTake());
  clock_.now += kLeaseStale - Millis(1);
  EXPECT_FALSE(CanTake());
  clock_.now += Millis(1);
  EXPECT_TRUE(CanTake());
}

TEST_F(LeaseTest, AProcessThatGotTheDeadOwnersNumberDoesNotHoldTheLease) {
  auto lease = Lease::TryTake(dir(), clock_);
  ASSERT_TRUE(lease && *lease);
  auto record = ParseJson(*ReadFile(dir() / "lease.json"), "lease");
  (*record)["start"] = "1";
  ASSERT_TRUE(WriteFileAtomic(dir() / "lease.json", DumpJson(*record)));
  EXPECT_EQ(LeaseOwner(dir(), clock_), "");
}

TEST_F(LeaseTest, AnOwnerInAnotherContainerIsNotTakenForDead) {
  auto record = ParseJson(ProcessOwner::Self().ToJson(), "lease");
  (*record)["pid_namespace"] = "pid:[1]";
  (*record)["pid"] = 999'999'999;
  (*record)["beat"] = std::chrono::duration_cast<Millis>(clock_.now.time_since_epoch()).count();
  ASSERT_TRUE(WriteFileAtomic(dir() / "lease.json", DumpJson(*record)));
  EXPECT_FALSE(CanTake());
  clock_.now += kLeaseStale;
  EXPECT_TRUE(CanTake());
}

// An owner that slept past its time and woke up.
TEST_F(LeaseTest, WhoWasTakenForDeadOwnsNothingMore) {
  auto first = Lease::TryTake(dir(), clock_);
  ASSERT_TRUE(first && *first);
  EXPECT_TRUE((*first)->CheckHeld());
  auto record = ParseJson(*ReadFile(dir() / "lease.json"), "lease");
  (*record)["boot"] = "another";  // as it looks from another machine
  (*record)["beat"] = 0;
  ASSERT_TRUE(WriteFileAtomic(dir() / "lease.json", DumpJson(*record)));
  auto second = Lease::TryTake(dir(), clock_);
  ASSERT_TRUE(second && *second);
  EXPECT_TRUE((*second)->taken_over());
  auto held = (*first)->CheckHeld();
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, ErrorCode::kBusy);
  EXPECT_FALSE((*first)->Beat({1, Millis(5)}));
  first->reset();
  EXPECT_TRUE((*second)->CheckHeld()) << "the former owner's end took the lease away";
}

TEST_F(LeaseTest, WhatAKilledOwnerHadWorkedIsKnownToTheNext) {
  auto lease = Lease::TryTake(dir(), clock_);
  ASSERT_TRUE(lease && *lease);
  ASSERT_TRUE((*lease)->Beat({3, Millis(23'000)}));
  auto record = ParseJson(*ReadFile(dir() / "lease.json"), "lease");
  (*record)["start"] = "1";  // killed
  ASSERT_TRUE(WriteFileAtomic(dir() / "lease.json", DumpJson(*record)));
  auto next = Lease::TryTake(dir(), clock_);
  ASSERT_TRUE(next && *next);
  EXPECT_EQ(WorkedSoFar(dir()).attempt, 3);
  EXPECT_EQ(WorkedSoFar(dir()).time, Millis(23'000));
}

}  // namespace
}  // namespace podium::harness
