#pragma once

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

// The inner half of the escape suite: `podium-probe CASE BACKEND [ARGS]` runs in the sandbox as the
// agent and tries, without harm, what must come to nothing. Static, libc alone. What got through is
// printed line by line; exit code 0 held, 1 got through, 2 cannot be tried here.
namespace podium::probe {

// gVisor answers system calls itself: a call that it knows is not the host's call.
extern bool g_user_space_kernel;
// Docker: the root file system and /sys are the engine's.
extern bool g_engine_root;

// One attempt: counted, and printed when it did not come to nothing. Returns `held`.
[[gnu::format(printf, 2, 3)]] bool Expect(bool held, const char* format, ...);
// The result of a system call that must not be reachable: EPERM or ENOSYS. In gVisor any failure
// does, since the call ended in gVisor.
bool Blocked(long result, const char* what);
// The result of a call that may be reachable but must fail.
bool Failed(long result, const char* what);
// A line that is shown whatever the verdict is.
[[gnu::format(printf, 1, 2)]] void Say(const char* format, ...);
// Ends the probe: it cannot be tried here.
[[gnu::format(printf, 1, 2), noreturn]] void CannotTry(const char* format, ...);

// Reads at most size - 1 bytes and ends them with NUL; -1 when it cannot be opened or read.
ssize_t ReadText(const char* path, char* out, size_t size);
// Writes a text to a file that is made for it.
bool WriteText(const char* path, const char* text);
// The value after "NAME:" in /proc/PID/status; false when there is none.
bool StatusField(const char* pid, const char* name, char* out, size_t size);
// True when the file can be opened so.
bool Opens(const char* path, int flags);
// Calls `visit` for every process number in /proc.
void EachProcess(void (*visit)(const char* pid));
// The first regular file below a folder; false when there is none.
bool FirstFile(const char* dir, char* out, size_t size);
// Milliseconds of the wall clock, which all sandboxes of a host share.
long long NowMs();

// Runs `body` in a child that lives 3 seconds at most; returns its wait status.
template <class Body>
int InChild(Body body) {
  pid_t pid = fork();
  if (pid == 0) {
    alarm(3);
    _exit(body());
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}
inline bool ExitedWith(int status, int code) {
  return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

struct ProbeCase {
  const char* id;
  void (*run)(int argc, char** argv);  // argv[0] is the first argument after the backend's name
};
extern const ProbeCase kFileProbes[], kKernelProbes[], kNetworkProbes[], kCovertProbes[],
    kProcessProbes[], kSupervisorProbes[];  // each ends with a null id

}  // namespace podium::probe
