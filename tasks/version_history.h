#pragma once

#include <filesystem>

#include "base/result.h"

namespace podium::tasks {

// Refuses a tree that holds a version-control history: commits behind the base, reflogs, tags and
// packs have given agents the solutions of other benchmarks. Looks for repositories of Git (whole,
// bare, a worktree's pointer), Mercurial, Subversion, Bazaar, Darcs, CVS and Fossil, and for Git's
// packs and bundles by their first bytes. Follows no link.
[[nodiscard]] Status RefuseVersionHistory(const std::filesystem::path& tree);

}  // namespace podium::tasks
