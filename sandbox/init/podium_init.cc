// PID 1 of every container: executes commands for the host and reaps. Static, no exceptions,
// nothing beyond libc; one loop over poll, so it never blocks on a full pipe. It runs as the
// agent's own user without any capability: what protects it is that PID 1 cannot be signalled from
// inside its namespace, that it is not dumpable (so /proc/1 is closed), and the seccomp profile.
// When the host's end of the socket closes it exits, and the kernel ends every process of the
// container with it.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/init/protocol.h"

namespace {

using podium::sandbox::wire::Header;
namespace wire = podium::sandbox::wire;

constexpr size_t kOutRoom = 256 << 10;
constexpr int kDrainMs = 200;

struct Buffer {
  char* data = nullptr;
  size_t size = 0;
  size_t room = 0;

  void Append(const void* bytes, size_t n) {
    if (size + n > room) {
      room = (size + n) * 2;
      data = static_cast<char*>(realloc(data, room));
      if (!data) _exit(90);
    }
    if (n) memcpy(data + size, bytes, n);
    size += n;
  }
  void Drop(size_t n) {
    memmove(data, data + n, size - n);
    size -= n;
  }
  void Clear() {
    free(data);
    *this = Buffer{};
  }
};

Buffer g_in;     // bytes from the host not yet understood
Buffer g_out;    // frames to the host not yet written
Buffer g_stdin;  // what the leader has still to read
size_t g_stdin_at = 0;
pid_t g_leader = 0;  // 0: no exec under way
pid_t g_writer = 0;  // child that writes a file for kPut
bool g_leader_ended = false;
int g_status = 0;
int g_pipe = -1;  // the leader's stdout and stderr
int g_stdin_pipe = -1;
long g_drain_until = 0;

long NowMs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void Send(uint32_t type, const void* payload, uint32_t size) {
  Header h{type, size};
  g_out.Append(&h, sizeof h);
  g_out.Append(payload, size);
}

void CloseFd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

// Reads the fields of a frame in order; a frame that does not add up ends init (the host is
// trusted, so this is a bug).
struct Fields {
  const char* at;
  const char* end;
  uint32_t Number() {
    uint32_t v;
    if (end - at < 4) _exit(91);
    memcpy(&v, at, 4);
    at += 4;
    return v;
  }
  const char* Bytes(uint32_t& size) {
    size = Number();
    if (static_cast<size_t>(end - at) < size) _exit(91);
    const char* p = at;
    at += size;
    return p;
  }
  char* Text() {
    uint32_t size;
    const char* p = Bytes(size);
    char* copy = strndup(p, size);
    if (!copy) _exit(90);
    return copy;
  }
  char** Texts() {
    uint32_t n = Number();
    char** list = static_cast<char**>(calloc(n + 1, sizeof(char*)));
    if (!list) _exit(90);
    for (uint32_t i = 0; i < n; ++i) list[i] = Text();
    return list;
  }
};

void FreeTexts(char** list) {
  for (char** p = list; *p; ++p) free(*p);
  free(list);
}

void Complain(const char* what, const char* name) {
  dprintf(2, "podium-init: %s %s: %s\n", what, name, strerror(errno));
}

// After fork: becomes the command. Does not return.
[[noreturn]] void BecomeCommand(char** argv, char** envp, const char* cwd, int in, int out) {
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int s = 1; s < 65; ++s) signal(s, SIG_DFL);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  syscall(SYS_close_range, 3, ~0u, 0);
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (oom >= 0) {
    if (write(oom, "500", 3) != 3) _exit(126);
    close(oom);
  }
  rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  if (chdir(cwd) != 0) {
    Complain("cannot enter", cwd);
    _exit(126);
  }
  const char* path = "/usr/local/bin:/usr/bin:/bin";
  for (char** e = envp; *e; ++e) {
    if (strncmp(*e, "PATH=", 5) == 0) path = *e + 5;
  }
  setenv("PATH", path, 1);
  execvpe(argv[0], argv, envp);
  int code = errno == ENOENT ? 127 : 126;
  Complain("cannot run", argv[0]);
  _exit(code);
}

void EndExec(int status) {
  CloseFd(g_pipe);
  CloseFd(g_stdin_pipe);
  g_stdin.Clear();
  g_stdin_at = 0;
  g_leader = 0;
  g_leader_ended = false;
  int32_t s = status;
  Send(wire::kExit, &s, sizeof s);
}

void StartExec(Fields f) {
  char** argv = f.Texts();
  char** envp = f.Texts();
  char* cwd = f.Text();
  uint32_t size;
  const char* input = f.Bytes(size);
  g_stdin.Append(input, size);
  int in[2], out[2];
  if (!argv[0] || pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) _exit(92);
  pid_t pid = fork();
  if (pid == 0) BecomeCommand(argv, envp, cwd, in[0], out[1]);
  close(in[0]);
  close(out[1]);
  FreeTexts(argv);
  FreeTexts(envp);
  free(cwd);
  g_pipe = out[0];
  g_stdin_pipe = in[1];
  fcntl(g_pipe, F_SETFL, O_NONBLOCK);
  fcntl(g_stdin_pipe, F_SETFL, O_NONBLOCK);
  g_leader = pid;
  g_leader_ended = false;
  if (pid < 0) EndExec(126 << 8);
}

