// Sandboxes of a user without root: what holds, what is refused, and that nothing stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/images/image.h"
#include "tests/support/host_traces.h"
#include "tests/support/ordinary_user.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

class RootlessTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
    if (auto image = FindImage("podium-ml", CacheDir()); !image)
      GTEST_SKIP() << image.error().message;
    auto made = tests::OrdinaryUser::Make();
    if (!made) GTEST_SKIP() << made.error().message;
    user_.emplace(std::move(*made));
    auto works = Podium({"doctor"});
    if (works.out.find("rootless: yes") == std::string::npos) GTEST_SKIP() << works.out;
  }

  void TearDown() override {
    if (!user_) return;
    EXPECT_THAT(tests::OrdinaryUser::StayingProcesses(), IsEmpty());
    for (const char* place : {"podium /var/lib/misc ", "podium /var/lib/podium "})
      EXPECT_THAT(tests::SandboxTraces(place), IsEmpty());
    for (const auto& group : groups_) {
      for (const auto& entry : fs::directory_iterator(group))
        EXPECT_FALSE(entry.is_directory()) << entry.path();
      EXPECT_EQ(::rmdir(group.c_str()), 0) << group;
    }
  }

  ProcessResult Podium(std::vector<std::string> args) {
    args.insert(args.begin(), "podium");
    auto ran = RunProcess(user_->Command(args, groups_), Deadline::In(seconds(300)));
    EXPECT_TRUE(ran) << ran.error().message;
    return ran ? *ran : ProcessResult{};
  }

  // Goes on without the limits that this host cannot enforce for the user.
  ProcessResult Anyway(const std::string& script) {
    return Podium({"sandbox", "exec", "--allow-unenforced", "--", "sh", "-c", script});
  }

  // Starts it in a process group of its own, and waits until the command inside has begun.
  pid_t StartSleeper() {
    ProcessSpec spec = user_->Command({"podium", "sandbox", "exec", "--allow-unenforced", "--",
                                       "sh", "-c", "setsid sleep 86421 & sleep 86421"});
    std::vector<std::string> env;
    for (const auto& [key, value] : *spec.env) env.push_back(key + "=" + value);
    std::vector<char*> argv, envp;
    for (auto& arg : spec.argv) argv.push_back(arg.data());
    for (auto& entry : env) envp.push_back(entry.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t pid = -1;
    EXPECT_EQ(::posix_spawnp(&pid, argv[0], nullptr, &attributes, argv.data(), envp.data()), 0);
    ::posix_spawnattr_destroy(&attributes);
    auto begun = [] {
      auto all = tests::OrdinaryUser::Processes();
      return std::ranges::count_if(all, [](const auto& p) { return p.ends_with("\tsleep"); }) == 2;
    };
    for (int i = 0; i < 1200 && !begun(); ++i) ::usleep(50'000);
    EXPECT_TRUE(begun());
    return pid;
  }

  [[nodiscard]] std::vector<fs::path> Records() const {
    std::vector<fs::path> out;
    std::error_code ec;
    for (fs::recursive_directory_iterator it(user_->home() / ".local", ec), end; !ec && it != end;
         it.increment(ec)) {
      if (it->path().extension() == ".json") out.push_back(it->path());
    }
    return out;
  }

  // Control groups that root handed to the user, as a systemd of the user would.
  bool Delegate() {
    for (const auto& [options, mount] : CgroupMounts()) {
      auto words = Split(options, ',');
      bool wanted = std::ranges::any_of(
          words, [](auto w) { return w == "memory" || w == "pids" || w == "cpu"; });
      if (!wanted) continue;
      fs::path group = fs::path(mount) / ("podium-rootless-" + std::to_string(::getpid()));
      std::error_code ec;
      fs::create_directory(group, ec);
      if (ec) return false;
      groups_.push_back(group);
      for (const auto& path : {group, group / "cgroup.procs"})
        EXPECT_EQ(::chown(path.c_str(), tests::OrdinaryUser::kId, tests::OrdinaryUser::kId), 0);
    }
    return groups_.size() == 3;
  }

  std::optional<tests::OrdinaryUser> user_;
  std::vector<fs::path> groups_;
};

TEST_F(RootlessTest, RunsAsTheAgentWithIdsOfTheUserAndPassesTheExitCode) {
  auto ran = Anyway(
      "id -u; grep -E 'Cap(Eff|Bnd)|NoNewPrivs|Seccomp:' /proc/self/status; cat "
      "/proc/self/uid_map; echo out > /home/submission/x; cat /home/submission/x; exit 7");
  EXPECT_EQ(ran.exit_code, 7) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("1000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
                                 "NoNewPrivs:\t1\nSeccomp:\t2\n"));
  EXPECT_THAT(ran.out, HasSubstr(" 1024\nout\n")) << "a range of 1,024 ids";
  EXPECT_THAT(ran.err, HasSubstr("not enforced here: memory, cpu"));
  EXPECT_THAT(Records(), IsEmpty());
}

