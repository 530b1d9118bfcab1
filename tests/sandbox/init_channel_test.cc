// podium-init itself, as PID 1 of a namespace without a container around it.
#include "sandbox/init_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <filesystem>

#include "base/files.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class InitChannelTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root for a pid namespace";
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  // Never without a namespace of its own: podium-init kills all that it can see.
  void Start(const char* option = nullptr) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    std::string init = (ProgramDir() / "podium-init").string();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(pair[1], 0);
      ::execlp("unshare", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--",
               init.c_str(), "fd:0", option, nullptr);
      ::_exit(127);
    }
    ::close(pair[1]);
    channel_.emplace(reactor_, UniqueFd(pair[0]));
    Run([&]() -> Task<Status> {
      Deadline deadline = Deadline::In(seconds(20));
      co_return co_await channel_->WaitReady(deadline);
    });
  }

  void Run(std::function<Task<Status>()> main) {
    auto status = reactor_.Run(std::move(main));
    EXPECT_TRUE(status) << status.error().message;
  }

  Task<Result<InitChannel::Ended>> Sh(std::string script) {
    ExecSpec spec;
    spec.argv = {"sh", "-c", std::move(script)};
    spec.cwd = "/";
    std::vector<std::pair<std::string, std::string>> env = {{"PATH", "/usr/bin:/bin"}};
    Deadline deadline = Deadline::In(seconds(20));
    co_return co_await channel_->Exec(spec, env, deadline);
  }

  Reactor reactor_;
  std::optional<InitChannel> channel_;
  pid_t pid_ = 0;
};

TEST_F(InitChannelTest, ASignalReachesTheCommandUnderWay) {
  Start();
  auto temp = TempDir::Make("podium-init");
  ASSERT_TRUE(temp);
  const fs::path up = temp->path() / "up";
  auto signal_when_up = [&]() -> Task<void> {
    while (!fs::exists(up)) {
      Deadline step = Deadline::In(Millis(5));
      co_await SleepUntil(step);
    }
    channel_->Signal(SIGTERM);
    Deadline never = Deadline::In(seconds(60));
    co_await SleepUntil(never);
  };
  Run([&]() -> Task<Status> {
    using namespace boost::asio::experimental::awaitable_operators;
    std::string script =
        "trap 'echo got it; exit 7' TERM; touch " + up.string() + "; while :; do sleep 0.02; done";
    auto ended = co_await (Sh(std::move(script)) || signal_when_up());
    EXPECT_EQ(ended.index(), 0u);
    if (ended.index() != 0) co_return Status{};
    Result<InitChannel::Ended> result = std::get<0>(std::move(ended));
    if (!result) co_return tl::unexpected(result.error());
    EXPECT_TRUE(WIFEXITED(result->status));
    EXPECT_EQ(WEXITSTATUS(result->status), 7);
    EXPECT_NE(result->output.find("got it\n"), std::string::npos) << result->output;
    EXPECT_FALSE(result->timed_out);
    co_return Status{};
  });
}

TEST_F(InitChannelTest, CountsWhatACommandLeftBehind) {
  Start(wire::kLeaveRunning);
  Run([&]() -> Task<Status> {
    Deadline deadline = Deadline::In(seconds(20));
    auto none = co_await channel_->CountProcesses(deadline);
    if (!none) co_return tl::unexpected(none.error());
    EXPECT_EQ(*none, 0);
    auto left = co_await Sh("sleep 60 & sleep 60 > /dev/null 2>&1 & exit 0");
    if (!left) co_return tl::unexpected(left.error());
    auto two = co_await channel_->CountProcesses(deadline);
    if (!two) co_return tl::unexpected(two.error());
    EXPECT_EQ(*two, 2);
    channel_->KillAll();
    for (int i = 0; i < 500; ++i) {
      auto now = co_await channel_->CountProcesses(deadline);
      if (now && *now == 0) co_return Status{};
    }
    co_return Fail(ErrorCode::kSandbox, "they were not killed");
  });
}

TEST_F(InitChannelTest, ShutdownEndsItAndEverythingWithIt) {
  Start();
  channel_->Shutdown();
  int status = 0;
  ASSERT_EQ(::waitpid(pid_, &status, 0), pid_);
  pid_ = 0;
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace podium::sandbox
