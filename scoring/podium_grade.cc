// podium-grade: grades one submission and writes one record. It is given open descriptors and no
// path, seals itself before it reads a byte that an agent wrote, and executes nothing of it. Exit
// 0: a record was written; 2: the call or the request is wrong; 3: this host cannot grade
// (seal.h).

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "base/files.h"
#include "scoring/grade.h"
#include "scoring/seal.h"
#include "scoring/seal_probe.h"

namespace {

using podium::ErrorCode;
using podium::Fail;
using podium::MappedFile;
using podium::Result;
using podium::Status;

// Of smaller files all pages stay: to read them again would take longer than the grading.
constexpr std::size_t kLargeBytes = 16 << 20;

constexpr const char* kUsage =
    "podium-grade --request-fd N --answers-fd N --board-fd N --verdict-fd N [--submission-fd N]\n"
    "Grades a submission: reads a podium-grade-request/1, the private answers, the leaderboard "
    "(columns score,count) and the\n"
    "submission from open descriptors, and writes a podium-verdict/1 record, one line of JSON. "
    "`podium grade` calls it for you.\n";

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

Status Grade(std::map<std::string, int> fds) {
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

// The exit code of an end: a descriptor that cannot be mapped or written to is the host's.
int Report(const Status& done) {
  if (done) return 0;
  std::fprintf(stderr, "podium-grade: %s\n", done.error().message.c_str());
  return done.error().code == ErrorCode::kIo ? podium::scoring::kHostExit : 2;
}

int Run(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--seal-test") return podium::scoring::ProbeSeal();
  auto fds = ReadArguments(argc, argv);
  if (!fds) return Report(tl::unexpected(fds.error()));
  struct stat st {};
  if (::fstat((*fds)["--verdict-fd"], &st) != 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
    return Report(Fail(ErrorCode::kUsage, "--verdict-fd must be a pipe"));
  return podium::scoring::RunSealed([&] { return Report(Grade(*fds)); });
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
  std::_Exit(Run(argc, argv));  // what is left to give back, the kernel takes
}
