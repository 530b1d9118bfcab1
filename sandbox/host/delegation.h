#pragma once

#include <set>
#include <string>
#include <vector>

#include "sandbox/host/host_paths.h"

namespace podium::sandbox {

// The control groups that this host has handed to an ordinary user: the one that the process is in,
// where the user may make groups below it. A runtime makes the sandbox's there.
struct Delegation {
  std::vector<CgroupDir> parents;     // below which a sandbox's groups come to lie
  std::set<std::string> controllers;  // of "memory", "pids", "cpu": those that are limited
};

// Looks, and changes nothing.
[[nodiscard]] Delegation LookForDelegation();

// Looks once a process. On v2, where a group that has processes cannot hand a controller down, this
// process first moves into a group of its own ("podium") below; where others stay behind, nothing
// is delegated. Any thread.
[[nodiscard]] const Delegation& TakeDelegation();

// How a user comes to have one, for messages.
[[nodiscard]] std::string DelegationAdvice();

}  // namespace podium::sandbox
