// What an agent can do to the program that supervises it, and what comes of it: an end of its own
// command, never an error of the sandbox.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>

#include "base/async/alarm.h"
#include "sandbox/host/host_paths.h"
#include "tests/sandbox/sandbox_fixture.h"

namespace podium::sandbox {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class SupervisorTest : public SandboxFixture {
 protected:
  static constexpr const char* kLowerLimits = R"(
import ctypes, os, resource, signal
libc = ctypes.CDLL(None, use_errno=True)
through = []
for what in range(16):
    for pid in (1, (1 << 32) + 1):
        if libc.syscall(302, ctypes.c_long(pid), what, (ctypes.c_ulong * 2)(0, 0), None) == 0:
            through.append(what)
try:
    os.sched_setaffinity(1, {0})
    through.append('cpus')
except OSError:
    pass
try:
    os.setpriority(os.PRIO_PROCESS, 1, 19)
    through.append('nice')
except OSError:
    pass
print(through)
)";

  // The host's number of the sandbox's PID 1, by its control group.
  static pid_t InitOf(const std::string& id) {
    for (const auto& [options, mount] : CgroupMounts()) {
      auto listed = ReadFile(std::filesystem::path(mount) / ("podium-" + id) / "cgroup.procs");
      if (listed && !listed->empty()) return std::atoi(listed->c_str());
    }
    return 0;
  }
};

TEST_F(SupervisorTest, PidOneIsOutOfReachOfTheAgent) {
  WithSandbox([&](Sandbox& box) -> Task<void> {
    auto tried = co_await Sh(box, "python3 -c \"" + std::string(kLowerLimits) + "\"");
    EXPECT_EQ(tried.output, "[]\n");
    auto much = co_await Sh(box, "head -c 3000000 /dev/zero");
    EXPECT_EQ(much.end, ExecEnd::kExited);
    EXPECT_EQ(much.output_bytes, 3'000'000u);
  });
}

TEST_F(SupervisorTest, PidOneIsAnotherUserAndCommandsHaveNoCapability) {
  WithSandbox([&](Sandbox& box) -> Task<void> {
    auto seen = co_await Sh(box,
                            "stat -c %u /proc/self; grep ^Uid /proc/1/status; id -u; "
                            "grep ^Cap /proc/self/status | sort -u -k2");
    EXPECT_THAT(seen.output, HasSubstr("Uid:\t999\t999\t999\t999"));
    EXPECT_THAT(seen.output, HasSubstr("\n1000\nCap"));
    EXPECT_THAT(seen.output, HasSubstr("0000000000000000"));
    EXPECT_EQ(seen.output.find("00001e0"), std::string::npos) << seen.output;
  });
}

TEST_F(SupervisorTest, ACommandStillSetsItsOwnCpusAndLimits) {
  WithSandbox([&](Sandbox& box) -> Task<void> {
    auto own = co_await Sh(
        box,
        "python3 -c \"import os, resource; p = os.getpid(); os.sched_setaffinity(p, "
        "os.sched_getaffinity(p)); os.sched_setaffinity(0, os.sched_getaffinity(0)); "
        "resource.prlimit(p, resource.RLIMIT_NOFILE, (100, 100)); os.setpriority(os.PRIO_PROCESS, "
        "p, 5); os.setpriority(os.PRIO_PGRP, 0, 6); print('all')\"");
    EXPECT_EQ(own.output, "all\n");
  });
}

// The host kills init under the command, as an agent that got at it would.
TEST_F(SupervisorTest, AnInitThatEndsUnderACommandIsTheCommandsEnd) {
  SandboxSpec spec = Spec("gone");
  WithSandbox(
      [&](Sandbox& box) -> Task<void> {
        pid_t init = InitOf(spec.id);
        EXPECT_GT(init, 1);
        if (init <= 1) co_return;
        ::kill(init, SIGSTOP);  // silent first: the frame is sent, and nothing comes
        auto killer = Alarm(reactor_, Deadline::In(Millis(300)), [init] { ::kill(init, SIGKILL); });
        auto ended = co_await Sh(box, "echo id,y > /home/submission/submission.csv; sleep 20");
        EXPECT_EQ(ended.end, ExecEnd::kInitGone);
        auto next = co_await Sh(box, "echo on");
        EXPECT_EQ(next.end, ExecEnd::kInitGone);
        Deadline d = Deadline::In(seconds(20));
        auto put = co_await box.PutFile("/home/code/x", "x", 0644, d);
        EXPECT_TRUE(!put && CausedByAgent(put.error()));
      },
      spec);
}

