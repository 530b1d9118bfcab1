#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "sandbox/backends/factory.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/reaper/reaper.h"
#include "tests/sandbox/sandbox_fixture.h"
#include "tests/support/host_traces.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class OciSandboxTest : public SandboxFixture {};

TEST_F(OciSandboxTest, RunsCommandsAsTheAgentWithExactlyTheGivenEnvironment) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    auto r = co_await Sh(box, "id -u; pwd; env | sort; exit 7");
    EXPECT_EQ(r.end, ExecEnd::kExited);
    EXPECT_EQ(r.exit_code, 7);
    EXPECT_EQ(r.output,
              "1000\n/home/agent\nHOME=/home/agent\nPATH=/usr/bin:/bin\nPWD=/home/agent\n");
  });
}

TEST_F(OciSandboxTest, FeedsStandardInputAndCutsOutputInTheMiddle) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    ExecSpec spec;
    spec.argv = {"sh", "-c", "cat; head -c 1000000000 /dev/zero | tr '\\0' x; echo end"};
    spec.stdin_data = std::string(300'000, 'a');
    spec.output_head_bytes = 1000;
    spec.output_tail_bytes = 1000;
    Deadline deadline = Deadline::In(seconds(60));
    auto r = co_await box.Exec(std::move(spec), deadline);
    EXPECT_TRUE(r);
    EXPECT_EQ(r->output_bytes, 1'000'300'004u);
    EXPECT_LT(r->output.size(), 2200u);
    EXPECT_TRUE(r->output.starts_with("aaaa"));
    EXPECT_TRUE(r->output.ends_with("xend\n"));
  });
}

TEST_F(OciSandboxTest, DeadlineEndsSleepersAndDaemonsAndTheSandboxGoesOn) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    auto r = co_await Sh(box,
                         "(trap '' TERM; setsid sleep 1000 & setsid sleep 1000 &) ; trap '' TERM; "
                         "echo partial; sleep 1000",
                         Millis(700));
    EXPECT_EQ(r.end, ExecEnd::kTimeLimit);
    EXPECT_EQ(r.output, "partial\n");
    EXPECT_LT(r.wall, Millis(5000));
    auto after = co_await Sh(box, "ls -d /proc/[0-9]* | wc -l");
    EXPECT_LE(std::atoi(after.output.c_str()), 4);
  });
}

TEST_F(OciSandboxTest, StragglersEndWithTheirLeader) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    auto r = co_await Sh(box, "setsid sh -c 'sleep 1000' & echo started");
    EXPECT_EQ(r.end, ExecEnd::kExited);
    EXPECT_LT(r.wall, Millis(5000));
    auto after = co_await Sh(box, "cat /proc/[0-9]*/comm | grep -c sleep");
    EXPECT_EQ(after.output, "0\n");
  });
}

TEST_F(OciSandboxTest, ForkBombMeetsThePidLimit) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    auto r = co_await Sh(box, "b() { b | b & b; }; b", Millis(3000));
    EXPECT_EQ(r.end, ExecEnd::kPidLimit);
    auto after = co_await Sh(box, "echo alive");
    EXPECT_EQ(after.output, "alive\n");
  });
}

TEST_F(OciSandboxTest, MemoryBombMeetsTheMemoryLimit) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    auto r = co_await Sh(box, "exec python3 -c 'x=[]\nwhile True: x.append(bytearray(10**7))'");
    EXPECT_EQ(r.end, ExecEnd::kMemoryLimit);
    auto after = co_await Sh(box, "echo alive");
    EXPECT_EQ(after.output, "alive\n");
  });
}

TEST_F(OciSandboxTest, FullDiskIsNamedAndTheHostLosesNoMoreThanTheQuota) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    auto r = co_await Sh(
        box,
        "echo ok > /home/submission/submission.csv; head -c 200000000 /dev/zero > /home/agent/big");
    EXPECT_EQ(r.end, ExecEnd::kDiskLimit);
    auto inodes = co_await Sh(box,
                              "rm /home/agent/big; mkdir d && cd d && i=0; while :; do : > f$i || "
                              "exit 1; i=$((i+1)); done");
    EXPECT_EQ(inodes.end, ExecEnd::kDiskLimit);
  });
}

