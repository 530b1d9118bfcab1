#pragma once

#include <filesystem>
#include <memory>

#include "agents/models/chat_client.h"
#include "agents/operators/prompt_set.h"
#include "agents/proposer.h"
#include "agents/proposers/llm/memory.h"

namespace podium::agents {

// What programs have of the validator, and prompts of what a look at a submission's shape said.
enum class ValidatorUse {
  kOff,     // neither
  kTold,    // prompts say what is wrong with a submission; the validator is there and not spoken of
  kOffered  // prompts name it as well
};

struct LlmSettings {
  double temperature = 0.5;
  int max_tokens = 2048;
  std::size_t description_bytes = 6000;  // of the task's text in a prompt
  std::size_t preview_bytes = 4000;
  std::size_t output_bytes = 3000;           // of a failed program's output
  std::size_t code_bytes = 12000;            // of a program that is shown
  bool starter_code = false;                 // show drafts code that loads and encodes the tables
  std::shared_ptr<const PromptSet> prompts;  // never null where a prompt is made
  Memory memory = Memory::kSimple;
  Feedback feedback = Feedback::kOwn;
  bool complexity_cue = false;
  bool data_preview = true;
  bool budget_in_prompt = false;
  bool leak_check = false;
  ValidatorUse validator = ValidatorUse::kTold;
  int extraction_tries = 3;  // answers asked for until one holds code
};

// Models for parts of the work; nullptr: the model of all.
struct RoleClients {
  std::unique_ptr<ChatClient> code;    // writes a program: draft, crossover, ensemble
  std::unique_ptr<ChatClient> edit;    // changes one: debug, improve
  std::unique_ptr<ChatClient> review;  // answers a question about one
};

// Operators by prompting a chat model. An answer without code is asked for again, then the step
// fails as the agent's fault "no_code"; a prompt that does not fit the model's context is halved
// twice, then "context_overflow"; what the trial's budget does not hold
// ends the search ("model_budget"); a server that cannot be reached or refuses is an error.
[[nodiscard]] std::unique_ptr<Proposer> MakeLlmProposer(std::unique_ptr<ChatClient> client,
                                                        LlmSettings settings,
                                                        RoleClients roles = {});

}  // namespace podium::agents
