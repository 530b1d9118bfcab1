#pragma once

#include <memory>
#include <string>

#include "base/async/reactor.h"
#include "base/result.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

// Sandboxes that a container engine makes: "docker" or "podman", through its API. The engine must
// run on this machine, for workspace and data are mounted from here.
[[nodiscard]] Result<std::unique_ptr<Backend>> MakeEngineBackend(const std::string& engine,
                                                                 Reactor& reactor);

}  // namespace podium::sandbox
