#include "sandbox/escape/probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

namespace podium::probe {

bool g_user_space_kernel = false, g_engine_root = false;

namespace {

constexpr unsigned kMaxSeconds = 8;  // whatever happens, the probe is over by then
int g_attempts = 0, g_broken = 0;
char* g_found = nullptr;
size_t g_found_size = 0;

int KeepFirstFile(const char* path, const struct stat*, int type, FTW*) {
  if (type != FTW_F) return 0;
  snprintf(g_found, g_found_size, "%s", path);
  return 1;
}

}  // namespace

bool Expect(bool held, const char* format, ...) {
  ++g_attempts;
  if (held) return true;
  // The rest is counted alone: a wide open sandbox would fill pages.
  if (++g_broken > 20) return false;
  va_list args;
  va_start(args, format);
  printf("got through: ");
  vprintf(format, args);
  printf("\n");
  va_end(args);
  return false;
}

bool Blocked(long result, const char* what) {
  int error = errno;
  bool unreachable = error == EPERM || error == ENOSYS || g_user_space_kernel;
  if (result >= 0) return Expect(false, "%s", what);
  return Expect(unreachable, "%s is reachable: %s", what, strerror(error));
}

bool Failed(long result, const char* what) { return Expect(result < 0, "%s", what); }

void Say(const char* format, ...) {
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  printf("\n");
  va_end(args);
}

void CannotTry(const char* format, ...) {
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  printf("\n");
  va_end(args);
  fflush(stdout);
  _exit(2);
}

ssize_t ReadText(const char* path, char* out, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -1;
  size_t at = 0;
  ssize_t n = 0;
  while (at + 1 < size && (n = read(fd, out + at, size - 1 - at)) > 0) at += static_cast<size_t>(n);
  close(fd);
  out[at] = 0;
  return n < 0 && at == 0 ? -1 : static_cast<ssize_t>(at);
}

bool WriteText(const char* path, const char* text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  ssize_t size = static_cast<ssize_t>(strlen(text));
  bool written = write(fd, text, static_cast<size_t>(size)) == size;
  return close(fd) == 0 && written;
}

bool StatusField(const char* pid, const char* name, char* out, size_t size) {
  char path[64], text[8192];
  snprintf(path, sizeof path, "/proc/%s/status", pid);
  if (ReadText(path, text, sizeof text) < 0) return false;
  size_t length = strlen(name);
  for (char* line = strtok(text, "\n"); line; line = strtok(nullptr, "\n")) {
    if (strncmp(line, name, length) != 0 || line[length] != ':') continue;
    snprintf(out, size, "%s", line + length + 1 + strspn(line + length + 1, " \t"));
    return true;
  }
  return false;
}

bool Opens(const char* path, int flags) {
  int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

void EachProcess(void (*visit)(const char* pid)) {
  DIR* proc = opendir("/proc");
  if (!proc) CannotTry("/proc cannot be listed: %s", strerror(errno));
  while (dirent* entry = readdir(proc)) {
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') visit(entry->d_name);
  }
  closedir(proc);
}

bool FirstFile(const char* dir, char* out, size_t size) {
  g_found = out;
  g_found_size = size;
  return nftw(dir, KeepFirstFile, 16, FTW_PHYS) == 1;
}

long long NowMs() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

namespace {

const ProbeCase* Find(const char* id) {
  for (const ProbeCase* group : {kFileProbes, kKernelProbes, kNetworkProbes, kCovertProbes,
                                 kProcessProbes, kSupervisorProbes}) {
    for (const ProbeCase* c = group; c->id; ++c) {
      if (strcmp(c->id, id) == 0) return c;
    }
  }
  return nullptr;
}

int Run(int argc, char** argv) {
  if (argc < 3) return 3;
  const ProbeCase* found = Find(argv[1]);
  if (!found) {
    printf("there is no probe %s\n", argv[1]);
    return 3;
  }
  g_user_space_kernel = strcmp(argv[2], "runsc") == 0;
  g_engine_root = strcmp(argv[2], "docker") == 0;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  alarm(kMaxSeconds);
  found->run(argc - 3, argv + 3);
  if (g_broken > 0) {
    printf("%d of %d attempts got through\n", g_broken, g_attempts);
    return 1;
  }
  if (g_attempts > 0) printf("%d attempts came to nothing\n", g_attempts);
  return 0;
}

}  // namespace
}  // namespace podium::probe

int main(int argc, char** argv) { return podium::probe::Run(argc, argv); }
