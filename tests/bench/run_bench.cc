// What a trial costs the orchestrator, however many there are: runs of `nop` trials, which do
// nothing but begin, seal, grade and end. `podium_run_bench [ROUNDS [FEW [MANY]]]`; prints a
// Markdown table. The base operation is a trial of the run with few.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
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

Cost RunTrials(const fs::path& world, int trials, int round) {
  ProcessSpec spec;
  spec.argv = {(ProgramDir() / "podium").string(),
               "run",
               "--task",
               (world / "task/").string(),
               "--agent",
               "nop",
               "--seeds",
               std::to_string(trials),
               "--jobs",
               "4",
               "--name",
               "n" + std::to_string(trials) + "-" + std::to_string(round)};
  spec.env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"},
              {"HOME", world.string()},
              {"PODIUM_CACHE", (world / "cache").string()},
              {"PODIUM_RUNS", (world / "runs").string()}};
  double cpu = ChildrenCpuMs();
  auto start = steady_clock::now();
  auto ended = RunProcess(spec, Deadline::In(std::chrono::minutes(20)));
  if (!ended || !ended->ok()) {
    std::cerr << (ended ? ended->err : ended.error().message) << "\n";
    std::exit(1);
  }
  double wall = std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
  return {wall / trials, (ChildrenCpuMs() - cpu) / trials};
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
  return 0;
}

}  // namespace
}  // namespace podium

int main(int argc, char** argv) {
  auto number = [&](int at, int fallback) { return argc > at ? std::atoi(argv[at]) : fallback; };
  return podium::Bench(number(1, 3), number(2, 150), number(3, 1500));
}
