// Turns and limits a minute that the Podium processes of a host keep together. Two gates of one
// process meet as two processes do: each has its own descriptions of the files, which hold the
// locks.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "agents/models/host_lane.h"
#include "agents/models/host_window.h"
#include "agents/models/provider_gate.h"
#include "agents/models/rate_gate.h"
#include "base/async/race.h"
#include "base/async/reactor.h"
#include "base/files.h"

namespace podium::agents {
namespace {

constexpr Millis kWindow{200};

// Another process, which does its work and stays until it is killed.
class OtherProcess {
 public:
  explicit OtherProcess(const std::function<bool()>& work) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      char done = work() ? 'y' : 'n';
      (void)!::write(ready[1], &done, 1);
      for (;;) ::pause();
    }
    char done = 0;
    EXPECT_EQ(::read(ready[0], &done, 1), 1);
    EXPECT_EQ(done, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~OtherProcess() { Kill(); }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;
  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

class HostLimitsTest : public testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path Folder() const { return temp_.path() / "providers"; }
  // How many turns there are at once: those that a moment gives.
  std::vector<ProviderGate::Pass> EnterAll(ProviderGate& gate, int most) {
    std::vector<ProviderGate::Pass> out;
    auto run = Reactor(1).Run([&]() -> Task<Status> {
      for (int i = 0; i < most; ++i) {
        Deadline soon = Deadline::In(Millis(30));
        auto pass = co_await gate.Enter("https://p", "t", soon);
        if (!pass) break;
        out.push_back(std::move(*pass));
      }
      co_return Status{};
    });
    EXPECT_TRUE(run);
    return out;
  }
  TempDir temp_ = *TempDir::Make("podium-host-limits");
};

TEST_F(HostLimitsTest, ProcessesHaveAProvidersPlacesTogether) {
  ProviderGate one(3, Folder()), two(3, Folder()), alone(3);
  auto first = EnterAll(one, 2);
  EXPECT_EQ(first.size(), 2u);
  auto second = EnterAll(two, 3);
  EXPECT_EQ(second.size(), 1u) << "three in all";
  EXPECT_EQ(EnterAll(alone, 3).size(), 3u) << "without a folder each is for itself";
  first.clear();
  EXPECT_EQ(EnterAll(two, 3).size(), 2u) << "what one gives back the other has";
}

TEST_F(HostLimitsTest, APauseAndARecoveryAreEverybodys) {
  ProviderGate one(4, Folder()), two(4, Folder());
  EXPECT_EQ(EnterAll(one, 4).size(), 4u);
  EXPECT_EQ(EnterAll(two, 4).size(), 4u) << "both are there";
  EXPECT_GE(one.Failed("https://p", Millis(300)), Millis(300));
  EXPECT_TRUE(EnterAll(two, 4).empty()) << "the provider asked to wait";
  (void)two.Failed("https://p", Millis(0));
  ::usleep(350'000);
  EXPECT_EQ(EnterAll(two, 4).size(), 2u) << "fewer at once; those who fail together count once";
  two.Served("https://p");
  EXPECT_EQ(EnterAll(two, 4).size(), 4u);
}

TEST_F(HostLimitsTest, AProcessThatIsKilledLeavesItsPlaces) {
  OtherProcess other([this] {
    auto lane = HostLane::Open(Folder(), "https://p");
    if (!lane) return false;
    static auto kept = std::pair(lane->TryTake(2), lane->TryTake(2));
    lane->RestUntil(SteadyNow() + std::chrono::hours(1));
    return kept.first && kept.second;
  });
  {
    ProviderGate gate(2, Folder());
    EXPECT_TRUE(EnterAll(gate, 2).empty());
    other.Kill();
    EXPECT_TRUE(EnterAll(gate, 2).empty()) << "the provider's pause is still known to this one";
  }
  ProviderGate next(2, Folder());
  EXPECT_EQ(EnterAll(next, 2).size(), 2u) << "and forgotten with the last that was told";
}

struct Begun {
  const RateGate* gate;
  SteadyTime at;
};

class HostWindowTest : public HostLimitsTest {
 protected:
  Task<void> Calls(RateGate& gate, int count, std::int64_t tokens) {
    for (int i = 0; i < count; ++i) {
      Deadline deadline = Deadline::In(std::chrono::seconds(20));
      auto limits = limits_;
      auto turn = co_await gate.Enter(std::move(limits), "t", tokens, deadline);
      EXPECT_TRUE(turn);
      if (!turn) co_return;
      turn->Begin();
      begun_.push_back({&gate, SteadyNow()});
    }
  }
  void Run(std::vector<Task<void>> tasks) {
    auto run = reactor_.Run([&]() -> Task<Status> {
      co_await AllOf(std::move(tasks));
      co_return Status{};
    });
    EXPECT_TRUE(run);
  }
  [[nodiscard]] std::int64_t MostInAWindow() const {
    std::int64_t most = 0;
    for (const Begun& first : begun_)
      most = std::max(most, std::ranges::count_if(begun_, [&](const Begun& b) {
                        return b.at >= first.at && b.at < first.at + kWindow - Millis(1);
                      }));
    return most;
  }
  Reactor reactor_{1};
  std::vector<RateLimit> limits_ = {{"model m", 4, 0}};
  std::vector<Begun> begun_;
};

TEST_F(HostWindowTest, NoWindowOfAllProcessesHoldsMoreAndNoneStarves) {
  RateGate one(kWindow, Folder()), two(kWindow, Folder());
  std::vector<Task<void>> tasks;
  for (int i = 0; i < 4; ++i) tasks.push_back(Calls(one, 3, 0));
  tasks.push_back(Calls(two, 3, 0));
  Run(std::move(tasks));
  ASSERT_EQ(begun_.size(), 15u);
  EXPECT_LE(MostInAWindow(), 4);
  auto of_two = [&](const Begun& b) { return b.gate == &two; };
  auto last = std::ranges::find_if(begun_.rbegin(), begun_.rend(), of_two);
  EXPECT_GE(last - begun_.rbegin(), 4) << "three calls do not wait for another's twelve";
}

TEST_F(HostWindowTest, TokensAreCountedTogetherAndSettled) {
  limits_ = {{"model m", 0, 100}};
  RateGate one(kWindow, Folder()), two(kWindow, Folder());
  std::optional<RateGate::Turn> turn;
  auto run = reactor_.Run([&]() -> Task<Status> {
    auto limits = limits_;
    Deadline later = Deadline::In(std::chrono::seconds(20));
    turn = co_await one.Enter(std::move(limits), "t", 90, later);
    EXPECT_TRUE(turn);
    turn->Begin();
    auto again = limits_;
    Deadline soon = Deadline::In(Millis(20));
    auto full = co_await two.Enter(std::move(again), "t", 20, soon);
    EXPECT_FALSE(full) << "90 of 100 are used by another process";
    turn->Settle(10);
    auto third = limits_;
    Deadline at_once = Deadline::In(kWindow / 4);
    auto room = co_await two.Enter(std::move(third), "t", 20, at_once);
    EXPECT_TRUE(room) << "it used ten in the end";
    co_return Status{};
  });
  EXPECT_TRUE(run);
}

TEST_F(HostWindowTest, AProcessThatIsKilledLeavesTheDoorOpenAndItsUsesCount) {
  SteadyTime begun = SteadyNow();
  OtherProcess other([this] {
    auto window = HostWindow::Open(Folder(), "model m");
    if (!window) return false;
    HostWindow::Wait wait(*window);
    for (int i = 0; i < 3; ++i) {
      auto door = wait.TryEnter();
      if (!door) return false;
      door->Leave({SteadyNow(), 0}, kWindow);
    }
    static auto kept = wait.TryEnter();
    return kept.has_value();
  });
  RateGate gate(kWindow, Folder());
  auto run = reactor_.Run([&]() -> Task<Status> {
    auto limits = limits_;
    Deadline soon = Deadline::In(Millis(20));
    auto shut = co_await gate.Enter(std::move(limits), "t", 0, soon);
    EXPECT_FALSE(shut) << "another process looks for room";
    co_return Status{};
  });
  EXPECT_TRUE(run);
  other.Kill();
  std::vector<Task<void>> tasks;
  tasks.push_back(Calls(gate, 2, 0));
  Run(std::move(tasks));
  ASSERT_EQ(begun_.size(), 2u);
  EXPECT_GE(begun_[1].at, begun + kWindow) << "one of four was left";
}

TEST(HostFileTest, AFileOfAnEarlierBootGoes) {
  TempDir temp = *TempDir::Make("podium-host-file");
  ASSERT_TRUE(WriteFileAtomic(temp.path() / "limit-0123-00000000", "old"));
  auto file = HostFile::Open(temp.path(), "limit", "x");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_FALSE(std::filesystem::exists(temp.path() / "limit-0123-00000000"));
  auto same = HostFile::Open(temp.path(), "limit", "x");
  ASSERT_TRUE(same);
  std::int64_t values[] = {7, 8}, read[3];
  file->Write(0, values);
  same->Read(0, read);
  EXPECT_EQ(read[1], 8);
  EXPECT_EQ(read[2], 0) << "what is not there is nothing";
  for (std::int64_t place : {2, 3, 9}) EXPECT_TRUE(file->TryLock(place));
  EXPECT_EQ(same->OthersIn(9), (std::set<std::int64_t>{2, 3}));
  EXPECT_TRUE(file->OthersIn(9).empty()) << "its own are no others'";
}

}  // namespace
}  // namespace podium::agents
