#pragma once

#include <sys/types.h>

// What podium-init may do that no command of the agent may. Part of podium-init: libc alone.
namespace podium::sandbox::init {

// Becomes `user` (and the group of that number) and keeps, of the capabilities it was started with,
// those of GiveUpPrivileges and to kill. False where the kernel refused.
[[nodiscard]] bool BecomeInit(uid_t user);

// Of a child: becomes `user` without a capability in any of the five sets. For good.
[[nodiscard]] bool GiveUpPrivileges(uid_t user);

}  // namespace podium::sandbox::init
