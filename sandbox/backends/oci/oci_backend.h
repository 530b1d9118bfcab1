#pragma once

#include <memory>
#include <string>

#include "base/async/reactor.h"
#include "base/result.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

// Sandboxes on an OCI runtime of this host: "runc", "crun" or "runsc".
[[nodiscard]] Result<std::unique_ptr<Backend>> MakeOciBackend(const std::string& runtime,
                                                              Reactor& reactor);

}  // namespace podium::sandbox
