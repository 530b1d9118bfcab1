// PID 1 of every container: executes commands for the host and reaps. Static, no exceptions,
// nothing beyond libc; one loop over poll, so it never blocks on a full pipe, and a thread a
// relayed port. It runs as a user of its own, so that no command can change its limits, priority or
// CPUs; beside that, PID 1 cannot be signalled from inside its namespace, it is not dumpable (so
// /proc/1 is closed), and the seccomp profile names it. Of capabilities it has the four by which a
// command becomes the agent's user without any and is killed. When the host's end of the socket
// closes it exits, and the kernel ends every process of the container with it.

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/init/buffers.h"
#include "sandbox/init/fields.h"
#include "sandbox/init/jobs.h"
#include "sandbox/init/now.h"
#include "sandbox/init/privileges.h"
#include "sandbox/init/protocol.h"
#include "sandbox/init/relay.h"

namespace {

using podium::sandbox::init::Buffer;
using podium::sandbox::init::Fields;
using podium::sandbox::init::FreeTexts;
using podium::sandbox::init::Job;
using podium::sandbox::init::NowMs;
using podium::sandbox::init::Ring;
using podium::sandbox::wire::Header;
namespace init = podium::sandbox::init;
namespace wire = podium::sandbox::wire;

constexpr size_t kOutRoom = 256 << 10;
constexpr int kDrainMs = 200;
constexpr uid_t kNobody = static_cast<uid_t>(-1);

int g_host = -1;          // the socket to the host
uid_t g_agent = kNobody;  // whom commands run as; kNobody: as init itself
bool g_leave_running = false, g_keep_descriptors = false;
Buffer g_in;     // bytes from the host not yet understood
Buffer g_out;    // frames to the host not yet written
Buffer g_stdin;  // what the leader has still to read
size_t g_stdin_at = 0;
pid_t g_leader = 0;  // 0: no exec under way
pid_t g_writer = 0;  // child that writes a file for kPut
bool g_leader_ended = false;
bool g_terminating = false;  // those that the command left behind may go on until they are killed
int g_status = 0;
int g_pipe = -1;  // the leader's stdout and stderr
int g_stdin_pipe = -1;
long g_drain_until = 0;
size_t g_head_left = 0;  // bytes of output still passed on as they come
uint64_t g_output = 0;   // bytes of output so far
Ring g_tail;             // the last of the others
int g_pass_fd = -1;      // goes with the next bytes written, which begin with kListenDone
init::Jobs g_jobs;

// Closes every descriptor from `first` on; gVisor has no close_range.
void CloseFrom(int first) {
  if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  for (int fd = first; fd < static_cast<int>(limit.rlim_cur); ++fd) close(fd);
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

void Complain(const char* what, const char* name) {
  dprintf(2, "podium-init: %s %s: %s\n", what, name, strerror(errno));
}

// After fork: gives up init's user and every capability for good.
void BecomeAgent() {
  if (g_agent == kNobody || init::GiveUpPrivileges(g_agent)) return;
  Complain("cannot become", "the agent's user");
  _exit(126);
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
  if (!g_keep_descriptors) CloseFrom(3);
  BecomeAgent();
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
  if (g_tail.written > 0 && g_tail.room > 0) {
    size_t kept = g_tail.written < g_tail.room ? g_tail.written : g_tail.room;
    size_t at = (g_tail.written - kept) % g_tail.room;
    size_t first = g_tail.room - at < kept ? g_tail.room - at : kept;
    Send(wire::kOutput, g_tail.data + at, static_cast<uint32_t>(first));
    if (kept > first) Send(wire::kOutput, g_tail.data, static_cast<uint32_t>(kept - first));
  }
  g_tail.Start(0);
  char payload[12];
  int32_t s = status;
  memcpy(payload, &s, 4);
  memcpy(payload + 4, &g_output, 8);
  Send(wire::kExit, payload, sizeof payload);
}

void StartExec(Fields f) {
  g_head_left = f.Number();
  g_tail.Start(f.Number());
  g_output = 0;
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
  g_leader_ended = g_terminating = false;
  if (pid < 0) EndExec(126 << 8);
}

struct JobCommand {
  char** argv;
  char** envp;
  char* cwd;
};

void BecomeJob(void* command, int output) {
  auto* c = static_cast<JobCommand*>(command);
  BecomeCommand(c->argv, c->envp, c->cwd, 0, output);
}

void StartJob(Fields f) {
  uint32_t id = f.Number(), room = f.Number(), limit_ms = f.Number();
  JobCommand command{f.Texts(), f.Texts(), f.Text()};
  if (!command.argv[0]) _exit(92);
  Job* job = g_jobs.Start(id, room, limit_ms, BecomeJob, &command);
  FreeTexts(command.argv);
  FreeTexts(command.envp);
  free(command.cwd);
  if (job && job->keeper == 0) g_jobs.TellEnd(*job, g_out);
  g_jobs.TellState(id, 0, g_out);
}

void LookAtJob(Fields f) {
  uint32_t id = f.Number();
  uint64_t from = f.Number();
  from |= static_cast<uint64_t>(f.Number()) << 32;
  g_jobs.TellState(id, from, g_out);
}

void StopJob(Fields f) {
  uint32_t id = f.Number();
  g_jobs.Stop(id);
  g_jobs.TellState(id, ~uint64_t{0}, g_out);
}

// Makes the parents of a path, then the file beside it and in its place. In a child, as the agent's
// user.
[[noreturn]] void WriteFile(char* path, uint32_t mode, const char* bytes, uint32_t size) {
  BecomeAgent();
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

// Processes of this namespace beside init.
uint32_t CountProcesses() {
  uint32_t n = 0;
  DIR* proc = opendir("/proc");
  if (!proc) return 0;
  while (dirent* entry = readdir(proc)) {
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') ++n;
  }
  closedir(proc);
  return n > 0 ? n - 1 : 0;
}

void AnswerStat() {
  uint32_t answer[2] = {CountProcesses(), g_leader ? 1u : 0u};
  Send(wire::kStatDone, answer, sizeof answer);
}

void StartListening(Fields f) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(f.Number()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char* relay_to = f.Text();
  int one = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int32_t error = 0;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, 128) != 0) {
    error = errno;
    CloseFd(fd);
  }
  if (*relay_to == 0) {
    g_pass_fd = fd;
  } else if (fd >= 0) {
    error = init::StartRelay(fd, relay_to);
    if (error != 0) CloseFd(fd);
  }
  free(relay_to);
  Send(wire::kListenDone, &error, sizeof error);
}

// The agent's notice that its time ends: not only to the leader, a shell as a rule, which would
// take those who have something to save with it.
void Terminate() {
  if (g_leader <= 0) return;
  g_terminating = true;
  kill(-1, SIGTERM);
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
    if (h.type == wire::kKill) g_jobs.KillOthers();
    if (h.type == wire::kTerm) Terminate();
    if (h.type == wire::kStat) AnswerStat();
    if (h.type == wire::kListen) StartListening(f);
    if (h.type == wire::kJob) StartJob(f);
    if (h.type == wire::kJobLook) LookAtJob(f);
    if (h.type == wire::kJobStop) StopJob(f);
    if (h.type == wire::kShutdown) _exit(0);
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
      // What the command left behind ends with it.
      if (!g_leave_running && !g_terminating) g_jobs.KillOthers();
    }
    if (const Job* job = g_jobs.Ended(pid)) g_jobs.TellEnd(*job, g_out);
    if (pid == g_writer) {
      g_writer = 0;
      int32_t error = WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
      Send(wire::kPutDone, &error, sizeof error);
    }
  }
}

