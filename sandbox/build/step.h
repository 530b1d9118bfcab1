#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/async/reactor.h"
#include "base/clock.h"
#include "base/result.h"
#include "sandbox/images/layer_recipe.h"
#include "sandbox/images/recipe_lock.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

// What a step stands on and where it puts what it makes.
struct StepGround {
  std::vector<std::filesystem::path> roots;  // layers below, topmost first
  std::vector<std::pair<std::string, std::string>> env;
  Registries registries;
  std::filesystem::path recipe_folder;
  std::filesystem::path temp;  // of this step alone
  std::string id;              // of its sandbox
};

// What it made.
struct StepResult {
  std::filesystem::path tar;           // the layer
  std::vector<LockedPackage> fetched;  // of apt, pip and npm
  std::string npm_lock;
};

// Does one step in a sandbox of its own; `copy` needs none. With `locked` what is fetched is what
// stands there, or the step fails. Errors begin with the step's place in its recipe.
[[nodiscard]] Task<Result<StepResult>> DoStep(Reactor& reactor, Backend& backend,
                                              const RecipeStep& step, const StepGround& ground,
                                              const RecipeLock* locked, Deadline deadline);

// What pip's installation report (format 1) says was installed.
[[nodiscard]] Result<std::vector<LockedPackage>> PipPackages(const std::string& report);

// Lines of a requirements file with which pip takes these bytes and no others.
[[nodiscard]] std::string PipRequirements(const std::vector<LockedPackage>& locked);

}  // namespace podium::sandbox