TEST_F(SupervisorTest, ASubmissionIsTakenAfterInitIsGone) {
  SandboxSpec spec = Spec("taken");
  WithSandbox(
      [&](Sandbox& box) -> Task<void> {
        auto wrote = co_await Sh(box, "echo id,y > /home/submission/submission.csv");
        pid_t init = InitOf(spec.id);
        EXPECT_GT(init, 1);
        if (init <= 1) co_return;
        ::kill(init, SIGKILL);
        auto gone = co_await Sh(box, "echo never");
        EXPECT_EQ(gone.end, ExecEnd::kInitGone);
        Deadline d = Deadline::In(seconds(20));
        auto snapshot = co_await box.TakeSnapshot(d);
        EXPECT_TRUE(snapshot) << (snapshot ? "" : snapshot.error().message);
        auto sealed = co_await box.Seal(d);
        EXPECT_TRUE(sealed) << (sealed ? "" : sealed.error().message);
        auto taken =
            co_await box.TakeFile("/home/submission/submission.csv", temp_->path() / "s", 1000, d);
        EXPECT_TRUE(taken && taken->fault == TakeFault::kNone);
      },
      spec);
}

// A stopped init does not kill at the deadline; the host does, soon after it.
TEST_F(SupervisorTest, TheHostKeepsTheDeadlineOfASilentInit) {
  SandboxSpec spec = Spec("silent");
  WithSandbox(
      [&](Sandbox& box) -> Task<void> {
        pid_t init = InitOf(spec.id);
        EXPECT_GT(init, 1);
        if (init <= 1) co_return;
        auto stopper =
            Alarm(reactor_, Deadline::In(Millis(300)), [init] { ::kill(init, SIGSTOP); });
        auto ended = co_await Sh(box, "sleep 60", Millis(1000));
        EXPECT_EQ(ended.end, ExecEnd::kTimeLimit);
        EXPECT_LT(ended.wall, seconds(12));
      },
      spec);
}

TEST_F(SupervisorTest, SpinnersDoNotDelayTheDeadline) {
  WithSandbox([&](Sandbox& box) -> Task<void> {
    auto ended = co_await Sh(box,
                             "i=0; while [ $i -lt 40 ]; do sh -c 'while :; do :; done' & "
                             "i=$((i+1)); done; wait",
                             Millis(1500));
    EXPECT_EQ(ended.end, ExecEnd::kTimeLimit);
    EXPECT_LT(ended.wall, seconds(5));
    auto next = co_await Sh(box, "echo on");
    EXPECT_EQ(next.output, "on\n");
  });
}

TEST_F(SupervisorTest, WhatAnAgentPutsInAFilesWayIsItsFault) {
  WithSandbox([&](Sandbox& box) -> Task<void> {
    Deadline d = Deadline::In(seconds(60));
    auto before = co_await box.PutFile("/etc/x", "no", 0644, d);
    EXPECT_TRUE(!before && !CausedByAgent(before.error())) << "nothing had run yet";
    const char* const ways[] = {
        "mkdir -p /home/code/f.py", "chmod 0 /home/code",
        "rm -rf /home/code/f.py; ln -s f.py /home/code/f.py; chmod 555 /home/code"};
    for (const char* way : ways) {
      auto did = co_await Sh(box, "chmod 755 /home/code; " + std::string(way));
      EXPECT_EQ(did.exit_code, 0) << way;
      auto put = co_await box.PutFile("/home/code/f.py", "print(1)", 0644, d);
      EXPECT_TRUE(!put && CausedByAgent(put.error())) << way;
    }
  });
}

