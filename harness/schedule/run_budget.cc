#include "harness/schedule/run_budget.h"

#include <algorithm>
#include <map>
#include <thread>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/process_owner.h"
#include "base/text.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using agents::Usd;
using records::RunSpending;
using records::Spending;

constexpr const char* kFile = "spending.json";
constexpr double kRounding = 1e-9;

Result<FileLock> Lock(const fs::path& run_dir) {
  for (Deadline deadline = Deadline::In(kRunFolderTime); !deadline.expired();) {
    PODIUM_ASSIGN(auto lock, FileLock::TryTake(run_dir / ".spending.lock"));
    if (lock) return std::move(*lock);
    std::this_thread::sleep_for(kRunFolderPoll);
  }
  return Fail(ErrorCode::kTimeout,
              "another process holds " + (run_dir / ".spending.lock").string());
}

Usd UsdOf(const Spending& s) { return Usd::Parse(s.usd).value_or(Usd{}); }

Spending Sum(const Spending& a, const Spending& b) {
  return {(UsdOf(a) + UsdOf(b)).Text(), a.tokens + b.tokens, a.gpu_hours + b.gpu_hours};
}

Spending Most(const Spending& a, const Spending& b) {
  return {std::max(UsdOf(a), UsdOf(b)).Text(), std::max(a.tokens, b.tokens),
          std::max(a.gpu_hours, b.gpu_hours)};
}

// What is left of a bound after `spent`; nothing below zero.
Spending Rest(const Spending& bound, const Spending& spent) {
  Usd usd = UsdOf(bound) > UsdOf(spent) ? UsdOf(bound) - UsdOf(spent) : Usd{};
  return {usd.Text(), std::max<std::int64_t>(0, bound.tokens - spent.tokens),
          std::max(0.0, bound.gpu_hours - spent.gpu_hours)};
}

bool Lives(const std::string& owner) {
  auto process = ProcessOwner::FromJson(owner);
  if (!process) return false;
  OwnerState state = StateOf(*process);
  // Whoever cannot be looked for from here may live.
  return state != OwnerState::kDead;
}

// All that is spent, and all that is set aside by those who live. `but`: not counting this trial.
struct Taken {
  Spending spent, reserved;
  bool others_run = false;  // somebody of the same agent has something set aside
};
Taken TakenOf(const RunSpending& spending, const TrialPlan& but) {
  Taken out{.spent = spending.settled, .reserved = {}};
  for (const auto& [trial, open] : spending.open) {
    out.spent = Sum(out.spent, open.spent);
    if (trial == but.id.str() || !Lives(open.owner)) continue;
    out.reserved = Sum(out.reserved, open.reserved);
    out.others_run =
        out.others_run || trial.find("/" + but.id.agent.str() + "/") != std::string::npos;
  }
  return out;
}

double GpuHours(const TrialPlan& trial, Millis time) {
  return static_cast<double>(trial.agent->gpus.devices.size()) *
         std::chrono::duration<double, std::ratio<3600>>(time).count();
}

// The most that the trial may cost, where that is known of each of the ceilings.
struct Bound {
  Spending most;
  std::string unknown;  // the first ceiling of which it is not
};
Bound BoundOf(const TrialPlan& trial, const RunCeilings& ceilings, const RunSpending& spending) {
  const agents::Budget& own = trial.agent->gateway.budget;
  auto past = spending.most.find(trial.id.agent.str());
  Bound out{.most = past == spending.most.end() ? Spending{} : past->second, .unknown = ""};
  bool asks = trial.agent->asks_model() || !trial.agent->gateway.models.empty();
  bool known = past != spending.most.end() || !asks;
  if (ceilings.tokens && !own.tokens && !known) out.unknown = "run.budget.tokens";
  if (ceilings.usd && !own.money && !known) out.unknown = "run.budget.usd";
  if (own.money) out.most.usd = own.money->Text();
  if (own.tokens) out.most.tokens = *own.tokens;
  out.most.gpu_hours = GpuHours(trial, trial.wall);
  return out;
}

// Which ceiling so much would pass; "" where none.
std::string Passed(const RunCeilings& c, const Spending& all) {
  if (c.usd && UsdOf(all) > *c.usd) return "run.budget.usd";
  if (c.tokens && all.tokens > *c.tokens) return "run.budget.tokens";
  if (c.gpu_hours && all.gpu_hours > *c.gpu_hours + kRounding) return "run.budget.gpu_hours";
  return "";
}

std::string Amount(const RunCeilings& c, const std::string& ceiling, const Spending& s) {
  if (ceiling == "run.budget.usd") return "$" + s.usd + " of $" + c.usd->Text();
  if (ceiling == "run.budget.tokens")
    return std::to_string(s.tokens) + " of " + std::to_string(*c.tokens) + " tokens";
  return FormatDouble(s.gpu_hours) + " of " + FormatDouble(*c.gpu_hours) + " GPU-hours";
}

