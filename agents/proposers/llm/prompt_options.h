#pragma once

#include <span>

#include "agents/options.h"
#include "agents/proposers/llm/llm_proposer.h"

namespace podium::agents {

// What a prompt holds: options of every scaffold whose proposer is a model.
[[nodiscard]] std::span<const OptionSpec> PromptOptions();

// Reads them, and loads the prompts that they name. Blocks.
[[nodiscard]] Status TakePromptOptions(const OptionReader& options, LlmSettings& out);

}  // namespace podium::agents
