// podium-init itself, as PID 1 of a namespace without a container around it.
#include "sandbox/container/init_channel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "base/async/race.h"
#include "base/files.h"
#include "sandbox/host/unix_socket.h"

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

  // The same with a notice and a deadline of so long from now.
  Task<Result<InitChannel::Ended>> Noticed(std::string script, Millis notice, Millis limit) {
    ExecSpec spec;
    spec.argv = {"bash", "-c", std::move(script)};
    spec.cwd = "/";
    spec.notice = notice;
    std::vector<std::pair<std::string, std::string>> env = {{"PATH", "/usr/bin:/bin"}};
    co_return co_await channel_->Exec(spec, env, Deadline::In(limit));
  }

  Reactor reactor_;
  std::optional<InitChannel> channel_;
  pid_t pid_ = 0;
};

// The time in which a command waits for others is none of its own.
TEST_F(InitChannelTest, ADeadlineThatMovesIsKeptWhereItHasMovedTo) {
  Start();
  auto run = [&](Millis own, Millis moves) -> Task<Result<InitChannel::Ended>> {
    ExecSpec spec;
    spec.argv = {"sh", "-c", "sleep 0.6; echo done; sleep 600"};
    spec.cwd = "/";
    auto begun = Deadline::Clock::now();
    // Waits from its first moment, for so long.
    spec.moved = [begun, moves] {
      auto passed = std::chrono::duration_cast<Millis>(Deadline::Clock::now() - begun);
      return std::min(passed, moves);
    };
    std::vector<std::pair<std::string, std::string>> env = {{"PATH", "/usr/bin:/bin"}};
    Deadline deadline = Deadline::In(own);
    co_return co_await channel_->Exec(spec, env, deadline);
  };
  Run([&]() -> Task<Status> {
    auto fixed = co_await run(Millis(200), Millis(0));
    if (!fixed) co_return tl::unexpected(fixed.error());
    EXPECT_TRUE(fixed->timed_out);
    EXPECT_EQ(fixed->output, "");
    auto moved = co_await run(Millis(200), Millis(900));
    if (!moved) co_return tl::unexpected(moved.error());
    EXPECT_TRUE(moved->timed_out) << "it does not move for ever";
    EXPECT_EQ(moved->output, "done\n");
    co_return Status{};
  });
}

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
    channel_->Terminate();
    Deadline never = Deadline::In(seconds(60));
    co_await SleepUntil(never);
  };
  Run([&]() -> Task<Status> {
    std::string script =
        "trap 'echo got it; exit 7' TERM; touch " + up.string() + "; while :; do sleep 0.02; done";
    auto ended = co_await Race(Sh(std::move(script)), signal_when_up());
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
    while (!deadline.expired()) {
      auto now = co_await channel_->CountProcesses(deadline);
      if (now && *now == 0) co_return Status{};
      Deadline step = Deadline::In(Millis(5));
      co_await SleepUntil(step);
    }
    co_return Fail(ErrorCode::kSandbox, "they were not killed");
  });
}

// Jobs: commands that go on beside others.
class InitJobsTest : public InitChannelTest {
 protected:
  Task<Result<wire::JobState>> Begin(std::uint32_t id, std::string script,
                                     Millis most = seconds(60), std::size_t keep = 1000) {
    ExecSpec spec;
    spec.argv = {"bash", "-c", std::move(script)};
    spec.cwd = "/";
    spec.output_tail_bytes = keep;
    std::vector<std::pair<std::string, std::string>> env = {{"PATH", "/usr/bin:/bin"}};
    Deadline deadline = Deadline::In(seconds(20));
    co_return co_await channel_->StartJob(id, spec, env, most, deadline);
  }
  Task<Result<InitChannel::JobState>> Look(std::uint32_t id, std::uint64_t from = 0) {
    Deadline deadline = Deadline::In(seconds(20));
    co_return co_await channel_->LookAtJob(id, from, deadline);
  }
  // The end of the next job to end.
  Task<Result<wire::JobEnd>> NextEnd() {
    Deadline deadline = Deadline::In(seconds(20));
    auto waited = co_await channel_->WaitForJobEnd(deadline);
    if (!waited) co_return tl::unexpected(waited.error());
    auto ended = channel_->TakeEndedJobs();
    if (ended.size() != 1) co_return Fail(ErrorCode::kSandbox, "not one job has ended");
    co_return ended.front();
  }
  // Processes beside init, once there are so many or the time is over.
  Task<Result<int>> Processes(int wanted) {
    Deadline deadline = Deadline::In(seconds(10));
    for (;;) {
      auto now = co_await channel_->CountProcesses(Deadline::In(seconds(20)));
      if (!now || *now == wanted || deadline.expired()) co_return now;
      Deadline step = Deadline::In(Millis(5));
      co_await SleepUntil(step);
    }
  }
};

