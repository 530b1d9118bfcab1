#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/images/layer_recipe.h"

namespace podium::sandbox {

// Something that was fetched.
struct LockedPackage {
  std::string name, version;
  std::string file;  // of pip and apt; the place in node_modules of npm
  std::string hash;  // SHA-256 in hex; of npm the registry's own ("sha512-...")
  friend bool operator==(const LockedPackage&, const LockedPackage&) = default;
};

// What an image was made from, beside its recipe as my.lock.json (podium-image-lock/1).
struct RecipeLock {
  std::string from, from_digest;
  std::map<std::string, std::vector<std::string>> asked;      // the recipe's words, by step
  std::map<std::string, std::vector<LockedPackage>> fetched;  // by "apt", "pip", "npm"
  std::string npm_lock;                                       // npm's own package-lock.json
  std::vector<LockedPackage> copied;  // name: beside the recipe; file: where inside
  std::vector<std::string> layers;    // digests, in the order of the steps
};

[[nodiscard]] std::filesystem::path LockPath(const LayerRecipe& recipe);
// Nothing where there is none.
[[nodiscard]] Result<std::optional<RecipeLock>> ReadLock(const LayerRecipe& recipe);
[[nodiscard]] Result<RecipeLock> ParseLock(const std::string& text, const std::string& name);
[[nodiscard]] std::string LockText(const RecipeLock& lock);

// What of a lock the recipe itself says: `from`, `asked` and `copied`.
[[nodiscard]] Result<RecipeLock> LockOf(const LayerRecipe& recipe, const std::string& from_digest);

// A line for each thing in which `now` is not `locked` ("pip: numpy 2.1.0 instead of 2.0.0"),
// layers left aside; empty where they are the same.
[[nodiscard]] std::vector<std::string> Differences(const RecipeLock& locked, const RecipeLock& now);
// The same of one kind of packages.
[[nodiscard]] std::vector<std::string> PackageDifferences(const std::string& kind,
                                                          const std::vector<LockedPackage>& locked,
                                                          const std::vector<LockedPackage>& now);

// "packages" of a package-lock.json: what has a version.
[[nodiscard]] Result<std::vector<LockedPackage>> NpmPackages(const std::string& package_lock);

// Name of the image that the recipe makes with this lock, whose layers do not count:
// "my-0123456789ab".
[[nodiscard]] std::string LayeredName(const LayerRecipe& recipe, const RecipeLock& lock);

}  // namespace podium::sandbox