void ReadHost() {
  char chunk[65536];
  ssize_t n = read(g_host, chunk, sizeof chunk);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) _exit(0);
  if (n > 0) {
    g_in.Append(chunk, static_cast<size_t>(n));
    Understand();
  }
}

void WriteHost() {
  iovec part{g_out.data, g_out.size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (g_pass_fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &g_pass_fd, sizeof(int));
  }
  ssize_t n = sendmsg(g_host, &message, MSG_NOSIGNAL);
  if (n < 0 && g_pass_fd >= 0 && errno != EAGAIN && errno != EINTR) {
    CloseFd(g_pass_fd);  // a kernel that hands no descriptors out (gVisor): the host sees none come
    return;
  }
  if (n < 0 && errno != EAGAIN && errno != EINTR) _exit(0);
  if (n > 0) {
    CloseFd(g_pass_fd);
    g_out.Drop(static_cast<size_t>(n));
  }
}

void ReadPipe() {
  char chunk[65536];
  ssize_t n = read(g_pipe, chunk, sizeof chunk);
  if (n == 0) CloseFd(g_pipe);
  if (n <= 0) return;
  size_t size = static_cast<size_t>(n);
  g_output += size;
  size_t head = size < g_head_left ? size : g_head_left;
  if (head > 0) Send(wire::kOutput, chunk, static_cast<uint32_t>(head));
  g_head_left -= head;
  g_tail.Append(chunk + head, size - head);
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
  pollfd fds[4 + init::kMostJobs] = {
      {g_host, static_cast<short>(POLLIN | (g_out.size ? POLLOUT : 0)), 0},
      {signals, POLLIN, 0},
      {g_out.size < kOutRoom ? g_pipe : -1, POLLIN, 0},
      {g_stdin_pipe, POLLOUT, 0}};
  pollfd* outputs = fds + 4;
  for (int i = 0; i < init::kMostJobs; ++i) outputs[i] = {g_jobs.begin()[i].output_pipe, POLLIN, 0};
  int wait = g_leader_ended ? 10 : -1;
  if (poll(fds, 4 + init::kMostJobs, wait) < 0 && errno != EINTR) _exit(93);
  for (int i = 0; i < init::kMostJobs; ++i) {
    if (outputs[i].revents) g_jobs.ReadOutput(g_jobs.begin()[i]);
  }
  if (fds[1].revents) {
    signalfd_siginfo info;
    if (read(signals, &info, sizeof info) > 0) Reap();
  }
  if (fds[2].revents && g_pipe >= 0) ReadPipe();
  if (fds[3].revents && g_stdin_pipe >= 0) FeedStdin();
  bool over = g_leader_ended && !(g_terminating && CountProcesses() > 0);
  if (over && (g_pipe < 0 || (NowMs() > g_drain_until && g_out.size < kOutRoom))) {
    if (!g_leave_running) g_jobs.KillOthers();
    EndExec(g_status);
  }
  if (fds[0].revents & POLLOUT) WriteHost();
  if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) ReadHost();
}