TEST_F(InitJobsTest, AJobGoesOnBesideCommandsAndItsOutputIsReadPieceByPiece) {
  Start();
  auto temp = TempDir::Make("podium-init");
  ASSERT_TRUE(temp);
  const std::string go = (temp->path() / "go").string();
  Run([&]() -> Task<Status> {
    std::string script =
        "echo one; while [ ! -e " + go + " ]; do sleep 0.01; done; echo two; exit 3";
    auto begun = co_await Begin(1, std::move(script));
    if (!begun) co_return tl::unexpected(begun.error());
    EXPECT_EQ(begun->running, 1u);
    auto command = co_await Sh("echo beside");
    if (!command) co_return tl::unexpected(command.error());
    EXPECT_EQ(command->output, "beside\n");
    Result<InitChannel::JobState> look = Fail(ErrorCode::kSandbox, "not looked at");
    for (Deadline d = Deadline::In(seconds(20)); !d.expired();) {
      look = co_await Look(1);
      if (!look || !look->output.empty()) break;
    }
    if (!look) co_return tl::unexpected(look.error());
    EXPECT_EQ(look->output, "one\n");
    EXPECT_EQ(look->state.running, 1u) << "the command's end is not the job's";
    auto let = co_await Sh("touch " + go);
    if (!let) co_return tl::unexpected(let.error());
    auto end = co_await NextEnd();
    if (!end) co_return tl::unexpected(end.error());
    EXPECT_EQ(WEXITSTATUS(end->status), 3);
    EXPECT_EQ(end->output_bytes, 8u);
    auto rest = co_await Look(1, 4);
    if (!rest) co_return tl::unexpected(rest.error());
    EXPECT_EQ(rest->output, "two\n");
    EXPECT_EQ(rest->state.running, 0u);
    auto unknown = co_await Look(2);
    if (!unknown) co_return tl::unexpected(unknown.error());
    EXPECT_EQ(unknown->state.so_far.id, 0u);
    co_return Status{};
  });
}

// Each leaves daemons of its own: sessions of their own, whose parents have ended.
TEST_F(InitJobsTest, WhatACommandLeavesEndsWithItAndWhatAJobLeavesWithTheJob) {
  Start();
  Run([&]() -> Task<Status> {
    const char* daemon =
        "setsid bash -c 'setsid sleep 601 & sleep 601 & exit 0' > /dev/null 2>&1; ";
    auto begun = co_await Begin(1, std::string(daemon) + "echo up; sleep 600; true");
    if (!begun) co_return tl::unexpected(begun.error());
    auto all = co_await Processes(5);  // keeper, shell, its sleep, two daemons
    if (!all) co_return tl::unexpected(all.error());
    EXPECT_EQ(*all, 5);
    auto command = co_await Sh(std::string(daemon) + "ls /proc | grep -c '^[0-9]'");
    if (!command) co_return tl::unexpected(command.error());
    EXPECT_GE(std::stoi(command->output), 9) << "its daemons were there: " << command->output;
    auto left = co_await channel_->CountProcesses(Deadline::In(seconds(20)));
    if (!left) co_return tl::unexpected(left.error());
    EXPECT_EQ(*left, 5) << "the command's are gone, the job's are there";
    Deadline control = Deadline::In(seconds(20));
    auto stopped = co_await channel_->StopJob(1, control);
    if (!stopped) co_return stopped;
    auto end = co_await NextEnd();
    if (!end) co_return tl::unexpected(end.error());
    EXPECT_EQ(end->cut, wire::kCutByHost);
    EXPECT_EQ(WTERMSIG(end->status), SIGKILL);
    auto none = co_await Processes(0);
    if (!none) co_return tl::unexpected(none.error());
    EXPECT_EQ(*none, 0);
    co_return Status{};
  });
}

