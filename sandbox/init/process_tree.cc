#include "sandbox/init/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/init/buffers.h"
#include "sandbox/init/now.h"

namespace podium::sandbox::init {
namespace {

constexpr long kMostMs = 1000;       // in which all must have been found
constexpr useconds_t kPause = 1000;  // between two looks, in microseconds
constexpr pid_t kInit = 1;
constexpr pid_t kNowhere = 0;  // its parent ended while the table was read

struct Process {
  pid_t pid, parent;
};

int ByPid(const void* a, const void* b) {
  return static_cast<const Process*>(a)->pid - static_cast<const Process*>(b)->pid;
}

// The processes at one moment, sorted. Those that have ended and are not reaped yet are left out.
struct ProcessTable {
  Buffer rows;

  [[nodiscard]] size_t size() const { return rows.size / sizeof(Process); }
  [[nodiscard]] Process at(size_t i) const {
    Process out;
    memcpy(&out, rows.data + i * sizeof out, sizeof out);
    return out;
  }
  [[nodiscard]] pid_t ParentOf(pid_t pid) const {
    Process wanted{pid, 0};
    const void* found = bsearch(&wanted, rows.data, size(), sizeof wanted, ByPid);
    return found ? static_cast<const Process*>(found)->parent : kNowhere;
  }
};

// "12 (name) S 1 ...": the name may hold anything, so what follows is found from its end. (proc(5))
bool ReadProcess(const char* pid, Process& out) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = read(fd, line, sizeof line - 1);
  close(fd);
  if (n <= 0) return false;
  line[n] = 0;
  const char* end = strrchr(line, ')');
  char state = 0;
  int parent = 0;
  if (!end || sscanf(end + 1, " %c %d", &state, &parent) != 2) return false;
  out = {static_cast<pid_t>(atoi(pid)), parent};
  return state != 'Z' && state != 'X';
}

void ReadTable(ProcessTable& table) {
  table.rows.Clear();
  DIR* proc = opendir("/proc");
  if (!proc) return;
  while (dirent* entry = readdir(proc)) {
    Process process;
    bool numbered = entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
    if (numbered && ReadProcess(entry->d_name, process))
      table.rows.Append(&process, sizeof process);
  }
  closedir(proc);
  qsort(table.rows.data, table.size(), sizeof(Process), ByPid);
}

// The first of `roots` above the process or itself, else init; kNowhere where that is not known.
pid_t RootOf(const ProcessTable& table, pid_t pid, const pid_t* roots, int count) {
  for (size_t steps = 0; steps <= table.size(); ++steps) {
    for (int i = 0; i < count; ++i) {
      if (roots[i] == pid) return pid;
    }
    if (pid == kInit || pid == kNowhere) return pid;
    pid = table.ParentOf(pid);
  }
  return kNowhere;
}

// One look: kills whoever has `root`. Whether somebody was killed, or must be looked at again.
bool Pass(ProcessTable& table, pid_t root, const pid_t* roots, int count) {
  ReadTable(table);
  bool again = false;
  for (size_t i = 0; i < table.size(); ++i) {
    pid_t pid = table.at(i).pid;
    if (pid == root || pid == kInit) continue;
    pid_t has = RootOf(table, pid, roots, count);
    if (has == root) kill(pid, SIGKILL);
    again = again || has == root || has == kNowhere;
  }
  return again;
}

bool KillAllOf(pid_t root, const pid_t* roots, int count) {
  ProcessTable table;
  long until = NowMs() + kMostMs;
  bool again = Pass(table, root, roots, count);
  while (again && NowMs() < until) {
    usleep(kPause);
    again = Pass(table, root, roots, count);
  }
  table.rows.Clear();
  return !again;
}

}  // namespace

bool KillApartFrom(const pid_t* spared, int count) { return KillAllOf(kInit, spared, count); }

bool KillBelow(pid_t ancestor) { return KillAllOf(ancestor, &ancestor, 1); }

}  // namespace podium::sandbox::init
