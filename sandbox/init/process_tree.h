#pragma once

#include <sys/types.h>

namespace podium::sandbox::init {

// Kills every process of this namespace but init, those of `spared` and what descends from them.
// False: they were born faster than they could be found, and some are left.
bool KillApartFrom(const pid_t* spared, int count);

// Kills every process that descends from `ancestor`, itself apart. The same.
bool KillBelow(pid_t ancestor);

}  // namespace podium::sandbox::init
