#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace podium::agents {

struct ImportedAgent {
  std::string id;
  std::filesystem::path file;      // podium-agent/1
  std::vector<std::string> notes;  // what its user still has to do
};

// Reads agents/*/config.yaml of a checkout of MLE-bench, which nobody trusts, and writes to `to`
// for each agent there a file that `podium run --agent` takes, with its folder beside it. Of its
// variables, those that say its budget become Podium's budgets, and keys of model providers are
// left to the gateway. With `instructions` its program finds MLE-bench's own text in
// /home/instructions.txt. Errors name file and line; what is there in `to` is not overwritten.
[[nodiscard]] Result<std::vector<ImportedAgent>> ImportMleBenchAgents(
    const std::filesystem::path& checkout, const std::filesystem::path& to, bool instructions);

}  // namespace podium::agents
