#include "harness/schedule/slurm.h"

#include <algorithm>
#include <cmath>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

// What the orchestrator itself takes beside its trials.
constexpr std::uint64_t kOwnMemory = std::uint64_t{1} << 30;

std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string Directive(const std::string& words) { return "#SBATCH " + words + "\n"; }

}  // namespace

Result<SlurmPlan> SlurmOf(const RunPlan& plan) {
  const Settings& s = plan.settings;
  SlurmPlan out;
  PODIUM_ASSIGN(auto workers, s.Int("slurm.workers", 1, 10'000));
  PODIUM_ASSIGN(auto jobs, s.Int("slurm.jobs", 1, 1000));
  out.workers = static_cast<int>(std::min<std::int64_t>(
      workers, std::max<std::int64_t>(1, static_cast<std::int64_t>(plan.trials.size()))));
  out.jobs = static_cast<int>(jobs);
  double cores = 1;
  std::uint64_t memory = 0;
  std::size_t gpus = 0;
  for (const auto& t : plan.trials) {
    if (!t.agent->needs_sandbox()) continue;
    cores = std::max(cores, t.limits.cpus);
    memory = std::max(memory, t.limits.memory_bytes);
    gpus = std::max(gpus, t.agent->gpus.devices.size());
  }
  out.cores = static_cast<int>(std::ceil(cores * out.jobs));
  out.memory_bytes = memory * static_cast<std::uint64_t>(out.jobs) + kOwnMemory;
  out.gpus = static_cast<int>(gpus) * out.jobs;
  out.time = s.Text("slurm.time");
  out.options = s.Text("slurm.options");
  for (const auto* text : {&out.time, &out.options}) {
    if (text->find('\n') != std::string::npos)
      return Fail(ErrorCode::kUsage, "slurm.time and slurm.options are one line each");
  }
  return out;
}

std::string SlurmScript(const SlurmPlan& slurm, const std::string& run_name,
                        const fs::path& run_dir, const fs::path& podium) {
  std::string out =
      "#!/bin/bash\n"
      "# Workers of run " +
      run_name +
      ", written by Podium. Edit it and keep it: `sbatch` of this file starts more of them.\n";
  out += Directive("--job-name=podium-" + run_name);
  out += Directive("--array=1-" + std::to_string(slurm.workers));
  out += Directive("--cpus-per-task=" + std::to_string(slurm.cores));
  out += Directive("--mem=" + std::to_string(slurm.memory_bytes >> 20) + "M");
  if (slurm.gpus > 0) out += Directive("--gres=gpu:" + std::to_string(slurm.gpus));
  if (!slurm.time.empty()) out += Directive("--time=" + slurm.time);
  out += Directive("--output=" + (run_dir / "slurm" / "%A_%a.log").string());
  out += Directive("--open-mode=append --requeue --signal=B:TERM@90");
  for (const auto& option : Split(slurm.options, ' ')) {
    if (!option.empty()) out += Directive(std::string(option));
  }
  out += "export PODIUM_RUNS=" + Quoted(run_dir.parent_path().string()) + "\n";
  out += Quoted(podium.string()) + " worker " + Quoted(run_dir.string()) + " --jobs " +
         std::to_string(slurm.jobs) +
         " &\n"
         "worker=$! told=\n"
         "# Before the time limit, or when the job is preempted: steps in flight end.\n"
         "trap 'told=1; kill -TERM $worker' TERM\n"
         "wait $worker; code=$?\n"
         "while kill -0 $worker 2>/dev/null; do wait $worker; code=$?; done\n"
         "# 6: trials are left; 143: it had not begun yet. The job takes its place in the queue "
         "again.\n"
         "if [ -n \"$told\" ] && { [ $code = 6 ] || [ $code = 143 ]; }; then scontrol requeue "
         "\"$SLURM_JOB_ID\"; fi\n"
         "exit $code\n";
  return out;
}

Result<std::string> SubmitSlurm(const SlurmPlan& slurm, const RunPlan& plan) {
  fs::path dir = fs::absolute(plan.dir).lexically_normal(), script = dir / "slurm" / "workers.sh";
  PODIUM_TRY(MakeDirs(script.parent_path()));
  PODIUM_TRY(WriteFileAtomic(
      script, SlurmScript(slurm, plan.name, dir, fs::read_symlink("/proc/self/exe"))));
  ProcessSpec spec;
  spec.argv = {"sbatch", "--parsable", script.string()};
  auto done = RunProcess(spec, Deadline::In(kSubmitTime));
  if (!done && done.error().code == ErrorCode::kUnavailable)
    return Fail(ErrorCode::kUnavailable,
                "there is no sbatch here. The workers' script is " + script.string() +
                    ": submit it where Slurm is, or run `podium worker " + dir.string() + "`.");
  if (!done) return tl::unexpected(done.error());
  if (!done->ok())
    return Fail(ErrorCode::kUsage, "Slurm refuses " + script.string() + ": " +
                                       Printable(done->err.empty() ? done->out : done->err));
  std::string id(done->out.substr(0, done->out.find_first_of(";\n")));
  return id;
}

}  // namespace podium::harness
