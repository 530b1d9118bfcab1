#include "agents/react/job_tools.h"

#include <algorithm>
#include <utility>

#include "base/deadlines.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::size_t kKept = 256 << 10;  // bytes of a job's output

std::string EndText(const sandbox::JobEnd& end) {
  if (end.stopped) return "stopped";
  if (end.end == sandbox::ExecEnd::kExited) return "exit code " + std::to_string(end.exit_code);
  if (end.end == sandbox::ExecEnd::kTimeLimit) return "stopped: its time is over";
  if (end.end == sandbox::ExecEnd::kSignalled) return "signal " + std::to_string(end.signal);
  return std::string(sandbox::ExecEndText(end.end));
}

std::string StateText(int job, const sandbox::JobEnd& end, bool running) {
  return "[job " + std::to_string(job) + ": " + (running ? "running" : EndText(end)) + "]";
}

// What a look would have shown when the record was made.
void CutTo(std::uint64_t bytes, sandbox::JobLook& look) {
  std::uint64_t most = bytes > look.first ? bytes - look.first : 0;
  if (look.output.size() > most) look.output.resize(most);
}

const records::JobSeen* SeenOf(const std::vector<records::JobSeen>& all, int job) {
  auto it = std::ranges::find(all, job, &records::JobSeen::job);
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

bool JobTools::Has(std::string_view tool) const {
  return there() && std::ranges::any_of(Specs(), [&](const auto& s) { return s.name == tool; });
}

std::vector<ToolSpec> JobTools::Specs() const {
  if (!there()) return {};
  std::string job = NumberArgument("job", "its number");
  return {
      Tool("job_output", "Gives what a job has printed since you last saw its output.", job,
           R"("job")"),
      Tool("job_wait", "Waits until a job has ended, then gives its output as job_output.",
           job + "," + NumberArgument("timeout_s", "seconds at most, 60 by default"), R"("job")"),
      Tool("job_stop", "Stops a job and all that it started.", job, R"("job")"),
      Tool("job_list", "Lists your jobs and how they stand.", "", "")};
}

void JobTools::Hear() {
  for (auto& end : context_.sandbox.TakeEndedJobs()) {
    end.job += skipped_;
    auto it = jobs_.find(end.job);
    if (it == jobs_.end()) continue;
    it->second.end = end;
    unnoted_.push_back(end);
  }
}

int JobTools::Living() const {
  return static_cast<int>(
      std::ranges::count_if(jobs_, [](const auto& job) { return !job.second.end; }));
}

Task<void> JobTools::Mind() {
  for (;;) {
    Hear();
    Deadline never = Deadline::Never();
    if (Living() > 0) {
      // What breaks is the next command's to say.
      auto waited = co_await context_.sandbox.WaitForJobs(never);
      if (waited) continue;
    }
    co_await SleepUntil(never);
  }
}

Task<Status> JobTools::NoteEnds(bool over) {
  Hear();
  for (const auto& end : std::exchange(unnoted_, {})) {
    records::JobEnded event{.job = end.job,
                            .end = std::string(sandbox::ExecEndText(end.end)),
                            .exit_code = end.exit_code,
                            .signal = end.signal,
                            .wall = end.wall,
                            .output_bytes = end.output_bytes};
    if (end.stopped) event.end = "stopped";
    PODIUM_CO_TRY(co_await context_.events.Append(std::move(event)));
  }
  for (auto& [number, job] : jobs_) {
    if (!over || job.end) continue;
    Deadline control = Deadline::In(kStepTime);
    auto look = co_await context_.sandbox.LookAtJob(number - skipped_, job.seen, control);
    records::JobEnded event{.job = number, .end = "trial_over"};
    if (look) event.wall = look->so_far.wall;
    if (look) event.output_bytes = look->so_far.output_bytes;
    PODIUM_CO_TRY(co_await context_.events.Append(std::move(event)));
  }
  co_return Status{};
}

// One that the time ended in the record has the same; others may be slower on this machine.
Millis JobTools::MostFor(int job, std::optional<Millis> timeout) const {
  Millis most = std::min(timeout.value_or(context_.exec_limit), context_.exec_limit);
  if (!context_.recorded) return most;
  auto cut = context_.recorded->cut_jobs.find(job);
  return cut == context_.recorded->cut_jobs.end() ? kSlowerMachine * most : cut->second;
}

Task<Result<ToolOutcome>> JobTools::Start(sandbox::ExecSpec spec, std::string command,
                                          std::optional<Millis> timeout, int step) {
  Hear();
  if (Living() >= limits_.at_once)
    co_return Told("Not started: " + std::to_string(Living()) +
                   " jobs are running, and no more may. Wait for one, or stop one.");
  spec.output_tail_bytes = std::max(kKept, limits_.observation);
  int number = skipped_ + static_cast<int>(jobs_.size()) + 1;
  Millis most = MostFor(number, timeout);
  Deadline control = Deadline::In(kStepTime);
  auto job = co_await context_.sandbox.StartJob(std::move(spec), most, control);
  if (!job) co_return ToldOr(job.error());
  number = *job + skipped_;
  records::JobStarted event{.job = number, .step = step, .command = command, .most = most};
  jobs_[number].command = std::move(command);
  PODIUM_CO_TRY(co_await context_.events.Append(std::move(event)));
  co_return Told("[job " + std::to_string(number) + " runs in the background]", false);
}

Task<Result<ToolOutcome>> JobTools::Call(Order order, int step, Deadline until) {
  static const std::vector<records::JobSeen> kNone;
  const auto& recorded = context_.recorded;
  auto at = static_cast<std::size_t>(step);
  bool has = recorded && at < recorded->steps.size();
  const auto& seen = has ? recorded->steps[at].jobs : kNone;
  if (order.tool == "job_list") co_return co_await List(seen);
  if (!jobs_.contains(order.job))
    co_return Told(order.tool + " needs 'job', the number of one of your " +
                   std::to_string(jobs_.size()) + " jobs." +
                   (skipped_ > 0 ? " Earlier ones are gone." : ""));
  const records::JobSeen* one = SeenOf(seen, order.job);
  if (order.tool == "job_stop") co_return co_await Stop(order.job, one);
  Deadline waits = Deadline::In(order.timeout.value_or(kJobWait)).Earlier(until);
  if (order.tool == "job_wait" && !one) PODIUM_CO_TRY(co_await WaitFor(order.job, waits));
  co_return co_await Output(order.job, one);
}

Task<Status> JobTools::WaitFor(int job, Deadline until) {
  Hear();
  while (!jobs_[job].end && !until.expired()) {
    PODIUM_CO_TRY(co_await context_.sandbox.WaitForJobs(until));
    Hear();
  }
  co_return Status{};
}

Task<Result<sandbox::JobLook>> JobTools::Look(int job, const records::JobSeen* recorded) {
  Deadline patience = Deadline::In(kSlowerMachine * context_.exec_limit);
  for (;;) {
    Deadline control = Deadline::In(kStepTime);
    auto look = co_await context_.sandbox.LookAtJob(job - skipped_, jobs_[job].seen, control);
    Hear();
    if (!look || !recorded) co_return look;
    bool so_far = look->so_far.output_bytes >= recorded->bytes && recorded->running;
    if (so_far || !look->running || patience.expired()) {
      CutTo(recorded->bytes, *look);
      co_return look;
    }
    Deadline soon = Deadline::In(kJobPoll);
    PODIUM_CO_TRY(co_await context_.sandbox.WaitForJobs(soon));
  }
}

ToolOutcome JobTools::Shown(int job, const sandbox::JobLook& look, bool running) {
  Job& known = jobs_[job];
  std::string text;
  if (look.first > known.seen)
    text = "... (" + std::to_string(look.first - known.seen) + " bytes left out) ...\n";
  text += look.output;
  known.seen = look.first + look.output.size();
  ToolOutcome out = Told(Observation(text, limits_.observation), false);
  if (!out.text.empty() && !out.text.ends_with('\n')) out.text += '\n';
  out.text += StateText(job, look.so_far, running);
  out.jobs.push_back({job, known.seen, running});
  out.lost = look.so_far.end == sandbox::ExecEnd::kInitGone && !look.running;
  return out;
}

Task<Result<ToolOutcome>> JobTools::Output(int job, const records::JobSeen* recorded) {
  auto look = co_await Look(job, recorded);
  if (!look) co_return ToldOr(look.error());
  bool running = recorded ? recorded->running : look->running;
  co_return Shown(job, *look, running);
}

Task<Result<ToolOutcome>> JobTools::Stop(int job, const records::JobSeen* recorded) {
  std::optional<sandbox::JobLook> then;
  if (recorded) {
    auto look = co_await Look(job, recorded);
    if (!look) co_return ToldOr(look.error());
    then = std::move(*look);
  }
  Hear();
  bool ran = recorded ? recorded->running : !jobs_[job].end;
  Deadline control = Deadline::In(kStepTime);
  PODIUM_CO_TRY(co_await context_.sandbox.StopJob(job - skipped_, control));
  auto look = co_await Look(job, nullptr);
  if (!look) co_return ToldOr(look.error());
  if (then) look->output = std::move(then->output);
  if (then) look->first = then->first;
  if (ran) look->so_far.stopped = true;
  ToolOutcome out = Shown(job, *look, false);
  out.jobs.back().running = ran;
  co_return out;
}

Task<Result<ToolOutcome>> JobTools::List(const std::vector<records::JobSeen>& recorded) {
  Hear();
  ToolOutcome out;
  for (auto& [number, job] : jobs_) {
    const records::JobSeen* seen = SeenOf(recorded, number);
    Deadline patience = Deadline::In(kSlowerMachine * context_.exec_limit);
    if (seen && !seen->running) PODIUM_CO_TRY(co_await WaitFor(number, patience));
    bool running = seen ? seen->running : !job.end;
    std::string state = running || !job.end ? "running" : EndText(*job.end);
    out.text += std::to_string(number) + ": " + state + ": " +
                Observation(job.command, limits_.observation / 10) + "\n";
    out.jobs.push_back({number, job.seen, running});
  }
  if (out.text.empty()) out.text = "[no jobs]";
  co_return out;
}

}  // namespace podium::agents
