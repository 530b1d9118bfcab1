#pragma once

#include <vector>

#include "sandbox/escape/cases.h"

namespace podium::agents {

// Group N's attempts on the gateway (N06, N09 to N16): an agent in a sandbox of its own against a
// gateway whose provider is scripted. Judged by what the agent saw, what reached the provider and
// which events there are. They need python3 in the image and a backend that hands out listening
// sockets, and are skipped without.
[[nodiscard]] std::vector<sandbox::escape::Case> GatewayCases();

}  // namespace podium::agents
