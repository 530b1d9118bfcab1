#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace podium::sandbox {

// What a step of a recipe does. They are done in this order, each as a layer of the image.
enum class StepKind { kApt, kPip, kNpm, kCopy, kRun, kRemove };
[[nodiscard]] std::string_view StepText(StepKind kind);  // "apt", "pip", ...

struct RecipeStep {
  StepKind kind = StepKind::kRun;
  std::vector<std::string> words;  // packages, the one command, paths inside
  std::vector<std::pair<std::string, std::string>> copies;  // beside the recipe, to inside
  std::vector<std::string> sources;  // of pip: packages that have no wheel and are built
  std::string place;                 // "my.yaml:4"
};

// Where packages come from, in place of what this host's pip and npm are configured with.
struct Registries {
  std::string pip, npm;            // URLs
  std::vector<std::string> hosts;  // further hosts that a build may reach
};

// An image as layers upon another: a file of the user's (podium-recipe/1).
struct LayerRecipe {
  std::filesystem::path file;
  std::string stem;  // of the image's name: the file's, without .yaml
  std::string from;  // the image below
  std::string from_place;
  std::vector<RecipeStep> steps;
  std::vector<std::pair<std::string, std::string>> env;
  Registries registries;
  std::string text;  // the file's
};

// Whether an image is named by the path of its recipe ("./my.yaml", "images/my.yaml", "/x/my.yaml")
// and not by its name.
[[nodiscard]] bool IsRecipePath(std::string_view image);

// Errors name file and line.
[[nodiscard]] Result<LayerRecipe> ReadLayerRecipe(const std::filesystem::path& file);

// A file that a recipe copies.
struct CopiedFile {
  std::string from;    // beside the recipe
  std::string inside;  // without the first '/'
  std::string sha256;
  bool executable = false;
};

// All of them, folders walked, in the recipe's order. Read without links, beneath the recipe's
// folder. Blocks.
[[nodiscard]] Result<std::vector<CopiedFile>> CopiedFiles(const LayerRecipe& recipe);

}  // namespace podium::sandbox
