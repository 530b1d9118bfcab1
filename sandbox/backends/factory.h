#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/async/reactor.h"
#include "base/result.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

// `name`: "runc", "crun", "runsc" (OCI runtimes), "docker", "podman" (engines, through their
// socket), "unsafe-local" (no isolation: for debugging). An error says what this host lacks.
// `reactor` must outlive it. A new backend is a folder beside this file and a name here.
[[nodiscard]] Result<std::unique_ptr<Backend>> MakeBackend(const std::string& name,
                                                           Reactor& reactor);
[[nodiscard]] std::vector<std::string> BackendNames();

}  // namespace podium::sandbox
