#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/async/reactor.h"
#include "base/http/key_scrubber.h"
#include "base/result.h"

namespace podium::agents {

// What a program says, in a file that grows while it runs, for `tail -f`. Secrets are taken out of
// it. On the event loop's thread, which never waits for the disk.
class OutputLog {
 public:
  // Goes on with the file where an earlier attempt left it. Blocks.
  [[nodiscard]] static Result<OutputLog> Open(const std::filesystem::path& file,
                                              const std::vector<std::string>& secrets);

  void Add(std::string_view piece);
  // Writes what has come, every second, until cancelled.
  [[nodiscard]] Task<void> Keep(Reactor& reactor);
  // The rest, and a word on what is not in the file of `bytes` in all.
  [[nodiscard]] Task<Status> Finish(Reactor& reactor, std::uint64_t bytes);

 private:
  struct File;
  OutputLog(std::shared_ptr<File> file, const std::vector<std::string>& secrets)
      : file_(std::move(file)), scrubber_(secrets) {}
  [[nodiscard]] Task<Status> Write(Reactor& reactor);

  std::shared_ptr<File> file_;  // a write that was cancelled goes on without us
  KeyScrubber scrubber_;
  std::uint64_t seen_ = 0;
};

}  // namespace podium::agents
