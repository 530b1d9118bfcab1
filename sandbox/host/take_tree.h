#pragma once

#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/taken.h"

namespace podium::sandbox {

// Copies what lies in a folder that an agent may have written to into `to` (made; a folder of
// ours), while assuming that everything in it is a trap: each folder is opened from its parent's
// descriptor without following a link or a mount, each file is taken by TakeForTree and all made
// durable at the end. Copies have mode 0644 and belong to the caller. Entries are taken in the
// order of their names. Blocking, until the deadline at most: what was copied by then stays, and
// the tree is not complete.
[[nodiscard]] Result<TakenTree> TakeTreeBeneath(int root_fd, const std::string& relative,
                                                const std::filesystem::path& to,
                                                const TreeCaps& caps, Deadline deadline);

}  // namespace podium::sandbox
