#include "harness/report/plan_text.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/text.h"
#include "harness/plan/machine.h"
#include "harness/report/table.h"

namespace podium::harness {
namespace {

using agents::Usd;

// What each of several workers has of a trial; else nothing.
std::string PartText(const TrialPlan& t) {
  const auto& configured = t.agent->configured;
  if (configured.workers == 1) return "";
  sandbox::Limits part = WorkerLimits(t);
  return "Each of the " + std::to_string(configured.workers) + " workers of " + t.id.agent.str() +
         " on " + t.id.task.str() + " has " + FormatDouble(part.cpus) + " cores, " +
         FormatBytes(part.memory_bytes) + " of memory and " + FormatBytes(part.disk_bytes) +
         " of disk (search.worker_limits: " + (configured.limits_each ? "each" : "shared") + ").\n";
}

// How many trials and programs run at once, and what decides it.
std::string AtOnceText(const RunPlan& plan) {
  Machine machine = ThisMachine();
  double cpus = 0;
  std::uint64_t memory = 0;
  bool waits = false;
  for (const auto& t : plan.trials) {
    if (!t.agent->needs_sandbox()) continue;
    sandbox::Limits each = WorkerLimits(t);
    cpus = std::max(cpus, each.cpus);
    memory = std::max(memory, each.memory_bytes);
    waits = waits || t.agent->takes_turns();
  }
  const Setting& jobs = plan.settings.Get("jobs");
  std::string text = "Trials at once: " + std::to_string(plan.jobs) + " (jobs: " +
                     (jobs.layer == Layer::kDefault ? "auto" : jobs.value + ", " + jobs.origin) +
                     ").";
  if (cpus > 0) {
    auto by_cores = static_cast<std::uint64_t>(machine.cores / cpus + 1e-9);
    std::uint64_t by_memory = memory == 0 ? by_cores : machine.memory_bytes / memory;
    text += " Programs at once: " + std::to_string(std::min(by_cores, by_memory)) +
            " (this machine has " + FormatDouble(machine.cores) + " cores and " +
            FormatBytes(machine.memory_bytes) + ", a program up to " + FormatDouble(cpus) +
            " and " + FormatBytes(memory) + ").";
  }
  if (waits)
    text +=
        "\nA trial that waits for a model holds no core: with a larger --jobs more of them wait at "
        "once, and at most " +
        plan.settings.Get("llm.at_once").value + " requests are open (models.at_once).";
  return text + "\n";
}

std::string TrialsText(const RunPlan& plan) {
  TextTable table({"task", "agent", "seed", "time", "nodes", "workers", "cores", "memory", "disk"},
                  {false, false, false, true, true, true, true, true, true});
  Millis total{0};
  std::set<std::string> parts;  // a line for each agent that has workers
  for (const auto& t : plan.trials) {
    bool box = t.agent->needs_sandbox();
    table.Add({t.id.task.str(), t.id.agent.str(), "s" + std::to_string(t.id.seed),
               box ? "at most " + FormatDuration(t.wall) : "-",
               std::to_string(t.agent->configured.nodes),
               std::to_string(t.agent->configured.workers), FormatDouble(t.limits.cpus),
               FormatBytes(t.limits.memory_bytes), FormatBytes(t.limits.disk_bytes)});
    if (box) total += t.wall;
    parts.insert(PartText(t));
  }
  return table.Text() + Join(std::vector<std::string>(parts.begin(), parts.end()), "") + "\nRun '" +
         plan.name + "': " + std::to_string(plan.trials.size()) + " trials, at most " +
         FormatDuration(total / plan.jobs) + " of working time.\n";
}

// The most that trials of an agent may cost, where that is bounded.
struct MostOf {
  Usd usd;
  std::int64_t tokens = 0;
  double gpu_hours = 0;
  std::uint64_t disk_bytes = 0;
  std::set<std::string> no_usd, no_tokens;  // agents whose models nothing bounds
};

MostOf AddUp(const RunPlan& plan) {
  MostOf out;
  for (const auto& t : plan.trials) {
    const agents::Budget& budget = t.agent->gateway.budget;
    bool asks = t.agent->asks_model() || !t.agent->gateway.models.empty();
    if (asks && budget.money) out.usd = out.usd + *budget.money;
    if (asks && !budget.money) out.no_usd.insert(t.id.agent.str());
    if (asks && budget.tokens) out.tokens += *budget.tokens;
    if (asks && !budget.tokens) out.no_tokens.insert(t.id.agent.str());
    out.gpu_hours += static_cast<double>(t.agent->gpus.devices.size()) *
                     std::chrono::duration<double, std::ratio<3600>>(t.wall).count();
    out.disk_bytes = std::max(out.disk_bytes, t.agent->needs_sandbox() ? t.limits.disk_bytes : 0);
  }
  return out;
}

std::string Names(const std::set<std::string>& names) {
  return Join(std::vector<std::string>(names.begin(), names.end()), ", ");
}

// "at most $10", "not bounded (a, b: budget.usd)", "none"; with what the run as a whole may cost.
std::string Bound(const std::string& most, bool none, const std::set<std::string>& open,
                  const std::string& setting, const Setting& whole) {
  std::string out = none && open.empty() ? "none" : "at most " + most;
  if (!open.empty()) out = "not bounded by " + setting + " (" + Names(open) + ")";
  if (whole.value != "none")
    out += "; run." + setting + " stops beginning trials at " + whole.value;
  return out;
}

}  // namespace

std::string CostText(const RunPlan& plan) {
  MostOf most = AddUp(plan);
  const Settings& s = plan.settings;
  auto line = [](const std::string& name, const std::string& text) {
    return name + std::string(12 - name.size(), ' ') + text + "\n";
  };
  std::string out;
  out += line("Money", Bound("$" + most.usd.Text(), most.usd == Usd{}, most.no_usd, "budget.usd",
                             s.Get("run.budget.usd")));
  out += line("Tokens", Bound(std::to_string(most.tokens), most.tokens == 0, most.no_tokens,
                              "budget.tokens", s.Get("run.budget.tokens")));
  out += line("GPU-hours", Bound(FormatDouble(most.gpu_hours), most.gpu_hours == 0, {},
                                 "budget.gpu_hours", s.Get("run.budget.gpu_hours")));
  out +=
      line("Disk", most.disk_bytes == 0
                       ? "none"
                       : "at most " +
                             FormatBytes(most.disk_bytes * static_cast<std::uint64_t>(plan.jobs)) +
                             " at once, gone with the sandboxes");
  if (s.Get("run.budget.wall").value != "none")
    out += line("Time", "none begins that would end more than " + s.Get("run.budget.wall").value +
                            " after the first (run.budget.wall)");
  return out;
}

std::string PlanText(const RunPlan& plan) {
  return TrialsText(plan) + AtOnceText(plan) + CostText(plan);
}

}  // namespace podium::harness
