#include "scoring/seal.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <vector>

namespace podium::scoring {
namespace {

constexpr rlim_t kMemoryBytes = rlim_t{16} << 30;
constexpr rlim_t kCpuSeconds = 1500;  // over before the wall clock of a grading is
constexpr int kCpuExit = 128 + SIGXCPU, kAbortExit = 128 + SIGABRT;
constexpr uid_t kNobody = 65534;

#if defined(__x86_64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#else
#error "name this machine's audit architecture"
#endif

// Whatever their arguments: memory, time, this process's own signals and threads, and bytes of
// descriptors that are open already.
constexpr std::uint32_t kNamed[] = {
    __NR_read,
    __NR_pread64,
    __NR_readv,
    __NR_write,
    __NR_writev,
    __NR_close,
    __NR_fstat,
    __NR_lseek,
    __NR_mmap,
    __NR_munmap,
    __NR_mprotect,
    __NR_mremap,
    __NR_madvise,
    __NR_brk,
    __NR_futex,
    __NR_set_robust_list,
    __NR_rseq,
    __NR_sched_yield,
    __NR_sched_getaffinity,
    __NR_getpid,
    __NR_gettid,
    __NR_exit,
    __NR_exit_group,
    __NR_rt_sigaction,
    __NR_rt_sigprocmask,
    __NR_rt_sigreturn,
    __NR_sigaltstack,
    __NR_clock_gettime,
    __NR_clock_nanosleep,
    __NR_nanosleep,
    __NR_getrandom,
    __NR_restart_syscall,
    __NR_sysinfo,
    __NR_getrusage,
    __NR_set_tid_address,
    __NR_getcpu,
#if defined(__SANITIZE_ADDRESS__)
    __NR_pipe2,  // by which the sanitizers find out whether memory can be read
#ifdef __NR_pipe
    __NR_pipe,
#endif
#endif
};

// One test of a word of an argument (`index`; the upper half is not looked at).
struct Word {
  int index;
  std::uint32_t mask;
  std::uint32_t value;
};
struct Rule {
  std::uint32_t call;
  std::vector<Word> words;
};

// With these arguments alone.
std::vector<Rule> NamedWithArguments() {
  constexpr std::uint32_t kThread = CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  constexpr std::uint32_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                        CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  const auto all = ~std::uint32_t{0};
  auto self = static_cast<std::uint32_t>(::getpid());
  return {{__NR_clone, {{0, kThread | kNamespaces, kThread}}},
          {__NR_tgkill, {{0, all, self}}},                // abort
          {__NR_newfstatat, {{3, all, AT_EMPTY_PATH}}},   // fstat
          {__NR_prlimit64, {{0, all, 0}, {2, all, 0}}}};  // getrlimit
}

class Filter {
 public:
  void Statement(std::uint16_t code, std::uint32_t k) { program_.push_back(BPF_STMT(code, k)); }
  void Jump(std::uint16_t test, std::uint32_t k, std::size_t yes, std::size_t no) {
    program_.push_back(BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), k,
                                static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no)));
  }
  void LoadCall() { Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)); }
  void Return(std::uint32_t action) { Statement(BPF_RET | BPF_K, action); }

  void Add(const Rule& rule) {
    Jump(BPF_JEQ, rule.call, 0, 3 * rule.words.size() + 1);
    std::size_t left = rule.words.size();
    for (const Word& word : rule.words) {
      Statement(BPF_LD | BPF_W | BPF_ABS,
                static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                           8 * static_cast<std::size_t>(word.index)));
      Statement(BPF_ALU | BPF_AND | BPF_K, word.mask);
      // To the next word, or over what is left and the verdict.
      Jump(BPF_JEQ, word.value, 0, 3 * --left + 1);
    }
    Return(SECCOMP_RET_ALLOW);
    LoadCall();
  }

  Status Install() {
    sock_fprog filter{static_cast<unsigned short>(program_.size()), program_.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
      return FailErrno(ErrorCode::kSandbox, "no_new_privs", errno);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
      return FailErrno(ErrorCode::kSandbox, "seccomp", errno);
    return {};
  }

 private:
  std::vector<sock_filter> program_;
};

// Which limits had to be lower than they should be, since the host's hard ones are.
struct Lowered {
  bool memory = false, cpu = false;
};

Result<bool> Limit(__rlimit_resource what, rlim_t value, const char* name) {
  rlimit now{};
  if (::getrlimit(what, &now) != 0) return FailErrno(ErrorCode::kSandbox, name, errno);
  rlimit limit{std::min(value, now.rlim_max), std::min(value, now.rlim_max)};
  if (::setrlimit(what, &limit) != 0) return FailErrno(ErrorCode::kSandbox, name, errno);
  return limit.rlim_max < value;
}

