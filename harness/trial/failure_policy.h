#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace podium::harness {

// Whether an attempt that ended with this error (CodeText) is replaced. One that would end the same
// way again (a configuration, a digest, a record that does not hold) is not.
[[nodiscard]] bool IsReplaced(std::string_view code);

// How long to wait after so many failures of a trial, 1 or more: pause x 2^(failures - 1), at most
// 10 minutes.
[[nodiscard]] Millis PauseAfter(int failures, Millis pause);

// In the context of an error: it says what the host lacks, for every trial alike.
inline const std::pair<std::string, std::string> kHostsLack = {"lacks", "host"};

// What keeps this host from running any trial at all: no space or no inodes where the folders lie,
// no descriptors; "" where there is nothing of the kind. An agent cannot bring it about: what it
// may take is limited. Blocks.
[[nodiscard]] std::string HostTrouble(const std::vector<std::filesystem::path>& folders);
// The same, or what the error says of it.
[[nodiscard]] std::string HostTrouble(const Error& error,
                                      const std::vector<std::filesystem::path>& folders);

}  // namespace podium::harness