// The socket to the host: one that was inherited, or one to connect to. Its number is 3 afterwards,
// where no command can inherit it.
void ReachHost(const char* where) {
  int fd = -1;
  if (strncmp(where, "fd:", 3) == 0) fd = atoi(where + 3);
  if (strncmp(where, "unix:", 5) == 0) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, where + 5, sizeof address.sun_path - 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) _exit(94);
  }
  if (fd != 3 && dup2(fd, 3) < 0) _exit(94);
  g_host = 3;
  if (!g_keep_descriptors) fcntl(g_host, F_SETFD, FD_CLOEXEC);
  fcntl(g_host, F_SETFL, O_NONBLOCK);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 95;
  bool dumpable = false;
  uid_t self = kNobody;
  for (int i = 2; i < argc; ++i) {
    if (strncmp(argv[i], wire::kSelf, strlen(wire::kSelf)) == 0)
      self = static_cast<uid_t>(strtoul(argv[i] + strlen(wire::kSelf), nullptr, 10));
    if (strncmp(argv[i], wire::kAgent, strlen(wire::kAgent)) == 0)
      g_agent = static_cast<uid_t>(strtoul(argv[i] + strlen(wire::kAgent), nullptr, 10));
    if (strcmp(argv[i], wire::kKeepDescriptors) == 0) g_keep_descriptors = true;
    if (strcmp(argv[i], wire::kLeaveRunning) == 0) g_leave_running = true;
    if (strcmp(argv[i], wire::kDumpable) == 0) dumpable = true;
  }
  if (self != kNobody && !init::BecomeInit(self)) return 96;
  prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0);
  ReachHost(argv[1]);
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  if (!g_keep_descriptors) CloseFrom(4);
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
