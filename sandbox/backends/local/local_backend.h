#pragma once

#include <memory>

#include "base/async/reactor.h"
#include "base/result.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

// Commands as the agent's user on this machine's own root, with /home and the data in their places
// and no isolation at all: for debugging a task or a scaffold where no runtime works. Its isolation
// record, which every verdict carries, says so.
[[nodiscard]] Result<std::unique_ptr<Backend>> MakeLocalBackend(Reactor& reactor);

}  // namespace podium::sandbox
