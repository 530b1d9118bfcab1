#pragma once

#include "sandbox/escape/cases.h"

namespace podium::sandbox::escape {

// Whether the device control group holds by itself, whatever nodes there are: a process of the
// host that enters the sandbox's group, as root, must not open a device that the sandbox was not
// given. For backends whose containers run on the host's kernel.
[[nodiscard]] Task<CaseResult> DeviceGroupHolds(Context& ctx, Sandbox& box);

}  // namespace podium::sandbox::escape