TEST_F(InitJobsTest, ItsTimeEndsItWithoutTheHost) {
  Start();
  Run([&]() -> Task<Status> {
    auto begun = co_await Begin(1, "echo begun; sleep 600", Millis(300));
    if (!begun) co_return tl::unexpected(begun.error());
    auto end = co_await NextEnd();
    if (!end) co_return tl::unexpected(end.error());
    EXPECT_EQ(end->cut, wire::kCutByTime);
    EXPECT_GE(end->wall_ms, 300u);
    EXPECT_EQ(end->output_bytes, 6u);
    co_return Status{};
  });
}

TEST_F(InitJobsTest, ACommandThatTheDeadlineEndsLeavesJobsAlone) {
  Start();
  Run([&]() -> Task<Status> {
    auto begun = co_await Begin(1, "sleep 600");
    if (!begun) co_return tl::unexpected(begun.error());
    auto cut = co_await Noticed("setsid sleep 602 & sleep 602", Millis(0), Millis(300));
    if (!cut) co_return tl::unexpected(cut.error());
    EXPECT_TRUE(cut->timed_out);
    auto look = co_await Look(1);
    if (!look) co_return tl::unexpected(look.error());
    EXPECT_EQ(look->state.running, 1u);
    auto left = co_await Processes(2);
    if (!left) co_return tl::unexpected(left.error());
    EXPECT_EQ(*left, 2) << "its keeper and itself";
    co_return Status{};
  });
}

TEST_F(InitJobsTest, OnlyTheLastOfMuchOutputIsKeptAndAllOfItCounted) {
  Start();
  Run([&]() -> Task<Status> {
    auto begun = co_await Begin(1, "seq 1 300000; echo end", seconds(60), 4096);
    if (!begun) co_return tl::unexpected(begun.error());
    auto end = co_await NextEnd();
    if (!end) co_return tl::unexpected(end.error());
    EXPECT_EQ(end->output_bytes, 1'988'899u);  // of seq: 1,988,895
    auto look = co_await Look(1);
    if (!look) co_return tl::unexpected(look.error());
    EXPECT_EQ(look->output.size(), 4096u);
    EXPECT_EQ(look->state.first, 1'988'899u - 4096);
    EXPECT_TRUE(look->output.ends_with("300000\nend\n"));
    co_return Status{};
  });
}

// A place is taken again once its job has ended; those that live keep theirs.
TEST_F(InitJobsTest, MoreJobsThanPlacesOneAfterTheOther) {
  Start();
  Run([&]() -> Task<Status> {
    auto lives = co_await Begin(1, "sleep 600");
    if (!lives) co_return tl::unexpected(lives.error());
    for (std::uint32_t id = 2; id < 40; ++id) {
      auto begun = co_await Begin(id, "exit " + std::to_string(id));
      if (!begun) co_return tl::unexpected(begun.error());
      auto end = co_await NextEnd();
      if (!end) co_return tl::unexpected(end.error());
      EXPECT_EQ(end->id, id);
      EXPECT_EQ(WEXITSTATUS(end->status), static_cast<int>(id));
    }
    auto look = co_await Look(1);
    if (!look) co_return tl::unexpected(look.error());
    EXPECT_EQ(look->state.running, 1u);
    co_return Status{};
  });
}

// A port of this machine that nothing listens at, most likely.
std::uint16_t FreePort() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

