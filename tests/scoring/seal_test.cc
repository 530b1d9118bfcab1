// The seal of podium-grade: what a process behind it can still ask the kernel for.
#include "scoring/seal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "base/files.h"
#include "base/process.h"

namespace podium::scoring {
namespace {

// Whatever their arguments, these do nothing but compute, or touch what is open already.
const std::set<long> kHarmless = {
    SYS_read,
    SYS_pread64,
    SYS_readv,
    SYS_write,
    SYS_writev,
    SYS_close,
    SYS_fstat,
    SYS_lseek,
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_getpid,
    SYS_gettid,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_getrandom,
    SYS_restart_syscall,
    SYS_sysinfo,
    SYS_getrusage,
    SYS_set_tid_address,
    SYS_getcpu,
#if defined(__SANITIZE_ADDRESS__)
    SYS_pipe,
    SYS_pipe2,  // the sanitizers'
#endif
};

// Runs in a child, for the filter stays; its exit code.
int InChild(const std::function<int()>& body) {
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The first call from `from` on that got past the filter; -1: none did.
long FirstReachable(long from) {
  int fds[2];
  if (::pipe(fds) != 0) return 0;
  InChild([&] {
    if (!NameTheCalls()) return 1;
    for (long call = from; call < 470; ++call) {
      // Without arguments prlimit64 is getrlimit, which may be asked.
      if (kHarmless.contains(call) || call == SYS_prlimit64) continue;
      errno = 0;
      long got = ::syscall(call, 0, 0, 0, 0, 0, 0);
      bool refused = got == -1 && errno == (call == SYS_clone3 ? ENOSYS : EPERM);
      if (!refused && ::write(fds[1], &call, sizeof call) > 0) return 1;
    }
    return 0;
  });
  ::close(fds[1]);
  long call = -1;
  if (::read(fds[0], &call, sizeof call) != sizeof call) call = -1;
  ::close(fds[0]);
  return call;
}

TEST(GraderSealTest, EveryCallThatIsNotNamedIsRefused) {
  EXPECT_EQ(FirstReachable(0), -1) << "this system call can be reached";
}

TEST(GraderSealTest, NamedCallsTakeTheirOwnArgumentsAlone) {
  int code = InChild([] {
    if (!NameTheCalls()) return 90;
    struct stat st {};
    rlimit limit{};
    pid_t parent = ::getpid() == 1 ? 2 : 1;
    if (::syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &st, 0) == 0) return 1;
    if (::syscall(SYS_newfstatat, 2, "", &st, AT_EMPTY_PATH) != 0) return 2;
    if (::syscall(SYS_prlimit64, 0, RLIMIT_AS, &limit, nullptr) == 0) return 3;
    if (::syscall(SYS_prlimit64, 0, RLIMIT_AS, nullptr, &limit) != 0) return 4;
    if (::syscall(SYS_tgkill, parent, parent, 0) == 0 || errno != EPERM) return 5;
    if (::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) != -1) return 6;
    if (::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) != -1) return 7;
    return 0;
  });
  EXPECT_EQ(code, 0);
}

TEST(GraderSealTest, ThreadsStillStart) {
  int code = InChild([] {
    if (!NameTheCalls()) return 90;
    int seen = 0;
    std::thread([&] { seen = 7; }).join();
    return seen;
  });
  EXPECT_EQ(code, 7);
}

// Runs the body sealed in a child of this test; what podium-grade would end with.
int Sealed(const std::function<int()>& body) {
  return InChild([&] { return RunSealed(body); });
}

// A sealed child that waits, and the process that will end with what becomes of it.
class WaitingChild {
 public:
  WaitingChild() {
    int fds[2];
    if (::pipe(fds) != 0) return;
    runner_ = ::fork();
    if (runner_ == 0) {
      ::_exit(RunSealed([&] {
        char byte = 'x';
        timespec long_time{30, 0};
        if (::write(fds[1], &byte, 1) == 1) ::nanosleep(&long_time, nullptr);
        return 0;
      }));
    }
    char byte = 0;
    bool sealed = ::read(fds[0], &byte, 1) == 1;
    ::close(fds[0]);
    ::close(fds[1]);
    std::string task = "/proc/" + std::to_string(runner_) + "/task/" + std::to_string(runner_);
    auto listed = ReadFile(task + "/children");
    if (sealed && listed) child_ = std::atoi(listed->c_str());
  }
  ~WaitingChild() {
    if (child_ > 0) ::kill(child_, SIGKILL);
    if (runner_ > 0) ::waitpid(runner_, nullptr, 0);
  }
  WaitingChild(const WaitingChild&) = delete;
  WaitingChild& operator=(const WaitingChild&) = delete;
  [[nodiscard]] pid_t child() const { return child_; }
  int KillAndWait() {
    ::kill(std::exchange(child_, 0), SIGKILL);
    int status = 0;
    ::waitpid(std::exchange(runner_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t runner_ = 0, child_ = 0;
};

// From behind the seal of the program itself: calls, privileges, namespaces, mounts.
TEST(GraderSealTest, NothingOfTheHostIsLeftBehindIt) {
  ProcessSpec spec;
  spec.argv = {(ProgramDir() / "podium-grade").string(), "--seal-test"};
  auto ran = RunProcess(spec, Deadline::In(std::chrono::seconds(30)));
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->exit_code, 0) << ran->err;
  EXPECT_TRUE(ran->out.starts_with("tried ")) << ran->out;
}

// As the kernel does when memory is short.
TEST(GraderSealTest, AKilledGradingIsTheHosts) {
  WaitingChild sealed;
  ASSERT_GT(sealed.child(), 0);
  EXPECT_EQ(sealed.KillAndWait(), kHostExit);
}

TEST(GraderSealTest, ALowHardLimitOfTimeIsTheHosts) {
  int code = InChild([] {
    rlimit second{1, 1};
    ::setrlimit(RLIMIT_CPU, &second);
    return RunSealed([] {
      for (volatile unsigned long n = 0;; n = n + 1) {
      }
      return 0;
    });
  });
  EXPECT_EQ(code, kHostExit);
}

TEST(GraderSealTest, AHardLimitBelowOursIsNoError) {
  int code = InChild([] {
    rlimit low{1000, 1000};
    ::setrlimit(RLIMIT_CPU, &low);
    return RunSealed([] { return 0; });
  });
  EXPECT_EQ(code, 0);
}

TEST(GraderSealTest, ACrashIsNotTheHosts) {
  EXPECT_EQ(Sealed([] { return 5; }), 5);
  int code = Sealed([]() -> int { __builtin_trap(); });
  EXPECT_TRUE(code != 0 && code != kHostExit) << code;
}

}  // namespace
}  // namespace podium::scoring