TEST_F(RootlessTest, LimitsThatCannotBeEnforcedAreRefused) {
  auto ran = Podium({"sandbox", "exec", "--", "true"});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.err, HasSubstr("no memory cgroup controller"));
  EXPECT_THAT(ran.err, HasSubstr("allow_unenforced"));
  EXPECT_THAT(ran.err, HasSubstr("systemd-run --user --scope -p Delegate=yes"));
  EXPECT_THAT(Records(), IsEmpty());
}

TEST_F(RootlessTest, FilesOfTheUserAndOfTheHostAreOutOfReach) {
  fs::path secret = user_->home() / "secret";
  ASSERT_TRUE(WriteFileAtomic(secret, "key-of-the-user\n", 0644));
  auto ran =
      Anyway("cat " + secret.string() +
             "; for f in /etc/x /usr/x /var/lib/x /x /proc/sys/kernel/core_pattern; do echo y "
             "> $f && echo wrote $f; done; cat /etc/shadow && echo read; ls /root && echo "
             "listed; kill -9 " +
             std::to_string(::getpid()) + "; echo end");
  EXPECT_THAT(ran.out, testing::Not(testing::ContainsRegex("key-of|wrote|read|listed")));
  EXPECT_THAT(ran.out, HasSubstr("end\n")) << ran.err;
}

TEST_F(RootlessTest, ForkBombsMeetTheResourceLimit) {
  auto ran = Anyway("i=0; while [ $i -lt 1500 ]; do sleep 20 & i=$((i+1)); done; echo all of them");
  EXPECT_THAT(ran.out, testing::Not(HasSubstr("all of them")));
  EXPECT_NE(ran.exit_code, 0);
}

TEST_F(RootlessTest, CtrlCEndsAllOfIt) {
  pid_t pid = StartSleeper();
  ::kill(-pid, SIGINT);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
}

TEST_F(RootlessTest, TheNextOneRemovesWhatAKilledOneLeft) {
  pid_t pid = StartSleeper();
  EXPECT_EQ(Records().size(), 1u);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(Anyway("true").exit_code, 0);
  EXPECT_THAT(Records(), IsEmpty());
}

TEST_F(RootlessTest, DelegatedGroupsAreLimits) {
  if (!Delegate()) GTEST_SKIP() << "no v1 controllers that could be handed over";
  auto ran = Podium({"sandbox", "exec", "--", "sh", "-c", "echo limited"});
  EXPECT_EQ(ran.out, "limited\n") << ran.err;
  EXPECT_EQ(ran.err, "");
  auto bomb = Podium({"sandbox", "exec", "--", "sh", "-c",
                      "i=0; while [ $i -lt 1500 ]; do sleep 20 & i=$((i+1)); done"});
  EXPECT_THAT(bomb.err, HasSubstr("ended as pid_limit"));
  auto memory = Podium(
      {"sandbox", "exec", "--", "python3", "-c", "x = [bytearray(10**7) for _ in range(600)]"});
  EXPECT_THAT(memory.err, HasSubstr("ended as memory_limit"));
}

TEST_F(RootlessTest, DoctorSaysWhatIsNotEnforced) {
  auto ran = Podium({"doctor"});
  EXPECT_THAT(ran.out, HasSubstr("rootless: yes"));
  EXPECT_THAT(ran.out, HasSubstr("not enforced: memory, cpu"));
}

// The suites of root's sandboxes, in one of the user's namespaces.
TEST_F(RootlessTest, WorkspacesAndHandOverWorkAsForRoot) {
  std::vector<std::string> argv = {"podium_sandbox_test",
                                   "--gtest_filter=WorkspaceTest.*:OciSandboxTest.*-*Bomb*:*"
                                   "WhenTheOwnerIsKilled*:*UnsafeLocal*"};
  auto ran = RunProcess(user_->Command(argv, {}, {{"PODIUM_TEST_ROOTLESS", "1"}}),
                        Deadline::In(seconds(600)));
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->exit_code, 0) << ran->out << ran->err;
  EXPECT_THAT(ran->out, HasSubstr("PASSED"));
  EXPECT_THAT(ran->out, testing::Not(HasSubstr("SKIPPED"))) << ran->out;
}

}  // namespace
}  // namespace podium::sandbox
