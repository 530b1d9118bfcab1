#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace podium::agents {

// A file in which the Podium processes of a host meet: numbers in it, and a lock for each of its
// places (open file description locks, fcntl(2)). Whoever dies, however it dies, has none any more.
// No call waits, for a lock or for a disk; one thread uses it.
class HostFile {
 public:
  // `name` stands for what they meet about. The file is of this boot of the machine: its name says
  // so, and `folder`, which is made, keeps none of an earlier one. Blocks.
  [[nodiscard]] static Result<HostFile> Open(const std::filesystem::path& folder,
                                             std::string_view kind, std::string_view name);

  // Whether this one has the place's lock now. `shared`: with others that share it.
  [[nodiscard]] bool TryLock(std::int64_t place, bool shared = false);
  void Unlock(std::int64_t place);
  // Whether another process has a lock there.
  [[nodiscard]] bool OthersHave(std::int64_t place) const;
  // Places of [0, count) that others have.
  [[nodiscard]] std::set<std::int64_t> OthersIn(std::int64_t count) const;

  // Numbers from the given one on; what the file does not have is 0.
  void Read(std::int64_t first, std::span<std::int64_t> out) const;
  void Write(std::int64_t first, std::span<const std::int64_t> values);
  [[nodiscard]] std::int64_t numbers() const;  // that the file has

 private:
  explicit HostFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace podium::agents
