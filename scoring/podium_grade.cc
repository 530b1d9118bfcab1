// podium-grade: grades one submission and writes one record. It is given open descriptors and no
// path, seals itself before it reads a byte that an agent wrote, and executes nothing of it. Exit
// 0: a record was written; 2: the call or the request is wrong.

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "base/files.h"
#include "scoring/grade.h"

namespace {

using podium::ErrorCode;
using podium::Fail;
using podium::MappedFile;
using podium::Result;
using podium::Status;

constexpr rlim_t kMemoryBytes = rlim_t{16} << 30;
constexpr rlim_t kCpuSeconds = 1800;
// Of smaller files all pages stay: to read them again would take longer than the grading.
constexpr std::size_t kLargeBytes = 16 << 20;

constexpr const char* kUsage =
    "podium-grade --request-fd N --answers-fd N --board-fd N --verdict-fd N [--submission-fd N]\n"
    "Grades a submission: reads a podium-grade-request/1, the private answers, the leaderboard "
    "(columns score,count) and the\n"
    "submission from open descriptors, and writes a podium-verdict/1 record, one line of JSON. "
    "`podium grade` calls it for you.\n";

Status Limit(__rlimit_resource what, rlim_t value, const char* name) {
  rlimit limit{value, value};
  if (::setrlimit(what, &limit) != 0) return podium::FailErrno(ErrorCode::kSandbox, name, errno);
  return {};
}

// No new file, program, process, socket or trace from here on: those calls fail with EPERM. The
// list is short because the process already holds every descriptor that it needs.
Status DenyCalls() {
#if defined(__x86_64__)
  constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#else
#error "name this machine's audit architecture"
#endif
  constexpr std::uint32_t kDenied[] = {
#ifdef __NR_open
      __NR_open,
      __NR_fork,
      __NR_vfork,
      __NR_creat,
#endif
      __NR_openat,
      __NR_openat2,
      __NR_execve,
      __NR_execveat,
      __NR_socket,
      __NR_socketpair,
      __NR_connect,
      __NR_ptrace,
      __NR_process_vm_readv,
      __NR_process_vm_writev,
      __NR_io_uring_setup,
      __NR_bpf,
      __NR_perf_event_open,
      __NR_mount,
      __NR_unshare,
      __NR_setns,
      __NR_kill,
      __NR_unlinkat,
      __NR_renameat2};
  sock_filter program[8 + 2 * std::size(kDenied)];
  std::size_t n = 0;
  auto add = [&](sock_filter f) { program[n++] = f; };
  add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0));
  add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  add(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));  // the x32 interface of x86-64
  add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  for (std::uint32_t call : kDenied) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  }
  add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  sock_fprog filter{static_cast<unsigned short>(n), program};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return podium::FailErrno(ErrorCode::kSandbox, "no_new_privs", errno);
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    return podium::FailErrno(ErrorCode::kSandbox, "seccomp", errno);
  return {};
}

Status SealSelf() {
  PODIUM_TRY(Limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
  PODIUM_TRY(Limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE"));  // the record goes to a pipe
  PODIUM_TRY(Limit(RLIMIT_CPU, kCpuSeconds, "RLIMIT_CPU"));
#if !defined(__SANITIZE_ADDRESS__)  // AddressSanitizer reserves terabytes of addresses
  PODIUM_TRY(Limit(RLIMIT_AS, kMemoryBytes, "RLIMIT_AS"));
#endif
  return DenyCalls();
}

Result<std::map<std::string, int>> ReadArguments(int argc, char** argv) {
  std::map<std::string, int> fds;
  for (int i = 1; i < argc; i += 2) {
    std::string name = argv[i];
    bool known = name == "--request-fd" || name == "--answers-fd" || name == "--board-fd" ||
                 name == "--verdict-fd" || name == "--submission-fd";
    if (!known || i + 1 == argc)
      return Fail(ErrorCode::kUsage, "unknown argument or missing value: " + name + "\n" + kUsage);
    std::string_view value = argv[i + 1];
    int fd = -1;
    auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), fd);
    if (ec != std::errc() || end != value.data() + value.size() || ::fcntl(fd, F_GETFD) < 0) {
      return Fail(ErrorCode::kUsage,
                  name + ": '" + std::string(value) + "' is not an open descriptor");
    }
    fds[name] = fd;
  }
  for (const char* name : {"--request-fd", "--answers-fd", "--board-fd", "--verdict-fd"}) {
    if (!fds.contains(name))
      return Fail(ErrorCode::kUsage, std::string(name) + " is missing\n" + kUsage);
  }
  return fds;
}

// Large blocks go back to the kernel when they are freed, however many there were before: peaks
// stay what is in use. Threads allocate seldom, and start sooner without a heap of their own.
void TuneMalloc() {
  ::mallopt(M_MMAP_THRESHOLD, 512 << 10);
  ::mallopt(M_ARENA_MAX, 1);
}

Status Run(int argc, char** argv) {
  PODIUM_ASSIGN(auto fds, ReadArguments(argc, argv));
  struct stat st {};
  if (::fstat(fds["--verdict-fd"], &st) != 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))) {
    return Fail(ErrorCode::kUsage, "--verdict-fd must be a pipe");
  }
  PODIUM_TRY(SealSelf());
  TuneMalloc();
  PODIUM_ASSIGN(auto request, MappedFile::Map(fds["--request-fd"]));
  PODIUM_ASSIGN(auto answers, MappedFile::Map(fds["--answers-fd"]));
  PODIUM_ASSIGN(auto board, MappedFile::Map(fds["--board-fd"]));
  podium::scoring::GradeInput input{
      request.bytes(), answers.bytes(), board.bytes(), std::nullopt, {}};
  std::optional<MappedFile> submission;
  if (fds.contains("--submission-fd")) {
    PODIUM_ASSIGN(submission, MappedFile::Map(fds["--submission-fd"]));
    input.submission = submission->bytes();
  }
  std::size_t mapped = input.answers_csv.size() + input.submission.value_or("").size();
  if (mapped >= kLargeBytes) {
    input.release = [&](std::string_view bytes) {
      answers.Release(bytes);
      if (submission) submission->Release(bytes);
    };
  }
  PODIUM_ASSIGN(auto record, podium::scoring::GradeToJson(input));
  return podium::WriteAll(fds["--verdict-fd"], record);
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
// The leak check starts a process and opens /proc, which the seal forbids.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  auto done = Run(argc, argv);
  if (done) std::_Exit(0);  // what is left to give back, the kernel takes
  std::fprintf(stderr, "podium-grade: %s\n", done.error().message.c_str());
  return 2;
}