Admitted Judge(const RunCeilings& c, const Taken& taken, const Bound& bound) {
  Spending now = Sum(taken.spent, taken.reserved);
  if (!bound.unknown.empty()) {
    bool spent = !Passed(c, Sum(taken.spent, {"0.000000000001", 1, 0})).empty();
    if (spent)
      return {Admission::kNever,
              bound.unknown + " is spent: " + Amount(c, bound.unknown, taken.spent)};
    if (taken.others_run)
      return {Admission::kLater,
              bound.unknown + ": what a trial costs is known once the first has ended"};
    return {};
  }
  std::string passed = Passed(c, Sum(now, bound.most));
  if (passed.empty()) return {};
  std::string text = passed + ": " + Amount(c, passed, taken.spent) +
                     " are spent, and a trial may cost " + Amount(c, passed, bound.most);
  bool never = !Passed(c, Sum(taken.spent, bound.most)).empty();
  return {never ? Admission::kNever : Admission::kLater, text};
}

Result<RunSpending> Read(const fs::path& run_dir) {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(run_dir));
  auto text = run.Read(kFile, 256 << 20);
  if (!text && text.error().code == ErrorCode::kNotFound) return RunSpending{};
  if (!text) return tl::unexpected(text.error());
  return records::ParseRunSpending(*text, (run_dir / kFile).string());
}

}  // namespace

Spending SpendingOf(const TrialPlan& trial, const TrialView& view) {
  return {view.models.cost.Text(), view.models.tokens.input + view.models.tokens.output,
          GpuHours(trial, view.active)};
}

Status RunBudget::Locked(const Change& change) const {
  PODIUM_ASSIGN(auto alone, Lock(run_dir_));
  PODIUM_ASSIGN(auto spending, Read(run_dir_));
  PODIUM_TRY(change(spending));
  return WriteFileAtomic(run_dir_ / kFile, records::ToText(spending));
}

Status RunBudget::Begin(const RunPlan& plan) {
  return Locked([&](RunSpending& spending) -> Status {
    std::map<std::string, const TrialPlan*> plans;
    for (const auto& trial : plan.trials) plans[trial.id.str()] = &trial;
    PODIUM_ASSIGN(auto run, ReadRun(run_dir_, clock_));
    RunSpending now{.began = spending.began, .settled = {}, .most = {}, .open = {}};
    if (now.began.empty()) now.began = IsoTime(clock_.WallNow());
    for (const auto& view : run.trials) {
      auto known = plans.find(view.id.str());
      if (known == plans.end() || view.attempts == 0) continue;
      Spending spent = SpendingOf(*known->second, view);
      if (view.outcome()) {
        now.settled = Sum(now.settled, spent);
        Spending& most = now.most[view.id.agent.str()];
        most = Most(most, spent);
        continue;
      }
      auto before = spending.open.find(view.id.str());
      now.open[view.id.str()] =
          before == spending.open.end() ? records::OpenSpending{spent, {}, ""} : before->second;
      now.open[view.id.str()].spent = spent;
    }
    spending = std::move(now);
    return {};
  });
}

Result<Admitted> RunBudget::TryReserve(const TrialPlan& trial) {
  Admitted out;
  PODIUM_TRY(Locked([&](RunSpending& spending) -> Status {
    Taken taken = TakenOf(spending, trial);
    Bound bound = BoundOf(trial, ceilings_, spending);
    records::OpenSpending& open = spending.open[trial.id.str()];
    bound.most = Rest(bound.most, open.spent);
    out = Judge(ceilings_, taken, bound);
    WallTime last = clock_.WallNow() + trial.wall;
    if (ceilings_.wall && IsoTime(last) > IsoTime(ParseIsoTime(spending.began) + *ceilings_.wall))
      out = {Admission::kNever, "run.budget.wall: a trial of " + FormatDuration(trial.wall) +
                                    " would end after the run's " +
                                    FormatDuration(*ceilings_.wall) + " since " + spending.began};
    if (out.answer != Admission::kYes) return {};
    open.reserved = bound.most;
    open.owner = ProcessOwner::Self().ToJson();
    return {};
  }));
  return out;
}

Status RunBudget::Settle(const TrialPlan& trial, const TrialView& view) {
  return Locked([&](RunSpending& spending) -> Status {
    auto open = spending.open.find(trial.id.str());
    if (open == spending.open.end()) return {};  // counted by another that began meanwhile
    Spending spent = SpendingOf(trial, view);
    open->second = {spent, {}, ""};
    if (!view.outcome()) return {};
    spending.settled = Sum(spending.settled, spent);
    Spending& most = spending.most[trial.id.agent.str()];
    most = Most(most, spent);
    spending.open.erase(open);
    return {};
  });
}

}  // namespace podium::harness