UniqueFd Connect(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  timeval limit{20, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

// All that comes until the peer ends or twenty seconds are over.
std::string ReadAll(int fd) {
  std::string out;
  char chunk[65536];
  for (ssize_t n; (n = ::read(fd, chunk, sizeof chunk)) > 0;)
    out.append(chunk, static_cast<std::size_t>(n));
  return out;
}

// podium-init relays a port to a unix socket that a test serves.
class RelayTest : public InitChannelTest {
 protected:
  void SetUp() override {
    InitChannelTest::SetUp();
    if (IsSkipped()) return;
    Start();
    auto temp = TempDir::Make("podium-relay");
    ASSERT_TRUE(temp);
    temp_.emplace(std::move(*temp));
    port_ = FreePort();
    auto listener = ListenAt(temp_->path() / "socket", 8);
    ASSERT_TRUE(listener) << listener.error().message;
    listener_ = std::move(*listener);
    Run([&]() -> Task<Status> {
      std::string to = (temp_->path() / "socket").string();
      Deadline deadline = Deadline::In(seconds(20));
      co_return co_await channel_->Relay(port_, std::move(to), deadline);
    });
  }

  UniqueFd Accept() {
    pollfd wait{listener_.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&wait, 1, 20'000), 1) << "nothing was relayed";
    return UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  std::optional<TempDir> temp_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
};

TEST_F(RelayTest, CarriesBothWaysAndEachEnd) {
  std::string sent(3'000'000, 'q');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7919 >> 5);
  UniqueFd client = Connect(port_), host = Accept();
  std::thread writer([&] {
    EXPECT_TRUE(WriteAll(client.get(), sent));
    ::shutdown(client.get(), SHUT_WR);
  });
  std::string received = ReadAll(host.get());
  writer.join();
  EXPECT_TRUE(received == sent) << received.size() << " bytes of " << sent.size();
  std::thread answer([&] {
    EXPECT_TRUE(WriteAll(host.get(), sent));
    host.reset();
  });
  EXPECT_TRUE(ReadAll(client.get()) == sent) << "after the end of what the client sent";
  answer.join();
}

TEST_F(RelayTest, AClientThatDoesNotReadLosesNothing) {
  UniqueFd client = Connect(port_), host = Accept();
  std::string sent(200'000, 'a');
  EXPECT_TRUE(WriteAll(host.get(), sent));
  host.reset();  // gone before the client reads
  ::usleep(50'000);
  EXPECT_EQ(ReadAll(client.get()), sent);
}

TEST_F(RelayTest, OfAHostThatLeftNoConnectionIsKept) {
  std::vector<UniqueFd> idle;  // clients that never close
  for (int i = 0; i < 150; ++i) {
    idle.push_back(Connect(port_));
    Accept().reset();
    EXPECT_EQ(ReadAll(idle.back().get()), "");
  }
  UniqueFd client = Connect(port_), host = Accept();
  EXPECT_TRUE(WriteAll(host.get(), "still here"));
  host.reset();
  EXPECT_EQ(ReadAll(client.get()), "still here");
}

TEST_F(RelayTest, ManyAtOnceAndTheOthersWait) {
  std::vector<UniqueFd> clients, hosts;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(Connect(port_));
    EXPECT_TRUE(WriteAll(clients.back().get(), std::to_string(i)));
    ::shutdown(clients.back().get(), SHUT_WR);
  }
  for (int i = 0; i < 100; ++i) {
    UniqueFd host = Accept();
    std::string said = ReadAll(host.get());
    EXPECT_EQ(said, std::to_string(i));
    EXPECT_TRUE(WriteAll(host.get(), "<" + said + ">"));
  }
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(ReadAll(clients[static_cast<std::size_t>(i)].get()), "<" + std::to_string(i) + ">");
}

TEST_F(RelayTest, InitAnswersWhileTheQueueIsFull) {
  std::vector<UniqueFd> fillers;
  for (int i = 0; i < 9; ++i) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (temp_->path() / "socket").c_str(), sizeof address.sun_path - 1);
    fillers.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(
        ::connect(fillers.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  UniqueFd client = Connect(port_);  // the relay's own connect waits
  ::usleep(100'000);
  Run([&]() -> Task<Status> {
    std::string script = "echo alive";
    auto ran = co_await Sh(std::move(script));
    if (!ran) co_return tl::unexpected(ran.error());
    EXPECT_EQ(ran->output, "alive\n");
    co_return Status{};
  });
  for (int i = 0; i < 9; ++i) Accept().reset();
  EXPECT_TRUE(WriteAll(client.get(), "x"));
  UniqueFd host = Accept();
  char seen = 0;
  EXPECT_EQ(::read(host.get(), &seen, 1), 1);
  EXPECT_EQ(seen, 'x');
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

// The leader, a shell without a trap, dies at once; who saves its work has the time that is left.
TEST_F(InitChannelTest, BeforeItsTimeIsOverEveryProcessIsToldAndMayFinish) {
  Start();
  Run([&]() -> Task<Status> {
    std::string saves =
        "(trap 'sleep 0.3; echo saved; exit' TERM; while :; do sleep 0.05; done) & "
        "echo begun; sleep 60";
    auto ended = co_await Noticed(std::move(saves), seconds(19), seconds(20));
    EXPECT_TRUE(ended) << ended.error().message;
    EXPECT_TRUE(ended->output.starts_with("begun\n")) << ended->output;
    EXPECT_TRUE(ended->output.ends_with("saved\n")) << ended->output;
    EXPECT_TRUE(ended->noticed);
    EXPECT_FALSE(ended->timed_out) << "nobody had to be killed";
    co_return Status{};
  });
}

TEST_F(InitChannelTest, WhoDoesNotHeedTheNoticeIsKilledAtItsTime) {
  Start();
  Run([&]() -> Task<Status> {
    auto begun = SteadyNow();
    std::string deaf = "trap '' TERM; echo begun; sleep 60";
    auto ended = co_await Noticed(std::move(deaf), Millis(700), Millis(1000));
    EXPECT_TRUE(ended) << ended.error().message;
    EXPECT_TRUE(ended->noticed);
    EXPECT_TRUE(ended->timed_out);
    EXPECT_GE(Since(begun), Millis(950));
    std::string next = "echo goes on";
    auto after = co_await Sh(std::move(next));
    EXPECT_EQ(after->output, "goes on\n") << "the next command is as any other";
    EXPECT_FALSE(after->noticed);
    co_return Status{};
  });
}

TEST_F(InitChannelTest, OutputIsFollowedBeyondWhatIsKeptOfIt) {
  Start();
  Run([&]() -> Task<Status> {
    std::string followed;
    ExecSpec spec;
    spec.argv = {"sh", "-c", "seq 1 100000"};
    spec.cwd = "/";
    spec.output_head_bytes = spec.output_tail_bytes = 10;
    spec.follow_bytes = 1000;
    spec.on_output = [&](std::string_view piece) { followed += piece; };
    std::vector<std::pair<std::string, std::string>> env = {{"PATH", "/usr/bin:/bin"}};
    Deadline deadline = Deadline::In(seconds(20));
    auto ended = co_await channel_->Exec(spec, env, deadline);
    EXPECT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(followed.size(), 1000u);
    EXPECT_TRUE(followed.starts_with("1\n2\n3\n"));
    EXPECT_EQ(ended->output, "1\n2\n3\n4\n5\n\n... (588875 bytes left out) ...\n99\n100000\n");
    EXPECT_EQ(ended->output_bytes, 588'895u);
    co_return Status{};
  });
}

TEST_F(InitChannelTest, OfAVariableThatIsGivenTwiceTheLaterCounts) {
  Start();
  Run([&]() -> Task<Status> {
    ExecSpec spec;
    spec.argv = {"env"};
    spec.cwd = "/";
    spec.env = {{"MODE", "own"}, {"MODE", "last"}};
    std::vector<std::pair<std::string, std::string>> env = {{"PATH", "/usr/bin:/bin"},
                                                            {"MODE", "general"}};
    Deadline deadline = Deadline::In(seconds(20));
    auto ended = co_await channel_->Exec(spec, env, deadline);
    EXPECT_EQ(ended->output, "MODE=last\nPATH=/usr/bin:/bin\n");
    co_return Status{};
  });
}

}  // namespace
}  // namespace podium::sandbox
