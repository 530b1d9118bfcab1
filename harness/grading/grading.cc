#include "harness/grading/grading.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "tasks/grading_request.h"
#include "tasks/kinds/kind.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

// What podium-grade ends with where the host failed (scoring/seal.h, which is not linked here).
constexpr int kHostExit = 3;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return FailErrno(ErrorCode::kIo, "pipe2", errno);
  Pipe pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
  // A verdict is some kilobytes: with this room the grader never waits for its reader.
  ::fcntl(pipe.write.get(), F_SETPIPE_SZ, 1 << 20);
  ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

Result<UniqueFd> InMemory(const std::string& text) {
  UniqueFd fd(::memfd_create("request", MFD_CLOEXEC));
  if (!fd) return FailErrno(ErrorCode::kIo, "memfd_create", errno);
  PODIUM_TRY(WriteAll(fd.get(), text));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

Result<UniqueFd> OpenToRead(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  return fd;
}

std::string Drain(int fd) {
  std::string out;
  char buffer[65536];
  for (;;) {
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

// What stands in for a record when the grader gave none.
records::GradeRecord GraderError(const GradeJob& job, const std::string& why) {
  records::GradeRecord out;
  out.task = job.task->id.str();
  out.task_digest = job.prepared->task_digest.hex();
  out.lower_is_better = job.task->grader.lower_is_better;
  out.verdict = "grader_error";
  out.reason = "grader_crashed";
  out.detail = why;
  return out;
}

std::string HowItEnded(const ProcessResult& r) {
  std::string how = r.timed_out ? "ran past its deadline"
                    : r.signal  ? "was ended by signal " + std::to_string(r.signal)
                                : "exited with " + std::to_string(r.exit_code);
  std::string said(Trim(Printable(r.err)));
  return "podium-grade " + how + (said.empty() ? "" : ": " + said.substr(0, 1000));
}

// For large files huge pages, where the host gives them to those who ask: half of the kernel's work
// is then gone. For small ones a page of two megabytes would take longer to clear than the grading.
std::vector<std::pair<std::string, std::string>> GraderEnvironment(const GraderCall& call) {
  constexpr std::uintmax_t kLarge = 32 << 20;
  std::error_code ec;
  bool large = call.submission && fs::file_size(*call.submission, ec) >= kLarge && !ec;
  if (!large) return {};
  return {{"GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"}};
}

}  // namespace

Result<records::GradeRecord> RunGrader(const GraderCall& call, Deadline deadline) {
  if (deadline.expired())
    return Fail(ErrorCode::kTimeout, "the grading's time was over before it could begin");
  PODIUM_ASSIGN(auto request, InMemory(records::ToText(call.request)));
  PODIUM_ASSIGN(auto answers, OpenToRead(call.answers));
  UniqueFd board;
  if (call.board.empty()) {
    PODIUM_ASSIGN(board, InMemory(""));
  } else {
    PODIUM_ASSIGN(board, OpenToRead(call.board));
  }
  PODIUM_ASSIGN(auto verdict, MakePipe());
  ProcessSpec spec;
  spec.argv = {(ProgramDir() / "podium-grade").string(),
               "--request-fd",
               "3",
               "--answers-fd",
               "4",
               "--board-fd",
               "5",
               "--verdict-fd",
               "6"};
  spec.env = GraderEnvironment(call);
  spec.pass_fds = {
      {3, request.get()}, {4, answers.get()}, {5, board.get()}, {6, verdict.write.get()}};
  UniqueFd submission;
  if (call.submission) {
    PODIUM_ASSIGN(submission, OpenToRead(*call.submission));
    spec.argv.insert(spec.argv.end(), {"--submission-fd", "7"});
    spec.pass_fds.emplace_back(7, submission.get());
  }
  PODIUM_ASSIGN(auto result, RunProcess(spec, deadline));
  verdict.write.reset();
  std::string record = Drain(verdict.read.get());
  // What says nothing about the bytes is the host's, and tried again: the wall clock, which runs
  // while others have the CPU, a kill from outside, and what podium-grade itself says of the host.
  if (result.timed_out) return Fail(ErrorCode::kTimeout, HowItEnded(result));
  if (result.exit_code == kHostExit || result.signal == SIGKILL)
    return Fail(ErrorCode::kUnavailable, HowItEnded(result));
  if (!result.ok()) return Fail(ErrorCode::kGrader, HowItEnded(result));
  auto parsed = records::ParseGradeRecord(record, "podium-grade's record");
  if (!parsed)
    return Fail(ErrorCode::kGrader,
                "podium-grade wrote no valid record: " + parsed.error().message);
  return parsed;
}

Result<records::GradeRecord> Grade(const GradeJob& job, Deadline deadline) {
  GraderCall call{
      .request = tasks::KindOf(*job.task).Request(*job.task, *job.prepared, job.hand_over),
      .answers = tasks::AnswersPath(*job.prepared),
      .board = tasks::BoardPath(*job.prepared),
      .submission = job.submission};
  auto record = RunGrader(call, deadline);
  if (!record && record.error().code == ErrorCode::kGrader)
    return GraderError(job, record.error().message);
  return record;
}

}  // namespace podium::harness
