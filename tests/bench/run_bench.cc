// What a trial costs the orchestrator, however many there are: runs of `nop` trials, which do
// nothing but begin, seal, grade and end. `podium_run_bench [ROUNDS [FEW [MANY]]]`; prints
// Markdown tables. The base operation is a trial of the run with few. Then, of the run with many:
// its peak memory, `podium status`, and what is left to do after kill -9 at half.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "tests/support/tiny_task.h"

namespace podium {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

struct Cost {
  double wall_ms = 0, cpu_ms = 0;  // a trial
};

double ChildrenCpuMs() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1000 + static_cast<double>(t.tv_usec) / 1000;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

ProcessSpec Podium(const fs::path& world, std::vector<std::string> arguments) {
  ProcessSpec spec;
  spec.argv = {(ProgramDir() / "podium").string()};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"},
              {"HOME", world.string()},
              {"PODIUM_CACHE", (world / "cache").string()},
              {"PODIUM_RUNS", (world / "runs").string()}};
  return spec;
}

std::vector<std::string> RunOf(const fs::path& world, int trials, const std::string& name) {
  return {"run",
          "--task",
          (world / "task/").string(),
          "--agent",
          "nop",
          "--seeds",
          std::to_string(trials),
          "--jobs",
          "4",
          "--name",
          name};
}

std::string NameOf(int trials, int round) {
  return "n" + std::to_string(trials) + "-" + std::to_string(round);
}

// Wall and CPU of a whole command, in ms.
Cost Timed(const ProcessSpec& spec) {
  double cpu = ChildrenCpuMs();
  auto start = steady_clock::now();
  auto ended = RunProcess(spec, Deadline::In(std::chrono::minutes(20)));
  if (!ended || !ended->ok()) {
    std::cerr << (ended ? ended->err : ended.error().message) << "\n";
    std::exit(1);
  }
  double wall = std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
  return {wall, ChildrenCpuMs() - cpu};
}

Cost RunTrials(const fs::path& world, int trials, int round) {
  Cost whole = Timed(Podium(world, RunOf(world, trials, NameOf(trials, round))));
  return {whole.wall_ms / trials, whole.cpu_ms / trials};
}

int Verdicts(const fs::path& run) {
  std::error_code ec;
  int n = 0;
  for (const auto& entry : fs::directory_iterator(run / "trials/tiny/nop", ec))
    n += fs::exists(entry.path() / "verdict.json", ec);
  return n;
}

// Ends a run of `trials` by SIGKILL when half of them have their verdict; the verdicts there are.
int KillAtHalf(const fs::path& world, int trials, const std::string& name) {
  pid_t pid = ::fork();
  if (pid == 0) {
    ProcessSpec spec = Podium(world, RunOf(world, trials, name));
    for (const auto& [key, value] : *spec.env) ::setenv(key.c_str(), value.c_str(), 1);
    std::vector<char*> argv;
    for (auto& word : spec.argv) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr))
      ::_exit(1);
    ::execv(argv[0], argv.data());
    ::_exit(1);
  }
  const fs::path last = world / "runs" / name / "trials/tiny/nop" /
                        ("s" + std::to_string(trials / 2)) / "verdict.json";
  for (Deadline end = Deadline::In(std::chrono::minutes(10)); !fs::exists(last) && !end.expired();)
    std::this_thread::sleep_for(Millis(5));
  ::kill(pid, SIGKILL);
  int status = 0;
  rusage usage{};
  ::wait4(pid, &status, 0, &usage);
  return Verdicts(world / "runs" / name);
}

long PeakOfChildrenMiB() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_maxrss / 1024;
}

double Median(std::vector<double> v) {
  std::ranges::sort(v);
  return v[v.size() / 2];
}

void Print(int trials, const std::vector<Cost>& costs, const Cost& base) {
  std::vector<double> wall, cpu;
  for (const Cost& c : costs) {
    wall.push_back(c.wall_ms);
    cpu.push_back(c.cpu_ms);
  }
  auto [least, most] = std::ranges::minmax(wall);
  std::printf("| %d | %.1f | %.1f-%.1f | %.1f | %zu | %.2f | %.2f |\n", trials, Median(wall), least,
              most, Median(cpu), costs.size(), Median(wall) / base.wall_ms,
              Median(cpu) / base.cpu_ms);
}

int Bench(int rounds, int few, int many) {
  auto temp = TempDir::Make("podium-run-bench");
  if (!temp) return 1;
  tests::WriteTinyTask(temp->path() / "task");
  RunTrials(temp->path(), 2, 0);  // prepares the task
  RunTrials(temp->path(), many, 0);
  long peak = PeakOfChildrenMiB();
  Cost status = Timed(Podium(temp->path(), {"status", NameOf(many, 0)}));
  int there = KillAtHalf(temp->path(), many, "killed");
  // What continuing costs beyond the trials that were left.
  Cost resumed = Timed(Podium(temp->path(), {"resume", "killed"}));
  std::vector<Cost> with_few, with_many;
  for (int round = 1; round <= rounds; ++round) {
    with_few.push_back(RunTrials(temp->path(), few, round));
    with_many.push_back(RunTrials(temp->path(), many, round));
  }
  std::vector<double> wall, cpu;
  for (const Cost& c : with_few) {
    wall.push_back(c.wall_ms);
    cpu.push_back(c.cpu_ms);
  }
  std::printf(
      "| trials | wall ms a trial | range | CPU ms a trial | n | wall x few | CPU x few |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n");
  Cost base{Median(wall), Median(cpu)};
  Print(few, with_few, base);
  Print(many, with_many, base);
  std::printf(
      "\n| of %d trials | |\n| --- | --- |\n| peak memory of a process | %ld MiB |\n"
      "| `podium status` | %.2f s, %.2f s CPU |\n"
      "| `podium resume` after kill -9 with %d verdicts | %.2f s, of which %.2f s are more than "
      "its "
      "%d trials |\n",
      many, peak, status.wall_ms / 1000, status.cpu_ms / 1000, there, resumed.wall_ms / 1000,
      (resumed.wall_ms - (many - there) * base.wall_ms) / 1000, many - there);
  return 0;
}

}  // namespace
}  // namespace podium

int main(int argc, char** argv) {
  auto number = [&](int at, int fallback) { return argc > at ? std::atoi(argv[at]) : fallback; };
  return podium::Bench(number(1, 3), number(2, 150), number(3, 10'000));
}
