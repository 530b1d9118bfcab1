#pragma once

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/gateway/gateway.h"
#include "agents/knowledge/service.h"
#include "agents/validator/validator.h"
#include "base/async/reactor.h"
#include "base/async/stop_token.h"
#include "base/clock.h"
#include "base/result.h"
#include "harness/plan/plan.h"
#include "harness/store/journal.h"
#include "sandbox/sandbox.h"

namespace podium::harness {

// What a trial's container can talk to: MLE-bench's validator at localhost:5000 and, where the
// agent's plan names models, the gateway to them at localhost:8000, and at port 443 under the names
// of the vendors' hosts. Lives while the scaffold runs.
class TrialServices {
 public:
  // disk_bytes: of the sandbox, which no file that is sent to be checked may exceed. sandboxes: how
  // many of them there will be.
  TrialServices(Reactor& reactor, Journal& journal, agents::Validator::CheckShape check,
                std::filesystem::path trial_dir, std::uint64_t disk_bytes, int sandboxes);

  // Before Open. Does nothing where the agent asks no model.
  [[nodiscard]] Status AddModels(HttpClient& http, agents::ProviderGate& gate,
                                 const AgentPlan& agent, int seed);
  // Before Open. Does nothing where there is nothing to be looked up.
  void AddKnowledge(agents::Knowledge knowledge);
  // The trial's way to models; nullptr where the agent asks none.
  [[nodiscard]] agents::TrialModels* models() { return models_.get(); }

  // What a sandbox is to be made with for them. Blocks.
  void Prepare(sandbox::SandboxSpec& spec) const;

  // Opens the ports in the sandbox of this worker, once it is made. Without its gateway an agent
  // cannot work; of the validator a backend that hands none out is an event "service" with its
  // reason, not an error.
  [[nodiscard]] Task<Status> Open(int worker, sandbox::Sandbox& box, bool with_validator,
                                  Deadline deadline);

  // Serves until cancelled, each sandbox from when its ports are open.
  [[nodiscard]] Task<void> Serve();

  // Ends the gateway's token. An error: what models were asked could not be recorded.
  [[nodiscard]] Task<Status> End();

  // By which a program finds the gateway, its token and its models.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> Environment() const;
  // What was spent on models over all attempts; nothing where none may be asked.
  [[nodiscard]] std::optional<records::ModelsSpent> ModelsSpent() const;

  [[nodiscard]] const agents::ValidationCounts& validations() const { return validator_.counts(); }

 private:
  // The ports of one sandbox; none of those that are not open.
  struct Ports {
    StopSource opened;  // raised once they are
    UniqueFd validator, gateway, vendors, knowledge;
  };

  [[nodiscard]] agents::TrialModelsOptions OptionsOf(const AgentPlan& agent, int seed) const;
  [[nodiscard]] Task<void> ServeSandbox(Ports& ports);
  [[nodiscard]] Task<Status> OpenGateway(Ports& ports, sandbox::Sandbox& box, Deadline deadline);
  Reactor& reactor_;
  Journal& journal_;
  std::filesystem::path trial_dir_;
  std::uint64_t disk_bytes_;
  agents::Validator validator_;
  std::deque<Ports> ports_;         // by worker
  bool validator_missing_ = false;  // the backend hands none out
  std::unique_ptr<agents::TrialModels> models_;
  bool priced_ = false;  // what each model costs is known
  std::unique_ptr<agents::Gateway> gateway_;
  std::unique_ptr<agents::KnowledgeService> knowledge_;
};

// What lies in /home of every trial: instructions.txt and, where it has the validator,
// validate_submission.sh.
[[nodiscard]] std::vector<sandbox::HomeFile> HomeFiles(const TrialPlan& plan);

// instructions.txt: what every agent is told of its surroundings, whatever the task.
[[nodiscard]] std::string AgentInstructions(const TrialPlan& plan);

// How often the validator was asked in earlier attempts of a trial.
[[nodiscard]] agents::ValidationCounts ValidationsIn(const std::vector<JournalLine>& lines);

}  // namespace podium::harness
