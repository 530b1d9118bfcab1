#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/deadlines.h"
#include "base/result.h"

namespace podium::harness {

// How much of an attempt had been worked when its lease was last renewed. What a process that was
// killed had worked is known from here alone.
struct Worked {
  int attempt = 0;  // 1, 2, ...; 0: nothing is known
  Millis time{0};
};

// One lease.json among those that had its name.
struct LeaseFile {
  std::uint64_t inode = 0;
  std::int64_t changed_s = 0, changed_ns = 0;

  friend bool operator==(const LeaseFile&, const LeaseFile&) = default;
};

// The right to work on one trial: a file in its folder that names the owner (base/process_owner.h),
// its number, which is larger than those of all leases before it, and the last heartbeat, renewed
// by Beat. It is free when nobody holds it, when its owner has died, or when an owner that cannot
// be looked for (another host or container) has not beaten for kLeaseStale. The journal carries the
// number too: an owner that was thought dead and wakes up finds by CheckHeld that it owns nothing
// more, and what it writes all the same is left out by readers. Destruction gives it back if it is
// still held.
class Lease {
 public:
  // Empty when a living owner holds it.
  [[nodiscard]] static Result<std::optional<Lease>> TryTake(const std::filesystem::path& trial_dir,
                                                            const Clock& clock);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  // Renews it and notes what was worked. An error (kBusy) when somebody else owns the trial.
  [[nodiscard]] Status Beat(Worked worked);

  // An error (kBusy) when somebody else owns the trial. To be asked before every write to it.
  [[nodiscard]] Status CheckHeld() const;

  [[nodiscard]] std::int64_t number() const { return number_; }

  // Whether it was taken from an owner that had not given it back, and may still write.
  [[nodiscard]] bool taken_over() const { return taken_over_; }

 private:
  Lease(std::filesystem::path dir, std::int64_t number, const Clock& clock, bool taken_over)
      : dir_(std::move(dir)), number_(number), clock_(&clock), taken_over_(taken_over) {}
  [[nodiscard]] Status Write(Worked worked);
  std::filesystem::path dir_;
  std::int64_t number_;
  std::optional<LeaseFile> file_;  // as written last
  const Clock* clock_;
  bool taken_over_;
};

// What the lease file says was worked, whoever holds it.
[[nodiscard]] Worked WorkedSoFar(const std::filesystem::path& trial_dir);

// Who holds the trial now, as "host:pid", or empty.
[[nodiscard]] std::string LeaseOwner(const std::filesystem::path& trial_dir, const Clock& clock);

}  // namespace podium::harness
