#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/layer_keeper.h"
#include "agents/options.h"
#include "agents/proposer.h"
#include "agents/trial_context.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"

namespace podium::agents {

class ChatClient;

// Where the file that is graded comes from.
enum class HandsIn {
  kNothing,    // there is none
  kFinalFile,  // what lies in the sandbox when the agent ends
  kChosen,     // a candidate that the scaffold has taken out and names in its outcome
  kAnswers,    // the task's own answers: the scaffold is never run
};

// A scaffold whose options are read and found good: what every trial of an agent shares.
struct ConfiguredScaffold {
  int nodes = 1;             // TrialContext::max_nodes
  int workers = 1;           // sandboxes that a trial has at the same time
  bool limits_each = false;  // each of them has the trial's limits; else they share them
  // What of labels that the agent does not have takes part in its work, a line each:
  // "search.feedback: hidden". Every verdict says so.
  std::vector<std::string> reveals;
  bool hidden_split = false;  // the trial has one
  bool leaderboard = false;   // its programs are told their place on the leaderboard
  bool validator = true;      // its sandboxes have the validator and its script
  // In what its trials differ from the agent as it is published, a line each ("program.reprompt:
  // until-budget"): every verdict says so.
  std::vector<std::string> variants;
  LayerPolicy layers = LayerPolicy::kNone;  // which workspaces are kept for a fork
  // Of one program's run, where budget.exec is left to it; never more than the trial's time.
  std::optional<Millis> exec;
  // What instructions.txt says in place of Podium's own text.
  std::optional<std::string> instructions;
  // Of the agent's own files, where it has some: what lock.json says of them.
  std::optional<Digest> files;
  // A trial's; null where it takes no proposer. nullptr for kAnswers and for what needs no sandbox.
  std::function<std::unique_ptr<Scaffold>(std::unique_ptr<Proposer>)> make;
  // The same of one that asks a model by itself (ScaffoldInfo::asks_model).
  std::function<std::unique_ptr<Scaffold>(std::unique_ptr<ChatClient>)> make_asking;
};

// What the rest of Podium knows of a scaffold; nobody compares its name.
struct ScaffoldInfo {
  std::string name;
  std::string help;  // a line
  bool needs_sandbox = true;
  bool takes_proposer = false;
  bool asks_model = false;    // by itself, without a proposer
  bool uses_gateway = false;  // its program asks models through the trial's gateway
  bool is_baseline = false;   // tries nothing: its time says nothing of an agent
  bool owns_home = false;     // /home is its own to write to, with what the image has of it
  HandsIn hands_in = HandsIn::kFinalFile;
  std::vector<OptionSpec> options;       // its own
  std::vector<std::string> also_usable;  // general settings that it uses: "budget.nodes", ...
  std::function<Result<ConfiguredScaffold>(const OptionReader&)> configure;
};

// All scaffolds, in the order in which help names them.
[[nodiscard]] const std::vector<ScaffoldInfo>& Scaffolds();
[[nodiscard]] const ScaffoldInfo* FindScaffold(std::string_view name);  // nullptr: none
[[nodiscard]] std::vector<std::string> ScaffoldNames();

// Adds one. To be called before anything looks for scaffolds; an error (kInternal) when the name is
// taken.
[[nodiscard]] Status RegisterScaffold(ScaffoldInfo info);

}  // namespace podium::agents
