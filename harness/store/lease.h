#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace podium::harness {

// The right to work on one trial: a file in its folder that names the owner (base/process_owner.h)
// and its last heartbeat, renewed by Beat. It is free when nobody holds it, when its owner has
// died, or when an owner that cannot be looked for (another host or container) has not beaten for
// kLeaseStale. Destruction gives it back.
class Lease {
 public:
  // Empty when a living owner holds it.
  [[nodiscard]] static Result<std::optional<Lease>> TryTake(const std::filesystem::path& trial_dir,
                                                            const Clock& clock);
  Lease(Lease&& other) noexcept : path_(std::exchange(other.path_, {})), clock_(other.clock_) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  [[nodiscard]] Status Beat();

 private:
  Lease(std::filesystem::path path, const Clock& clock) : path_(std::move(path)), clock_(&clock) {}
  std::filesystem::path path_;
  const Clock* clock_;
};

inline constexpr Millis kLeaseStale{120'000};

// Who holds the trial now, as "host:pid", or empty.
[[nodiscard]] std::string LeaseOwner(const std::filesystem::path& trial_dir, const Clock& clock);

}  // namespace podium::harness
