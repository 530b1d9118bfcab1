#pragma once

#include <set>
#include <string>
#include <string_view>

namespace podium::tests {

// What sandboxes whose id contains `id_part` hold on this host now: mounts, cgroups of any
// controller, folders, records, the runtimes' state, files behind loop devices. Empty when nothing
// is left of them; what other sandboxes hold is not seen, so tests may run beside others.
[[nodiscard]] std::set<std::string> SandboxTraces(std::string_view id_part);

}  // namespace podium::tests
