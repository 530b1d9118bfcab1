#include "sandbox/init/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/init/now.h"
#include "sandbox/init/process_tree.h"
#include "sandbox/init/protocol.h"

namespace podium::sandbox::init {
namespace {

constexpr int kReportFd = 3;
constexpr int kCannotFork = 126 << 8;  // as the shell's "found, and not to be run"

struct Report {
  int32_t status;
  uint32_t cut;
};

void CloseFd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

// Reaps all that has ended; whether the leader has, whose status is then there.
bool ReapLeader(pid_t leader, int32_t& status) {
  bool ended = false;
  int one = 0;
  for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;) {
    if (pid != leader) continue;
    ended = true;
    status = one;
  }
  return ended;
}

// Until the leader ends, the host stops it (SIGUSR1) or its time is over.
Report WaitForEnd(pid_t leader, const sigset_t& signals, uint32_t limit_ms) {
  Report out{SIGKILL, wire::kNotCut};
  long until = NowMs() + limit_ms;
  while (!ReapLeader(leader, out.status)) {
    long left = until - NowMs();
    if (left <= 0) {
      out.cut = wire::kCutByTime;
      return out;
    }
    timespec wait{left / 1000, left % 1000 * 1000000};
    if (sigtimedwait(&signals, nullptr, &wait) == SIGUSR1) {
      out.cut = wire::kCutByHost;
      return out;
    }
  }
  return out;
}

void PutFrame(uint32_t type, const void* head, size_t head_size, uint64_t more, Buffer& to) {
  wire::Header h{type, static_cast<uint32_t>(head_size + more)};
  to.Append(&h, sizeof h);
  to.Append(head, head_size);
}

wire::JobEnd SoFar(const Job& job) {
  uint32_t wall = job.keeper ? static_cast<uint32_t>(NowMs() - job.begun) : job.wall_ms;
  return {job.id, job.status, job.cut, wall, job.output.written};
}

// The keeper's whole life. It adopts whatever in its job loses its parent; no process of the
// agent's can signal it.
[[noreturn]] void Keep(int output, int report, uint32_t limit_ms, Jobs::Become become,
                       void* command) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGUSR1);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  pid_t leader = fork();
  if (leader == 0) become(command, output);
  signal(SIGTERM, SIG_IGN);
  dup2(report, kReportFd);
  for (int fd = kReportFd + 1; fd < kReportFd + 4 * kMostJobs + 16; ++fd) close(fd);
  Report end{kCannotFork, wire::kNotCut};
  if (leader > 0) end = WaitForEnd(leader, signals, limit_ms);
  if (!KillBelow(getpid())) kill(-1, SIGKILL);
  ReapLeader(leader, end.status);
  bool written = write(kReportFd, &end, sizeof end) == sizeof end;
  _exit(written ? 0 : 1);
}

}  // namespace

Job* Jobs::FreePlace() {
  Job* oldest = nullptr;
  for (Job& job : all_) {
    if (job.id == 0) return &job;
    if (job.keeper == 0 && (!oldest || job.id < oldest->id)) oldest = &job;
  }
  return oldest;
}

Job* Jobs::Start(uint32_t id, size_t room, uint32_t limit_ms, Become become, void* command) {
  Job* job = FreePlace();
  if (!job) return nullptr;
  job->output.Start(room);
  job->id = id;
  job->begun = NowMs();
  job->status = kCannotFork;
  job->cut = job->wall_ms = 0;
  job->keeper = 0;
  int output[2], report[2];
  if (pipe2(output, O_CLOEXEC) != 0) return job;
  if (pipe2(report, O_CLOEXEC) != 0) {
    close(output[0]);
    close(output[1]);
    return job;
  }
  pid_t keeper = fork();
  if (keeper == 0) Keep(output[1], report[1], limit_ms, become, command);
  close(output[1]);
  close(report[1]);
  job->output_pipe = output[0];
  job->report_pipe = report[0];
  fcntl(job->output_pipe, F_SETFL, O_NONBLOCK);
  fcntl(job->report_pipe, F_SETFL, O_NONBLOCK);
  if (keeper > 0) {
    job->keeper = keeper;
  } else {
    CloseFd(job->output_pipe);
    CloseFd(job->report_pipe);
  }
  return job;
}

void Jobs::Stop(uint32_t id) {
  Job* job = Find(id);
  if (job && job->keeper > 0) kill(job->keeper, SIGUSR1);
}

Job* Jobs::Find(uint32_t id) {
  for (Job& job : all_) {
    if (id != 0 && job.id == id) return &job;
  }
  return nullptr;
}

Job* Jobs::Ended(pid_t keeper) {
  for (Job& job : all_) {
    if (job.keeper != keeper) continue;
    job.keeper = 0;
    job.wall_ms = static_cast<uint32_t>(NowMs() - job.begun);
    Report report{SIGKILL, wire::kNotCut};  // a keeper that was killed says nothing
    if (read(job.report_pipe, &report, sizeof report) != sizeof report)
      report = {SIGKILL, wire::kNotCut};
    job.status = report.status;
    job.cut = report.cut;
    CloseFd(job.report_pipe);
    while (job.output_pipe >= 0) ReadOutput(job);
    return &job;
  }
  return nullptr;
}

// At the pipe's end, or at once where the job has ended and it is empty, nothing more is read.
void Jobs::ReadOutput(Job& job) {
  char chunk[65536];
  ssize_t n = read(job.output_pipe, chunk, sizeof chunk);
  if (n > 0)
    job.output.Append(chunk, static_cast<size_t>(n));
  else if (n == 0 || job.keeper == 0)
    CloseFd(job.output_pipe);
}

void Jobs::TellEnd(const Job& job, Buffer& to) {
  wire::JobEnd end = SoFar(job);
  PutFrame(wire::kJobEnd, &end, sizeof end, 0, to);
}

void Jobs::TellState(uint32_t id, uint64_t from, Buffer& to) {
  wire::JobState state{};
  const Job* job = Find(id);
  if (!job) return PutFrame(wire::kJobState, &state, sizeof state, 0, to);
  const Ring& ring = job->output;
  uint64_t at = ring.written > ring.room ? ring.written - ring.room : 0;
  if (from > at) at = from < ring.written ? from : ring.written;
  state = {SoFar(*job), at, job->keeper ? 1u : 0u, 0};
  PutFrame(wire::kJobState, &state, sizeof state, ring.written - at, to);
  while (at < ring.written) {
    uint64_t part = ring.room - at % ring.room;
    if (part > ring.written - at) part = ring.written - at;
    to.Append(ring.data + at % ring.room, part);
    at += part;
  }
}

int Jobs::Keepers(pid_t* out) const {
  int count = 0;
  for (const Job& job : all_) {
    if (job.keeper > 0) out[count++] = job.keeper;
  }
  return count;
}

void Jobs::KillOthers() const {
  pid_t keepers[kMostJobs];
  int count = Keepers(keepers);
  if (count == 0 || !KillApartFrom(keepers, count)) kill(-1, SIGKILL);
}

}  // namespace podium::sandbox::init
