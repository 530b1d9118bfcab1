#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/process_owner.h"
#include "base/result.h"

namespace podium::records {

// A trial's lease.json: who works on it, and how much of the attempt was worked at the last
// heartbeat.
struct LeaseRecord {
  ProcessOwner owner;
  bool held = true;         // false: given back
  std::int64_t number = 0;  // of this trial's leases; each is larger than those before
  std::int64_t beat = 0;    // ms since the epoch
  int attempt = 0;          // 1, 2, ...; 0: none has begun
  Millis worked{0};
};

// One line of JSON, "podium-lease/2".
[[nodiscard]] std::string ToText(const LeaseRecord& lease);
// The place in that text, and the text of the same length there, that give the lease back.
inline constexpr std::size_t kLeaseStateAt = 36;
inline constexpr std::string_view kLeaseFree = "free";
// Reads "podium-lease/2" and what was written before it had a schema (without a number: 0). A line
// without an owner is an error (kIo).
[[nodiscard]] Result<LeaseRecord> ParseLease(std::string_view text, std::string_view where);

}  // namespace podium::records
