// Whole processes of `podium grade-sample` against `wc -l` of the same submission, interleaved with
// the same rows in another order than the answers'; medians. Prints the table of
// docs/performance.md.
//   podium_grade_bench [RUNS] [PART OF A METRIC'S NAME]

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/files.h"
#include "tests/bench/datasets.h"

namespace podium::bench {
namespace {

struct Measure {
  double seconds = 0;
  double peak_mib = 0;  // of the largest process of the tree
  int status = 0;
};

Measure RunHere(const std::vector<std::string>& argv) {
  std::vector<char*> args;
  for (const std::string& a : argv) args.push_back(const_cast<char*>(a.c_str()));
  args.push_back(nullptr);
  auto start = std::chrono::steady_clock::now();
  pid_t child = ::fork();
  if (child == 0) {
    int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::execvp(args[0], args.data());
    ::_exit(127);
  }
  Measure out;
  rusage usage{};
  ::wait4(child, &out.status, 0, &usage);
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  out.peak_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  return out;
}

// A process that starts the programs to be measured. The kernel counts the memory of whoever
// started a program into its peak, so this one is made before there are any data sets.
class Starter {
 public:
  Starter() {
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_) != 0 ||
        (child_ = ::fork()) < 0)
      std::exit(1);
    if (child_ == 0) Serve();
    ::close(ends_[1]);
  }
  ~Starter() {
    ::close(ends_[0]);
    ::waitpid(child_, nullptr, 0);
  }
  Starter(const Starter&) = delete;
  Starter& operator=(const Starter&) = delete;

  Measure Run(const std::vector<std::string>& argv) {
    std::string packet;
    for (const std::string& a : argv) packet += a + '\0';
    Measure out;
    bool done = ::send(ends_[0], packet.data(), packet.size(), 0) > 0 &&
                ::recv(ends_[0], &out, sizeof out, 0) == static_cast<ssize_t>(sizeof out);
    if (!done) std::exit(1);
    return out;
  }

 private:
  [[noreturn]] void Serve() {
    ::close(ends_[0]);
    char packet[16384];
    for (ssize_t n; (n = ::recv(ends_[1], packet, sizeof packet, 0)) > 0;) {
      std::vector<std::string> argv;
      for (const char* p = packet; p < packet + n; p += argv.back().size() + 1)
        argv.emplace_back(p);
      Measure out = RunHere(argv);
      ::send(ends_[1], &out, sizeof out, 0);
    }
    ::_exit(0);
  }

  int ends_[2] = {-1, -1};
  pid_t child_ = -1;
};

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Gradings of one file.
struct Gradings {
  std::vector<double> seconds;
  double peak_mib = 0;

  void Add(Starter& starter, const Dataset& data, const std::filesystem::path& file) {
    Measure m = starter.Run({(ProgramDir() / "podium").string(), "grade-sample", file.string(),
                             data.task, "--answers", data.answers.string(), "--json"});
    if (m.status != 0) {
      std::fprintf(stderr, "podium_grade_bench: %s was not scored\n", data.task.c_str());
      std::exit(1);
    }
    seconds.push_back(m.seconds);
    peak_mib = std::max(peak_mib, m.peak_mib);
  }
};

struct Times {
  Gradings same, shuffled;
  std::vector<double> count;
};

Times Interleaved(Starter& starter, const Dataset& data, int runs) {
  Times out;
  for (int i = 0; i < runs; ++i) {
    out.same.Add(starter, data, data.submission);
    out.shuffled.Add(starter, data, data.shuffled);
    out.count.push_back(starter.Run({"wc", "-l", data.submission.string()}).seconds);
  }
  return out;
}

void PrintRow(const Case& c, std::size_t rows, const Dataset& data, const Times& t) {
  auto size = [](const std::filesystem::path& p) {
    return static_cast<double>(std::filesystem::file_size(p));
  };
  double bytes = size(data.submission);
  double both = bytes + size(data.answers);
  double wall = Median(t.same.seconds);
  double shuffled = Median(t.shuffled.seconds);
  std::printf(
      "| %s | %zu | %.2f | %.1f | %.1f-%.1f | %.1f | %.2f | %.0f | %.1f | %.1f | %.2f | %.1f |\n",
      c.metric.c_str(), rows, bytes / 1e6, wall * 1e3, std::ranges::min(t.same.seconds) * 1e3,
      std::ranges::max(t.same.seconds) * 1e3, wall / Median(t.count), both / wall / 1e9,
      t.same.peak_mib, t.same.peak_mib * 1048576 / both, shuffled * 1e3, shuffled / wall,
      t.shuffled.peak_mib * 1048576 / both);
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  Starter starter;
  int runs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  std::string part = argc > 2 ? argv[2] : "";
  std::printf(
      "| metric | rows | submission MB | wall ms | range | x `wc -l` | GB/s | peak MiB | "
      "peak / files | shuffled ms | x same order | its peak / files |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Case& c : Cases()) {
    if (c.metric.find(part) == std::string::npos) continue;
    for (std::size_t rows : c.rows) {
      auto dir = TempDir::Make("podium-bench");
      if (!dir) return 1;
      Dataset data = WriteDataset(c, rows, dir->path());
      PrintRow(c, rows, data, Interleaved(starter, data, runs));
    }
  }
  return 0;
}

}  // namespace
}  // namespace podium::bench

int main(int argc, char** argv) { return podium::bench::Main(argc, argv); }
