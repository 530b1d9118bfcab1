#include "agents/proposers/llm/prompt_options.h"

#include <string_view>
#include <utility>

#include "agents/scaffolds/search_options.h"

namespace podium::agents {
namespace {

const OptionSpec kOptions[] = {
    {"search.operators", "podium",
     "prompts: podium, aide, aira, or a folder of your own (a path with a '/')", true, true},
    {"search.prompt_variant", "default",
     "the same prompts said in another way: reworded, reordered, or another folder of the set's "
     "variants/"},
    {"search.memory", "simple",
     "what of earlier nodes a prompt holds: none, simple, plans-only, include-failures, sibling, "
     "ancestral"},
    {"search.complexity_cue", "false", "ask for more elaborate programs as a node gets children"},
    {"search.data_preview", "true", "show names, sizes and columns of the data"},
    {"search.leak_check", "false",
     "review each program that counts for answers that it cannot have; one that uses them counts "
     "no more"},
    {"search.validate_tool", "told",
     "told: prompts say what is wrong with a submission's shape; true: they name the validator as "
     "well; false: there is none, and they do not say"},
    {"search.budget_in_prompt", "false", "say how many programs are left"},
};

constexpr std::pair<std::string_view, Memory> kMemories[] = {
    {"none", Memory::kNone},
    {"simple", Memory::kSimple},
    {"plans-only", Memory::kPlansOnly},
    {"include-failures", Memory::kIncludeFailures},
    {"sibling", Memory::kSibling},
    {"ancestral", Memory::kAncestral}};

constexpr std::pair<std::string_view, Feedback> kFeedbacks[] = {{"none", Feedback::kNone},
                                                                {"validity", Feedback::kValidity},
                                                                {"own", Feedback::kOwn},
                                                                {"leaderboard", Feedback::kOwn},
                                                                {"hidden", Feedback::kOwn}};

// An error names the option that is at fault: that of a variant where there is one.
Result<std::shared_ptr<const PromptSet>> LoadPrompts(const OptionReader& options) {
  std::string variant = options.Text("search.prompt_variant");
  auto prompts = PromptSet::Load(PromptSet::Find(options.Text("search.operators")), variant);
  if (prompts) return prompts;
  std::string name = variant == PromptSet::kDefault ? "search.operators" : "search.prompt_variant";
  return Fail(prompts.error().code,
              options.Origin(name) + ": '" + name + "': " + prompts.error().message);
}

constexpr std::pair<std::string_view, ValidatorUse> kValidatorUses[] = {
    {"told", ValidatorUse::kTold}, {"true", ValidatorUse::kOffered}, {"false", ValidatorUse::kOff}};

}  // namespace

std::span<const OptionSpec> PromptOptions() { return kOptions; }

Status TakePromptOptions(const OptionReader& options, LlmSettings& out) {
  PODIUM_ASSIGN(out.memory, FindChoice(options, "search.memory", kMemories));
  PODIUM_ASSIGN(out.feedback, FindChoice(options, "search.feedback", kFeedbacks));
  PODIUM_ASSIGN(out.validator, FindChoice(options, "search.validate_tool", kValidatorUses));
  PODIUM_ASSIGN(out.complexity_cue, options.Bool("search.complexity_cue"));
  PODIUM_ASSIGN(out.data_preview, options.Bool("search.data_preview"));
  PODIUM_ASSIGN(out.budget_in_prompt, options.Bool("search.budget_in_prompt"));
  PODIUM_ASSIGN(out.prompts, LoadPrompts(options));
  PODIUM_ASSIGN(out.leak_check, options.Bool("search.leak_check"));
  if (out.leak_check && !out.prompts->Has("leak"))
    return Fail(ErrorCode::kConfig, options.Origin("search.leak_check") +
                                        ": 'search.leak_check' needs leak.md in " +
                                        PromptSet::Find(options.Text("search.operators")).string());
  return {};
}

}  // namespace podium::agents
