#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/async/reactor.h"
#include "base/clock.h"
#include "base/result.h"
#include "sandbox/images/image.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

struct LayeredOptions {
  std::filesystem::path recipe;
  bool update = false;  // the lock is made anew
  SayProgress progress;
};

struct Built {
  Image image;
  bool was_there = false;
  std::filesystem::path lock;
  std::vector<std::string> notes;  // for the person
};

// Builds the image of a recipe given by path (podium-recipe/1), each step in a sandbox of its own
// as the agent's user, who owns the root there; a step that fetches reaches the registries alone.
// Writes the lock beside the recipe, or, where there is one, refuses (kDigest) what is not in it.
// A layer that is there is used again. Needs root and a backend with Sandbox::TakeRoot.
[[nodiscard]] Task<Result<Built>> BuildLayered(Reactor& reactor, Backend& backend,
                                               LayeredOptions options, std::filesystem::path cache,
                                               Deadline deadline);

}  // namespace podium::sandbox
