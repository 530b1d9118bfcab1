#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/trial_context.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace podium::harness {

struct JournalEvent {
  std::int64_t number = 0;  // 1, 2, 3, ...
  std::string time;         // UTC, ISO 8601
  std::string type;
  std::string body_json;
};

// A trial's append-only event log: one JSON object a line {"n","t","type","body","crc"}, where crc
// is the CRC-32 of "n|t|type|body". Record returns after fdatasync: an event is on disk before
// anybody acts on it. A last line cut by a crash is dropped when the journal is opened; damage
// anywhere else is an error. One writer (the lease's owner); any number of readers.
class Journal final : public agents::EventSink {
 public:
  [[nodiscard]] static Result<Journal> Open(const std::filesystem::path& path, const Clock& clock);

  [[nodiscard]] Status Record(std::string_view type, const std::string& body_json) override;
  [[nodiscard]] const std::vector<JournalEvent>& events() const { return events_; }

 private:
  Journal(UniqueFd fd, std::vector<JournalEvent> events, const Clock& clock)
      : fd_(std::move(fd)), events_(std::move(events)), clock_(&clock) {}
  UniqueFd fd_;
  std::vector<JournalEvent> events_;
  const Clock* clock_;
};

// The events of a journal somebody else may be writing; a cut last line is left out.
[[nodiscard]] Result<std::vector<JournalEvent>> ReadJournal(const std::filesystem::path& path);

// Of the journal's bytes up to the end of its last "sealed" event; an error when it has none.
[[nodiscard]] Result<Digest> SealedDigest(const std::filesystem::path& path);

}  // namespace podium::harness
