#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "agents/trial_context.h"
#include "base/async/reactor.h"
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
//
// A write that fails leaves no part of its line behind, and is the last: what the disk holds after
// it is known to the next process alone, which opens the file anew.
class Journal final : public agents::EventSink {
 public:
  struct Options {
    // A former owner may still hold the file open: it goes on in a copy that the former has not.
    bool own_copy = false;
  };
  [[nodiscard]] static Result<Journal> Open(const std::filesystem::path& path, const Clock& clock,
                                            Options options);
  [[nodiscard]] static Result<Journal> Open(const std::filesystem::path& path, const Clock& clock) {
    return Open(path, clock, Options{});
  }

  // From now on Append waits on this reactor's pool, and `may_write` is asked before every write:
  // an error means that somebody else owns the trial.
  void UsePool(Reactor& reactor, std::function<Status()> may_write) {
    reactor_ = &reactor;
    may_write_ = std::move(may_write);
  }

  // On the loop's thread, as is events(). Only the write itself happens elsewhere.
  [[nodiscard]] Status Record(std::string_view type, const std::string& body_json) override;
  [[nodiscard]] Task<Status> Append(std::string type, std::string body_json) override;
  [[nodiscard]] const std::vector<JournalEvent>& events() const { return events_; }

 private:
  Journal(UniqueFd fd, std::vector<JournalEvent> events, std::size_t bytes, const Clock& clock)
      : fd_(std::move(fd)),
        written_(static_cast<std::int64_t>(events.size())),
        bytes_(bytes),
        events_(std::move(events)),
        clock_(&clock) {}
  Result<JournalEvent> Write(std::string_view type, const std::string& body_json);
  Status WriteLine(const std::string& line);
  void Keep(JournalEvent event);

  // Any thread, one at a time.
  std::unique_ptr<std::mutex> writing_ = std::make_unique<std::mutex>();
  UniqueFd fd_;
  std::int64_t written_;  // events on disk
  std::size_t bytes_;     // of whole lines
  bool broken_ = false;
  // The loop's thread.
  std::vector<JournalEvent> events_;
  const Clock* clock_;
  Reactor* reactor_ = nullptr;
  std::function<Status()> may_write_;
};

// The events of a journal somebody else may be writing; a cut last line is left out.
[[nodiscard]] Result<std::vector<JournalEvent>> ReadJournal(const std::filesystem::path& path);

// Of the journal's bytes up to the end of its last "sealed" event; an error when it has none.
[[nodiscard]] Result<Digest> SealedDigest(const std::filesystem::path& path);

}  // namespace podium::harness