// Makes the parents of a path, then the file beside it and in its place. In a child, as the agent's
// user.
[[noreturn]] void WriteFile(char* path, uint32_t mode, const char* bytes, uint32_t size) {
  for (char* p = path + 1; *p; ++p) {
    if (*p != '/') continue;
    *p = 0;
    if (mkdir(path, 0755) != 0 && errno != EEXIST) _exit(errno);
    *p = '/';
  }
  char temp[4096];
  snprintf(temp, sizeof temp, "%s.podium-new", path);
  unlink(temp);
  int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) _exit(errno);
  while (size > 0) {
    ssize_t n = write(fd, bytes, size);
    if (n < 0) _exit(errno);
    bytes += n;
    size -= static_cast<uint32_t>(n);
  }
  if (fchmod(fd, mode) != 0 || close(fd) != 0 || rename(temp, path) != 0) _exit(errno);
  _exit(0);
}

void StartPut(Fields f) {
  char* path = f.Text();
  uint32_t mode = f.Number();
  uint32_t size;
  const char* bytes = f.Bytes(size);
  g_writer = fork();
  if (g_writer == 0) WriteFile(path, mode, bytes, size);
  if (g_writer < 0) {
    int32_t error = errno;
    g_writer = 0;
    Send(wire::kPutDone, &error, sizeof error);
  }
  free(path);
}

void Understand() {
  for (;;) {
    Header h;
    if (g_in.size < sizeof h) return;
    memcpy(&h, g_in.data, sizeof h);
    if (h.size > wire::kMaxPayload) _exit(91);
    if (g_in.size < sizeof h + h.size) return;
    Fields f{g_in.data + sizeof h, g_in.data + sizeof h + h.size};
    if (h.type == wire::kExec) StartExec(f);
    if (h.type == wire::kPut) StartPut(f);
    if (h.type == wire::kKill) kill(-1, SIGKILL);
    g_in.Drop(sizeof h + h.size);
    if (g_in.size == 0) g_in.Clear();
  }
}

void Reap() {
  for (;;) {
    int status = 0;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    if (pid == g_leader) {
      g_leader_ended = true;
      g_status = status;
      g_drain_until = NowMs() + kDrainMs;
      kill(-1, SIGKILL);  // what the command left behind ends with it
    }
    if (pid == g_writer) {
      g_writer = 0;
      int32_t error = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
      Send(wire::kPutDone, &error, sizeof error);
    }
  }
}

void ReadHost() {
  char chunk[65536];
  ssize_t n = read(wire::kSocketFd, chunk, sizeof chunk);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) _exit(0);
  if (n > 0) {
    g_in.Append(chunk, static_cast<size_t>(n));
    Understand();
  }
}

void WriteHost() {
  ssize_t n = write(wire::kSocketFd, g_out.data, g_out.size);
  if (n < 0 && errno != EAGAIN && errno != EINTR) _exit(0);
  if (n > 0) g_out.Drop(static_cast<size_t>(n));
}

void ReadPipe() {
  char chunk[65536];
  ssize_t n = read(g_pipe, chunk, sizeof chunk);
  if (n > 0) Send(wire::kOutput, chunk, static_cast<uint32_t>(n));
  if (n == 0) CloseFd(g_pipe);
}

void FeedStdin() {
  if (g_stdin_at < g_stdin.size) {
    ssize_t n = write(g_stdin_pipe, g_stdin.data + g_stdin_at, g_stdin.size - g_stdin_at);
    if (n > 0) g_stdin_at += static_cast<size_t>(n);
    if (n < 0 && errno != EAGAIN) g_stdin_at = g_stdin.size;
  }
  if (g_stdin_at >= g_stdin.size) CloseFd(g_stdin_pipe);
}

void Turn(int signals) {
  pollfd fds[4] = {{wire::kSocketFd, static_cast<short>(POLLIN | (g_out.size ? POLLOUT : 0)), 0},
                   {signals, POLLIN, 0},
                   {g_out.size < kOutRoom ? g_pipe : -1, POLLIN, 0},
                   {g_stdin_pipe, POLLOUT, 0}};
  int wait = g_leader_ended ? 10 : -1;
  if (poll(fds, 4, wait) < 0 && errno != EINTR) _exit(93);
  if (fds[1].revents) {
    signalfd_siginfo info;
    if (read(signals, &info, sizeof info) > 0) Reap();
  }
  if (fds[2].revents && g_pipe >= 0) ReadPipe();
  if (fds[3].revents && g_stdin_pipe >= 0) FeedStdin();
  if (g_leader_ended && (g_pipe < 0 || (NowMs() > g_drain_until && g_out.size < kOutRoom))) {
    kill(-1, SIGKILL);
    EndExec(g_status);
  }
  if (fds[0].revents & POLLOUT) WriteHost();
  if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) ReadHost();
}

}  // namespace

int main() {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  syscall(SYS_close_range, 4, ~0u, 0);
  fcntl(wire::kSocketFd, F_SETFD, FD_CLOEXEC);
  fcntl(wire::kSocketFd, F_SETFL, O_NONBLOCK);
  umask(022);
  signal(SIGPIPE, SIG_IGN);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, nullptr);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  Send(wire::kReady, nullptr, 0);
  for (;;) Turn(signals);
}
