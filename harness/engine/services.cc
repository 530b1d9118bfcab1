#include "harness/engine/services.h"

#include <string_view>

#include "agents/trial_context.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::harness {

std::vector<sandbox::HomeFile> HomeFiles(const TrialPlan& plan) {
  return {{"instructions.txt", AgentInstructions(plan), 0644},
          {"validate_submission.sh", std::string(agents::ValidateScript()), 0755}};
}

TrialServices::TrialServices(Reactor& reactor, Journal& journal,
                             agents::Validator::CheckShape check, std::filesystem::path trial_dir)
    : journal_(journal),
      trial_dir_(std::move(trial_dir)),
      validator_(reactor, std::move(check), journal) {
  validator_.Resume(ValidationsIn(journal.events()));
}

Task<Status> TrialServices::Open(sandbox::Sandbox& box, Deadline deadline) {
  auto listener = co_await box.Listen(agents::kValidatorPort, deadline);
  if (listener) {
    validator_listener_ = std::move(*listener);
    co_return Status{};
  }
  Json body = {{"service", "validator"}, {"missing", listener.error().message}};
  co_return journal_.Record("service", DumpJson(body));
}

Task<void> TrialServices::Serve() {
  if (validator_listener_) co_await validator_.Serve(std::move(validator_listener_), trial_dir_);
  // A service that is missing does not end the trial.
  for (;;) {
    Deadline later = Deadline::In(std::chrono::hours(1));
    co_await SleepUntil(later);
  }
}

std::string AgentInstructions(const TrialPlan& plan) {
  std::string text =
      "You are to solve a machine-learning competition on your own.\n"
      "\n"
      "- /home/data holds the competition: description.md says what is asked, the other files are "
      "its\n"
      "  data and a sample submission. It cannot be written to.\n"
      "- Write your predictions to /home/submission/submission.csv, in the form of the sample\n"
      "  submission. Only this file is graded, whatever the description says of other places, and "
      "only\n"
      "  as it is when your time ends: overwrite it whenever you have something better.\n"
      "- Train models on the data you are given. Do not label test rows by hand, and do not look "
      "for the\n"
      "  competition's answers or for other people's solutions.\n"
      "- Keep your code in /home/code and what you want to be kept of logs in /home/logs.\n"
      "- bash /home/validate_submission.sh FILE says whether a file has the right shape. It knows "
      "no\n"
      "  answers and gives no score.\n"
      "- There is no network beyond this machine.\n"
      "\n";
  text += "Working time: " + FormatDuration(plan.wall) +
          ". Cores: " + FormatDouble(plan.limits.cpus) +
          ". Memory: " + FormatBytes(plan.limits.memory_bytes) + ".\n";
  return text;
}

agents::ValidationCounts ValidationsIn(const std::vector<JournalEvent>& events) {
  agents::ValidationCounts counts;
  for (const auto& event : events) {
    auto body = ParseJson(event.body_json, "journal event");
    if (!body) continue;
    if (event.type == "validation")
      ++(JsonOr(*body, "valid", false) ? counts.valid : counts.invalid);
    if (event.type == "paused") counts.refused = JsonOr(*body, "validations_refused", 0);
  }
  return counts;
}

}  // namespace podium::harness