TEST_F(OciSandboxTest, HasNoNetworkNoCapabilityAndNoNewNamespaces) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    auto r = co_await Sh(box, R"(python3 - <<'P'
import ctypes, errno, os, socket
def attempt(name, f):
    try: f(); print(name, "allowed")
    except OSError as e: print(name, errno.errorcode[e.errno])
libc = ctypes.CDLL(None, use_errno=True)
def call(*a):
    if libc.syscall(*a) < 0: raise OSError(ctypes.get_errno(), "")
attempt("connect", lambda: socket.create_connection(("192.0.2.1", 80), 1))
attempt("alg", lambda: socket.socket(38, socket.SOCK_SEQPACKET))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("unshare", lambda: call(272, 0x10000000))
attempt("mount", lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, 0))
attempt("keyctl", lambda: call(250, 0, 0))
attempt("bpf", lambda: call(321, 0, 0, 0))
attempt("io_uring", lambda: call(425, 1, 0))
attempt("data", lambda: open("/home/data/x", "w"))
attempt("image", lambda: open("/etc/passwd", "a"))
attempt("pid1", lambda: os.listdir("/proc/1/fd"))
print("links", sorted(os.listdir("/sys/class/net")) if os.path.exists("/sys/class/net") else [l.split(":")[0].strip() for l in open("/proc/net/dev").readlines()[2:]])
print([l.strip() for l in open("/proc/self/status") if l.startswith(("CapEff", "CapBnd", "NoNewPrivs", "Seccomp:"))])
print("fds", sorted(int(x) for x in os.listdir("/proc/self/fd"))[:3])
P)");
    EXPECT_EQ(r.output,
              "connect ENETUNREACH\nalg ENOSYS\nvsock ENOSYS\nunshare ENOSYS\nmount ENOSYS\nkeyctl "
              "ENOSYS\nbpf ENOSYS\nio_uring ENOSYS\n"
              "data EROFS\nimage EACCES\npid1 EACCES\nlinks ['lo']\n"
              "['CapEff:\\t0000000000000000', 'CapBnd:\\t0000000000000000', 'NoNewPrivs:\\t1', "
              "'Seccomp:\\t2']\nfds [0, 1, 2]\n");
  });
}

