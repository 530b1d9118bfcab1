// P, continued: the supervisor inside, and what of the kernel's memory no group accounts for.
#include <chrono>

#include "sandbox/escape/groups.h"
#include "sandbox/escape/shell.h"

namespace podium::sandbox::escape {
namespace {

using std::chrono::seconds;

// The probe changes what it can of PID 1; then much output and another command must still come.
Task<CaseResult> ReachesForInit(Context& context) {
  auto body = [&context](Sandbox& box) -> Task<CaseResult> {
    auto tried = co_await ProbeIn(context, box, "P16");
    auto much = co_await Shell(box, "head -c 3000000 /dev/zero");
    auto alive = co_await Shell(box, "echo alive");
    bool whole =
        much.end == ExecEnd::kExited && much.output_bytes == 3'000'000 && alive.output == "alive\n";
    co_return Both(tried, HeldIf(whole, "afterwards a command ended as " +
                                            std::string(ExecEndText(much.end))));
  };
  auto spec = context.MakeSpec("p16");
  co_return co_await InOwnBox(context, std::move(spec), body);
}

// Everything spins on the CPU that PID 1 was sent to, and the deadline must still hold.
Task<CaseResult> StarvesInit(Context& context) {
  // gVisor schedules by itself, and its processes are many threads of the host's.
  bool gvisor = context.backend_name == "runsc";
  std::string many = gvisor ? "20" : "80";
  Millis most(gvisor ? 8000 : 2500);
  auto body = [many, most](Sandbox& box) -> Task<CaseResult> {
    constexpr Millis kLimit(3000);
    auto r = co_await Shell(
        box,
        "renice -n 19 -p 1 2>/dev/null; taskset -pc 0 1 2>/dev/null; i=0; while [ $i -lt " + many +
            " ]; do taskset -c 0 sh -c 'while :; do :; done' & i=$((i+1)); done; wait",
        kLimit);
    auto over = (r.wall - kLimit).count();
    co_return HeldIf(r.end == ExecEnd::kTimeLimit && r.wall < kLimit + most,
                     "ended as " + std::string(ExecEndText(r.end)) + " " + std::to_string(over) +
                         " ms after the deadline");
  };
  auto spec = context.MakeSpec("p17");
  co_return co_await InOwnBox(context, std::move(spec), body);
}

// PID 1 is gone (gVisor lets a process end it): an end of that command, and the files are there.
Task<CaseResult> LosesInit(Context& context) {
  if (context.backend_name != "runsc")
    co_return Skipped("only gVisor lets a process of the sandbox end its PID 1");
  auto body = [&context](Sandbox& box) -> Task<CaseResult> {
    auto r = co_await Shell(
        box, "echo id,y > /home/submission/submission.csv; sync; kill -9 1; sleep 20");
    Deadline deadline = Deadline::In(seconds(30));
    auto sealed = co_await box.Seal(deadline);
    auto taken = co_await box.TakeFile("/home/submission/submission.csv", context.scratch / "p20",
                                       1000, deadline);
    bool survived = r.end == ExecEnd::kTimeLimit || r.end == ExecEnd::kExited;
    bool right = survived || r.end == ExecEnd::kInitGone;
    co_return HeldIf(right && sealed && taken && taken->fault == TakeFault::kNone,
                     "ended as " + std::string(ExecEndText(r.end)));
  };
  auto spec = context.MakeSpec("p20");
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> ManyLocks(Context& context) {
  if (context.backend_name == "runsc")
    co_return Skipped("gVisor's locks are memory of the sandbox");
  auto body = [&context](Sandbox& box) -> Task<CaseResult> {
    std::vector<std::string> little = {"200"};
    auto few = co_await ProbeIn(context, box, "P18", std::move(little));
    if (few.outcome != Outcome::kHeld) co_return few;
    auto r = co_await Shell(box, "exec /home/agent/podium-probe P18 x 1000000");
    auto alive = co_await Shell(box, "echo alive");
    co_return HeldIf(r.end == ExecEnd::kMemoryLimit && alive.output == "alive\n",
                     "a million locks: ended as " + std::string(ExecEndText(r.end)) + " in " +
                         std::to_string(r.wall.count()) + " ms; " + r.output);
  };
  auto spec = context.MakeSpec("p18");
  co_return co_await InOwnBox(context, std::move(spec), body);
}

Task<CaseResult> UnreadConnections(Context& context) {
  auto body = [&context](Sandbox& box) -> Task<CaseResult> {
    for (const auto& left_out : box.isolation().not_enforced) {
      if (left_out == "memory" || left_out == "tcp")
        co_return Skipped(left_out + " is not limited here, as the record says");
    }
    std::vector<std::string> args = {std::to_string(context.spec.limits.memory_bytes)};
    auto tried = co_await ProbeIn(context, box, "P19", std::move(args));
    bool killed = tried.detail.find("memory_limit") != std::string::npos;
    co_return killed ? Held("ended as memory_limit") : tried;
  };
  auto spec = context.MakeSpec("p19");
  co_return co_await InOwnBox(context, std::move(spec), body);
}

}  // namespace

std::vector<Case> SupervisorCases() {
  return {{"P16", "change PID 1's limits, priority and CPUs", "BLOCK", false, ReachesForInit},
          {"P17", "keep PID 1 from running past the deadline", "LIMIT", false, StarvesInit},
          {"P18", "a million file locks", "LIMIT", false, ManyLocks},
          {"P19", "TCP connections that nobody reads", "LIMIT", false, UnreadConnections},
          {"P20", "end PID 1 with a submission there", "NOEFFECT", false, LosesInit}};
}

}  // namespace podium::sandbox::escape
