#pragma once

#include "base/foreign_folder.h"
#include "base/result.h"

namespace podium::tasks {

// Refuses a tree that holds a version-control history: commits behind the base, reflogs, tags and
// packs have given agents the solutions of other benchmarks. Looks for repositories of Git (whole,
// bare, a worktree's pointer), Mercurial, Subversion, Bazaar, Darcs, CVS and Fossil, and for Git's
// packs and bundles by their first bytes. A link is an error.
[[nodiscard]] Status RefuseVersionHistory(const ForeignFolder& tree);

}  // namespace podium::tasks
