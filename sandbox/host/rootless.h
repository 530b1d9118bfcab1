#pragma once

#include <filesystem>

#include "base/result.h"

namespace podium::sandbox {

// Podium as an ordinary user. It runs itself in a user namespace of its own, where it is root over
// the ids that /etc/subuid and /etc/subgid give that user (0 is the user, 1 to 65,535 are the
// range's), and in a mount namespace whose mounts end with it. The rest of the program makes
// sandboxes there as root does on the host, but for what IsRootless() changes.
[[nodiscard]] bool IsRootless();

// For an ordinary user: starts this program anew in such namespaces, as the same process, so that
// terminal, signals and exit code are its own; comes back only with an error, which says what to
// install or to set. For root, and inside: does nothing. Call it before there are threads.
[[nodiscard]] Status EnterRootless();

// Whether EnterRootless would work, tried in a child. Before there are threads.
[[nodiscard]] Status TryRootless();

// Inside: the folder that is covered by a file system of this process alone, for mount points.
[[nodiscard]] std::filesystem::path RootlessMounts();

}  // namespace podium::sandbox