Result<Lowered> SetLimits() {
  Lowered out;
  PODIUM_TRY(Limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
  PODIUM_TRY(Limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE"));  // the record goes to a pipe
  // A second between the soft and the hard one, so that the signal that says why comes first.
  PODIUM_ASSIGN(out.cpu, Limit(RLIMIT_CPU, kCpuSeconds + 1, "RLIMIT_CPU"));
  rlimit cpu{};
  ::getrlimit(RLIMIT_CPU, &cpu);
  cpu.rlim_cur = std::max<rlim_t>(cpu.rlim_max, 2) - 1;
  if (::setrlimit(RLIMIT_CPU, &cpu) != 0)
    return FailErrno(ErrorCode::kSandbox, "RLIMIT_CPU", errno);
#if !defined(__SANITIZE_ADDRESS__)  // AddressSanitizer reserves terabytes of addresses
  PODIUM_ASSIGN(out.memory, Limit(RLIMIT_AS, kMemoryBytes, "RLIMIT_AS"));
#endif
  return out;
}

// The namespace of mounts is a copy of the host's and would hold each of them, a sandbox's disk
// too, as long as a grading takes: an empty file system takes their place. Nothing is opened after
// this.
void LeaveTheHostsMounts() {
  constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  bool own = ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
             ::mount("podium-grade", "/proc", "tmpfs", kPlain, "size=4k") == 0 &&
             ::chdir("/proc") == 0 && ::syscall(SYS_pivot_root, ".", ".") == 0;
  if (own) own = ::umount2(".", MNT_DETACH) == 0;
  if (!own || ::chdir("/") != 0) return;  // the second wall lacks a stone: no call reaches through
}

// Where the host gives none, nothing is lost but a second wall: no call reaches what they hide.
void EnterNamespaces() {
  constexpr int kAll =
      CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWCGROUP;
  if (::unshare(kAll) != 0 && ::unshare(CLONE_NEWUSER | kAll) != 0) return;
  LeaveTheHostsMounts();
}

bool DropCapabilities() {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return ::syscall(SYS_capset, &head, none) == 0;
}

void DropBounding() {
  for (unsigned long cap = 0; ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap)
    ::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

// Nobody, without groups and capabilities. A user namespace may have nobody (EINVAL); its root is
// an ordinary user outside.
Status DropPrivileges() {
  DropBounding();
  if (::geteuid() == 0) {
    bool grouped = ::setgroups(0, nullptr) != 0 && ::getgroups(0, nullptr) > 0 && errno != EPERM;
    bool kept =
        ::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0;
    if (grouped || (kept && errno != EINVAL))
      return FailErrno(ErrorCode::kSandbox, "cannot become nobody", errno);
  }
  if (::unshare(CLONE_NEWUSER) == 0) DropBounding();
  if (!DropCapabilities()) return FailErrno(ErrorCode::kSandbox, "capset", errno);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return {};
}

// As the first process of its namespace the child is not ended by the default of a signal.
void EndBySignals() {
  struct sigaction action {};
  action.sa_handler = [](int number) { ::_exit(128 + number); };
  for (int number : {SIGXCPU, SIGABRT, SIGTERM, SIGINT}) ::sigaction(number, &action, nullptr);
}

int HostFailed(const std::string& why) {
  std::fprintf(stderr, "podium-grade: this host: %s\n", why.c_str());
  return kHostExit;
}

int RunChild(const std::function<int()>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  EndBySignals();
  auto sealed = DropPrivileges();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // another user forgets it
  if (sealed) sealed = NameTheCalls();
  if (!sealed) return HostFailed(sealed.error().message);
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return kAbortExit;
  }
}

// Out of memory or of time below what a grading may have is the host's.
int Judge(int status, const Lowered& lowered) {
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  auto most = static_cast<std::uint64_t>(used.ru_maxrss) << 10;
  auto seconds = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
  int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  bool cpu = code == kCpuExit || (code == 128 + SIGKILL && seconds + 2 >= kCpuSeconds);
  if (cpu)
    return lowered.cpu ? HostFailed("its hard limit of CPU time is too low (ulimit -t)") : code;
  if (code == 128 + SIGKILL)
    return HostFailed("the grading was killed, for want of memory or by somebody");
  if (code == kAbortExit && (lowered.memory || most < kMemoryBytes / 2))
    return HostFailed("memory ran out" +
                      std::string(lowered.memory ? ": its hard limit is too low (ulimit -v)" : ""));
  return code;
}

}  // namespace

Status NameTheCalls() {
  Filter filter;
  filter.Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
  filter.Jump(BPF_JEQ, kArch, 1, 0);
  filter.Return(SECCOMP_RET_KILL_PROCESS);
  filter.LoadCall();
  filter.Jump(BPF_JGE, 0x40000000, 0, 1);  // the x32 interface of x86-64
  filter.Return(SECCOMP_RET_KILL_PROCESS);
  for (std::uint32_t call : kNamed) {
    filter.Jump(BPF_JEQ, call, 0, 1);
    filter.Return(SECCOMP_RET_ALLOW);
  }
  for (const auto& rule : NamedWithArguments()) filter.Add(rule);
  filter.Jump(BPF_JEQ, __NR_clone3, 0, 1);
  filter.Return(SECCOMP_RET_ERRNO | ENOSYS);
  filter.Return(SECCOMP_RET_ERRNO | EPERM);
  return filter.Install();
}

int RunSealed(const std::function<int()>& body) {
  // A message to standard error that is a file would end this process, since it may write none.
  ::signal(SIGXFSZ, SIG_IGN);
  auto lowered = SetLimits();
  if (!lowered) return HostFailed(lowered.error().message);
  EnterNamespaces();
  pid_t child = ::fork();
  if (child < 0) return HostFailed(std::string("cannot fork: ") + std::strerror(errno));
  if (child == 0) std::_Exit(RunChild(body));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return HostFailed("the grading was lost");
  }
  return Judge(status, *lowered);
}

}  // namespace podium::scoring
