#include "agents/scaffolds/baselines.h"

#include "agents/scaffolds/exec_event.h"

namespace podium::agents {
namespace {

class SampleSubmission final : public Scaffold {
 public:
  Task<Result<AgentOutcome>> Run(TrialContext& context) override {
    context.on_phase("copying the sample submission");
    sandbox::ExecSpec spec;
    spec.argv = {"cp", "/home/data/sample_submission.csv", context.task.submission_path};
    auto result = co_await context.sandbox.Exec(std::move(spec), context.deadline);
    if (!result) co_return tl::unexpected(result.error());
    records::Event event = ExecEvent("cp sample_submission.csv", *result);
    auto recorded = co_await context.events.Append(std::move(event));
    if (!recorded) co_return tl::unexpected(recorded.error());
    AgentOutcome outcome;
    outcome.end = EndOf(*result);
    co_return outcome;
  }
};

ScaffoldInfo Baseline(std::string name, std::string help, HandsIn hands_in) {
  ScaffoldInfo out;
  out.name = std::move(name);
  out.help = std::move(help);
  out.needs_sandbox = false;
  out.is_baseline = true;
  out.hands_in = hands_in;
  out.configure = [](const OptionReader&) -> Result<ConfiguredScaffold> {
    return ConfiguredScaffold{};
  };
  return out;
}

}  // namespace

ScaffoldInfo NopScaffold() {
  return Baseline("nop", "does nothing: a trial without a submission", HandsIn::kNothing);
}

ScaffoldInfo OracleScaffold() {
  return Baseline("oracle", "hands in the task's own answers", HandsIn::kAnswers);
}

ScaffoldInfo SampleSubmissionScaffold() {
  ScaffoldInfo out =
      Baseline("sample-submission", "hands in the sample submission as it is", HandsIn::kFinalFile);
  out.needs_sandbox = true;
  out.configure = [](const OptionReader&) -> Result<ConfiguredScaffold> {
    ConfiguredScaffold configured;
    configured.make = [](std::unique_ptr<Proposer>) -> std::unique_ptr<Scaffold> {
      return std::make_unique<SampleSubmission>();
    };
    return configured;
  };
  return out;
}

}  // namespace podium::agents
