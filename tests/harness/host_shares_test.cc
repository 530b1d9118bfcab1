// What several processes of one host hold together.
#include "harness/trial/host_shares.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include "base/async/alarm.h"
#include "base/async/reactor.h"
#include "base/files.h"
#include "harness/trial/machine_shares.h"

namespace podium::harness {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class HostSharesTest : public testing::Test {
 protected:
  void TearDown() override { End(); }

  // Another process that holds so much until End.
  void Hold(const HostShare& share) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    child_ = ::fork();
    if (child_ == 0) {
      auto shares = HostShares::Open(dir_.path());
      auto held = shares ? shares->TryHold(share, machine_) : tl::unexpected(shares.error());
      char ok = held && held->empty() ? 'y' : 'n';
      if (::write(ready[1], &ok, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char ok = 0;
    ASSERT_EQ(::read(ready[0], &ok, 1), 1);
    EXPECT_EQ(ok, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  void End() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }

  TempDir dir_ = *TempDir::Make("podium-shares");
  Machine machine_{.cores = 4, .memory_bytes = 8 * kGiB};
  pid_t child_ = 0;
};

TEST_F(HostSharesTest, WhatAnotherHoldsIsLeftToItUntilItIsKilled) {
  Hold({.cores = 3, .memory_bytes = kGiB, .gpus = {}});
  auto mine = HostShares::Open(dir_.path());
  ASSERT_TRUE(mine) << mine.error().message;
  EXPECT_EQ(*mine->TryHold({.cores = 1, .memory_bytes = kGiB, .gpus = {}}, machine_), "");
  auto refused = mine->TryHold({.cores = 2, .memory_bytes = kGiB, .gpus = {}}, machine_);
  ASSERT_TRUE(refused);
  EXPECT_THAT(*refused, HasSubstr("pid " + std::to_string(child_)));
  EXPECT_THAT(*refused, HasSubstr("holds 3 cores and 1.0 GiB"));
  EXPECT_THAT(*mine->TryHold({.cores = 1, .memory_bytes = 8 * kGiB, .gpus = {}}, machine_),
              HasSubstr("holds 3 cores"));
  End();
  EXPECT_EQ(*mine->TryHold({.cores = 4, .memory_bytes = 8 * kGiB, .gpus = {}}, machine_), "");
  std::size_t files = 0;
  for (auto it : std::filesystem::directory_iterator(dir_.path() / "shares"))
    files += it.is_regular_file();
  EXPECT_EQ(files, 1u) << "the dead one's is removed";
}

TEST_F(HostSharesTest, AGpuByAnotherNameIsTheSameGpu) {
  Hold({.cores = 0, .memory_bytes = 0, .gpus = {{"nvidia.com/gpu=0", {"/dev/nvidia0"}}}});
  auto mine = HostShares::Open(dir_.path());
  ASSERT_TRUE(mine);
  HostShare same{.gpus = {{"nvidia.com/gpu=GPU-1f", {"/dev/nvidia0"}}}};
  HostShare other{.gpus = {{"nvidia.com/gpu=1", {"/dev/nvidia1"}}}};
  EXPECT_THAT(*mine->TryHold(same, machine_), HasSubstr("holds the GPU"));
  EXPECT_EQ(*mine->TryHold(other, machine_), "");
}

TEST_F(HostSharesTest, WhoIsKeptFromItsTurnGetsItOnceTheOtherHasEnded) {
  Hold({.cores = 3, .memory_bytes = 0, .gpus = {}});
  auto mine = HostShares::Open(dir_.path());
  ASSERT_TRUE(mine);
  MachineShares shares(machine_, std::make_unique<HostShares>(std::move(*mine)));
  MachineShare two{.cores = 2, .memory_bytes = 0};
  EXPECT_FALSE(shares.TryTake(two));
  EXPECT_THAT(shares.blocked(), HasSubstr("holds 3 cores"));
  Reactor reactor;
  auto ended = reactor.Run([&]() -> Task<Status> {
    Alarm later(reactor, Deadline::In(Millis(20)), [&] {
      End();
      shares.Poll();
    });
    auto turn = co_await shares.Take(two);
    EXPECT_EQ(shares.blocked(), "");
    co_return Status{};
  });
  EXPECT_TRUE(ended);
  EXPECT_TRUE(shares.TryTake({.cores = 4, .memory_bytes = 0})) << "the turn came back";
}

TEST_F(HostSharesTest, ManyAtOnceNeverHoldMoreThanThereIs) {
  // Each of eight processes takes and gives back; a file that all append to says what was held.
  constexpr int kProcesses = 6, kTimes = 30;
  std::vector<pid_t> children;
  std::filesystem::path log = dir_.path() / "log";
  for (int i = 0; i < kProcesses; ++i) {
    pid_t child = ::fork();
    if (child > 0) children.push_back(child);
    if (child > 0) continue;
    auto shares = HostShares::Open(dir_.path());
    UniqueFd fd(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644));
    for (int n = 0; shares && n < kTimes;) {
      auto held = shares->TryHold({.cores = 2, .memory_bytes = 0, .gpus = {}}, machine_);
      if (!held || !held->empty()) continue;
      ++n;
      bool said = ::write(fd.get(), "+", 1) == 1;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      said = said && ::write(fd.get(), "-", 1) == 1;
      if (!said || !shares->Lower({})) ::_exit(1);
    }
    ::_exit(shares ? 0 : 1);
  }
  for (pid_t child : children) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    EXPECT_EQ(status, 0);
  }
  int now = 0, most = 0, all = 0;
  std::string held = *ReadFile(log);
  for (char c : held) {
    now += c == '+' ? 1 : -1;
    all += c == '+';
    most = std::max(most, now);
  }
  EXPECT_EQ(all, kProcesses * kTimes);
  EXPECT_LE(most, 2) << "4 cores are two of these";
}

}  // namespace
}  // namespace podium::harness