TEST_F(OciSandboxTest, MachineLearningLibrariesWork) {
  auto spec = Spec();
  spec.limits.memory_bytes = std::uint64_t{2} << 30;
  WithSandbox(
      [](Sandbox& box) -> Task<void> {
        auto r = co_await Sh(box, R"(cat > /tmp/t.py <<'P'
import multiprocessing as mp, numpy as np, pandas as pd, sklearn.ensemble as e, xgboost, PIL.Image
def f(x): return x * x
if __name__ == "__main__":
    with mp.get_context("spawn").Pool(2) as p: pass
    with mp.get_context("fork").Pool(2) as p: print(sum(p.map(f, range(10))))
    x = np.random.default_rng(0).random((300, 4)); y = (x[:, 0] > .5).astype(int)
    print(e.HistGradientBoostingClassifier(max_iter=5).fit(x, y).score(x, y) > .9, xgboost.XGBClassifier(n_estimators=3).fit(x, y).score(x, y) > .9)
P
python3 /tmp/t.py)",
                             Millis(60'000));
        EXPECT_EQ(r.output, "285\nTrue True\n");
      },
      spec);
}

TEST_F(OciSandboxTest, PutsAndTakesFilesAndRefusesTraps) {
  fs::path to = temp_->path() / "taken";
  WithSandbox([to](Sandbox& box) -> Task<void> {
    Deadline d = Deadline::In(seconds(30));
    auto put = co_await box.PutFile("/home/code/deep/x.py", "print(1)\n", 0644, d);
    EXPECT_TRUE(put);
    auto taken = co_await box.TakeFile("/home/code/deep/x.py", to, 1000, d);
    EXPECT_TRUE(taken && taken->fault == TakeFault::kNone && taken->bytes == 9);
    auto denied = co_await box.PutFile("/etc/x", "no", 0644, d);
    EXPECT_FALSE(denied);
    struct Case {
      const char* script;
      TakeFault fault;
    };
    for (const Case& c : {Case{"true", TakeFault::kMissing},
                          Case{"ln -s /etc/shadow submission.csv", TakeFault::kSymlink},
                          Case{"mkfifo submission.csv", TakeFault::kNotRegular},
                          Case{"mkdir submission.csv", TakeFault::kNotRegular},
                          Case{": > submission.csv", TakeFault::kEmpty},
                          Case{"echo a > b; ln b submission.csv", TakeFault::kHardLink},
                          Case{"truncate -s 40G submission.csv", TakeFault::kTooLarge}}) {
      auto made = co_await Sh(box, "cd /home/submission; rm -rf ./*; " + std::string(c.script));
      EXPECT_EQ(made.exit_code, 0) << c.script << made.output;
      auto t = co_await box.TakeFile("/home/submission/submission.csv", to, 1 << 30, d);
      EXPECT_TRUE(t) << c.script;
      EXPECT_EQ(TakeFaultText(t->fault), TakeFaultText(c.fault)) << c.script << ": " << t->detail;
    }
  });
}

TEST_F(OciSandboxTest, SealEndsEverythingAndFilesCanStillBeTaken) {
  fs::path to = temp_->path() / "taken";
  WithSandbox([to](Sandbox& box) -> Task<void> {
    co_await Sh(box, "echo id,y > /home/submission/submission.csv");
    Deadline d = Deadline::In(seconds(30));
    auto sealed = co_await box.Seal(d);
    EXPECT_TRUE(sealed) << (sealed ? "" : sealed.error().message);
    ExecSpec spec;
    spec.argv = {"true"};
    auto refused = co_await box.Exec(std::move(spec), d);
    EXPECT_FALSE(refused);
    auto taken = co_await box.TakeFile("/home/submission/submission.csv", to, 1000, d);
    EXPECT_TRUE(taken && taken->bytes == 5);
  });
}

TEST_F(OciSandboxTest, TwoSandboxesShareNeitherIdsNorFiles) {
  auto second = Spec("u");
  WithSandbox([&](Sandbox& a) -> Task<void> {
    Deadline d = Deadline::In(seconds(60));
    auto b = co_await backend_->Create(second, d);
    EXPECT_TRUE(b);
    if (!b) co_return;
    auto first = co_await Sh(a, "echo secret > /tmp/s; cat /proc/self/uid_map");
    auto other = co_await Sh(**b, "cat /tmp/s; cat /proc/self/uid_map");
    EXPECT_NE(first.output, other.output);
    EXPECT_EQ(other.output.find("secret"), std::string::npos);
    auto destroyed = co_await (*b)->Destroy(d);
    EXPECT_TRUE(destroyed);
  });
}

TEST_F(OciSandboxTest, NothingIsLeftWhenTheOwnerIsKilled) {
  SandboxSpec spec = Spec("k");
  pid_t owner = ::fork();
  if (owner == 0) {
    Reactor reactor;
    auto backend = MakeBackend("runc", reactor);
    auto status = reactor.Run([&]() -> Task<Status> {
      Deadline d = Deadline::In(seconds(60));
      auto box = co_await (*backend)->Create(spec, d);
      ExecSpec sleep;
      sleep.argv = {"sh", "-c", "setsid sleep 987654 & sleep 987654"};
      std::ofstream(temp_->path() / "started") << "x";
      auto r = co_await (*box)->Exec(std::move(sleep), d);
      co_return Status{};
    });
    ::_exit(0);
  }
  for (int i = 0; i < 600 && !fs::exists(temp_->path() / "started"); ++i) ::usleep(50'000);
  ::usleep(200'000);
  EXPECT_FALSE(tests::SandboxTraces(spec.id).empty());
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  // A run of another test may be reaping at this moment.
  for (int i = 0; i < 300 && !tests::SandboxTraces(spec.id).empty(); ++i) {
    auto reaped = ReapDead(Deadline::In(seconds(60)));
    ASSERT_TRUE(reaped) << reaped.error().message;
    if (*reaped == 0) ::usleep(50'000);
  }
  EXPECT_THAT(tests::SandboxTraces(spec.id), testing::IsEmpty());
  ProcessSpec ps;
  ps.argv = {"sh", "-c",
             "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 'sleep 98765[4]'"};
  auto left = RunProcess(ps, Deadline::In(seconds(10)));
  ASSERT_TRUE(left);
  EXPECT_EQ(left->out, "0\n");
}

TEST_F(OciSandboxTest, AListenerInsideIsHandedOut) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(30));
    auto listener = co_await box.Listen(5000, deadline);
    EXPECT_TRUE(listener) << listener.error().message;
    std::thread server([fd = listener->get()] {
      pollfd wait{fd, POLLIN, 0};
      if (::poll(&wait, 1, 20'000) <= 0) return;
      UniqueFd one(::accept(fd, nullptr, nullptr));
      EXPECT_EQ(::write(one.get(), "hello from the host\n", 20), 20);
    });
    auto r = co_await Sh(box,
                         "python3 -c \"import socket; s = socket.create_connection(('127.0.0.1', "
                         "5000)); print(s.recv(99).decode(), end='')\"");
    server.join();
    EXPECT_EQ(r.output, "hello from the host\n");
    auto twice = co_await box.Listen(5000, deadline);
    EXPECT_FALSE(twice) << "the port is taken";
    auto alive = co_await Sh(box, "echo alive");
    EXPECT_EQ(alive.output, "alive\n");
  });
}

TEST_F(OciSandboxTest, UnsafeLocalRunsAndSaysWhatItIs) {
  auto local = MakeBackend("unsafe-local", reactor_);
  ASSERT_TRUE(local) << local.error().message;
  SandboxSpec spec = Spec("local");
  auto status = reactor_.Run([&]() -> Task<Status> {
    Deadline deadline = Deadline::In(seconds(60));
    auto refused = co_await (*local)->Create(spec, deadline);
    EXPECT_FALSE(refused) << "not without allow_unenforced";
    spec.allow_unenforced = true;
    auto box = co_await (*local)->Create(spec, deadline);
    if (!box) co_return tl::unexpected(box.error());
    auto r =
        co_await Sh(**box, "cat /home/data/train.csv; echo x > /home/code/f; cat /home/code/f");
    EXPECT_EQ(r.output, "a,b\n1,2\nx\n");
    EXPECT_EQ((*box)->isolation().not_enforced.front(), "isolation of any kind");
    co_return co_await (*box)->Destroy(deadline);
  });
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_THAT(tests::SandboxTraces(spec.id), testing::IsEmpty());
}

}  // namespace
}  // namespace podium::sandbox