TEST_F(SupervisorTest, AFullDiskIsTheAgentsFault) {
  WithSandbox([&](Sandbox& box) -> Task<void> {
    auto filled = co_await Sh(box,
                              "head -c 200000000 /dev/zero > /home/code/full; "
                              "head -c 4096 /dev/zero > /home/code/rest; true");
    Deadline d = Deadline::In(seconds(60));
    auto put = co_await box.PutFile("/home/code/f.py", std::string(100'000, '#'), 0644, d);
    EXPECT_TRUE(!put && CausedByAgent(put.error()));
    auto guarded = co_await box.PutFile("/home/.podium/f.py", std::string(100'000, '#'), 0644, d);
    EXPECT_TRUE(!guarded && CausedByAgent(guarded.error()));
  });
}

TEST_F(SupervisorTest, AGuardedFileCannotBeHinderedOrChanged) {
  WithSandbox([&](Sandbox& box) -> Task<void> {
    auto tried = co_await Sh(box,
                             "mkdir /home/.podium/node.py; ln -s /etc /home/.podium/x; mv "
                             "/home/.podium /home/.other; rm -rf /home/.podium; chmod 777 "
                             "/home/.podium; ls -A /home/.podium | wc -l");
    EXPECT_THAT(tried.output, HasSubstr("0\n"));
    Deadline d = Deadline::In(seconds(60));
    auto put = co_await box.PutFile("/home/.podium/node.py", "print('mine')\n", 0644, d);
    EXPECT_TRUE(put) << (put ? "" : put.error().message);
    auto again = co_await box.PutFile("/home/.podium/node.py", "print('whole')\n", 0644, d);
    EXPECT_TRUE(again) << (again ? "" : again.error().message);
    auto ran = co_await Sh(box,
                           "echo x >> /home/.podium/node.py; python3 /home/.podium/node.py; "
                           "stat -c '%u %a' /home/.podium/node.py");
    EXPECT_THAT(ran.output, HasSubstr("whole\n0 644\n"));
    auto snapshot = co_await box.TakeSnapshot(d);
    EXPECT_TRUE(snapshot);
    auto later = co_await box.PutFile("/home/.podium/node_2.py", "print('later')\n", 0644, d);
    EXPECT_TRUE(later);
    auto both = co_await Sh(box, "python3 /home/.podium/node.py; python3 /home/.podium/node_2.py");
    EXPECT_EQ(both.output, "whole\nlater\n");
  });
}

TEST_F(SupervisorTest, LocksBeyondTheBoundEndTheCommand) {
  SandboxSpec spec = Spec("locks");
  WithSandbox(
      [&](Sandbox& box) -> Task<void> {
        auto ended = co_await Sh(box,
                                 "exec python3 -c \"\nimport fcntl, time\nfor n in range(400):\n f "
                                 "= open('/home/code/l%d' % n, 'w')\n globals()['f%d' % n] = f\n "
                                 "for i in range(2000):\n  fcntl.lockf(f, fcntl.LOCK_EX, 1, 2 * "
                                 "i)\ntime.sleep(15)\"",
                                 Millis(30'000));
        EXPECT_EQ(ended.end, ExecEnd::kMemoryLimit);
        auto next = co_await Sh(box, "echo on");
        EXPECT_EQ(next.output, "on\n");
      },
      spec);
}

TEST_F(SupervisorTest, ThingsAreNotTakenAfterTheirDeadline) {
  WithSandbox([&](Sandbox& box) -> Task<void> {
    auto wrote = co_await Sh(box, "echo x > /home/code/f");
    Deadline past = Deadline::In(-seconds(1));
    auto file = co_await box.TakeFile("/home/code/f", temp_->path() / "f", 1000, past);
    EXPECT_TRUE(!file && file.error().code == ErrorCode::kTimeout);
    auto snapshot = co_await box.TakeSnapshot(past);
    EXPECT_TRUE(!snapshot && snapshot.error().code == ErrorCode::kTimeout);
    Deadline d = Deadline::In(seconds(20));
    auto good = co_await box.TakeSnapshot(d);
    EXPECT_TRUE(good);
    if (!good) co_return;
    auto restored = co_await box.Restore(*good, past);
    EXPECT_TRUE(!restored && restored.error().code == ErrorCode::kTimeout);
    auto still = co_await Sh(box, "cat /home/code/f");
    EXPECT_EQ(still.output, "x\n");
  });
}

TEST_F(SupervisorTest, DeviceNodesAreTheSandboxsOwn) {
  WithSandbox([&](Sandbox& box) -> Task<void> {
    auto inside = co_await Sh(box,
                              "stat -c '%d:%i' /dev/null /dev/urandom; echo x > /dev/null && "
                              "head -c 3 /dev/zero | wc -c; ls /dev | tr '\\n' ' '; "
                              "python3 -c 'import os; os.openpty(); print(1)'");
    struct stat host {};
    EXPECT_EQ(::stat("/dev/null", &host), 0);
    std::string theirs = std::to_string(host.st_dev) + ":" + std::to_string(host.st_ino);
    EXPECT_EQ(inside.output.find(theirs), std::string::npos) << inside.output;
    EXPECT_THAT(inside.output, HasSubstr("\n3\n"));
    EXPECT_THAT(inside.output, HasSubstr("1\n"));
  });
}

}  // namespace
}  // namespace podium::sandbox
