#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agents/trial_context.h"
#include "base/async/reactor.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/foreign_folder.h"
#include "base/records/journal_line.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace podium::harness {

using records::JournalLine;

// A trial's append-only event log, a line an event (base/records/journal_line.h). Record and Append
// return after fdatasync: an event is on disk before anybody acts on it. A last line cut by a crash
// is dropped when the journal is opened; damage anywhere else is an error. One writer (the lease's
// owner); any number of readers.
//
// A write that fails leaves no part of its lines behind, and is the last: what the disk holds after
// it is known to the next process alone, which opens the file anew.
class Journal final : public agents::EventSink {
 public:
  struct Options {
    std::int64_t lease = 0;  // number of the lease under which it is written
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

  // On the loop's thread, as is lines(). Only the write itself happens elsewhere.
  [[nodiscard]] Status Record(records::Event event) override;
  [[nodiscard]] Task<Status> Append(records::Event event) override;
  // Several as one: all of them or none, in one write and one sync. Nothing may be acted on in
  // between.
  [[nodiscard]] Task<Status> AppendAll(std::vector<records::Event> events);
  // Not durable when it returns: for what the trial's other files say as well.
  [[nodiscard]] Task<Status> AppendUnsynced(records::Event event);
  [[nodiscard]] const std::vector<JournalLine>& lines() const { return lines_; }

 private:
  Journal(UniqueFd fd, std::size_t bytes, std::vector<JournalLine> lines, const Clock& clock,
          std::int64_t lease)
      : fd_(std::move(fd)),
        written_(lines.empty() ? 0 : lines.back().number),
        bytes_(bytes),
        lines_(std::move(lines)),
        clock_(&clock),
        lease_(lease) {}
  using Written = Result<std::vector<JournalLine>>;
  [[nodiscard]] Written Write(std::vector<records::Event> events, bool sync);
  Task<Status> WriteOnPool(std::vector<records::Event> events, bool sync);
  Status WriteText(const std::string& text, bool sync);
  void Keep(std::vector<JournalLine> lines);

  // Any thread, one at a time.
  std::unique_ptr<std::mutex> writing_ = std::make_unique<std::mutex>();
  UniqueFd fd_;
  std::int64_t written_;  // events on disk
  std::size_t bytes_;     // of whole lines
  bool broken_ = false;
  // The loop's thread.
  std::vector<JournalLine> lines_;
  const Clock* clock_;
  std::int64_t lease_;
  Reactor* reactor_ = nullptr;
  std::function<Status()> may_write_;
};

// The events of a journal somebody else may be writing; a cut last line is left out. Lines of a
// former owner, written after another took the trial over, are left out as well.
[[nodiscard]] Result<std::vector<JournalLine>> ReadJournal(const std::filesystem::path& path);
// Of a trial's open folder.
[[nodiscard]] Result<std::vector<JournalLine>> ReadJournal(const ForeignFolder& trial);

// Of the journal's bytes up to the end of its last "sealed" event; an error when it has none. Looks
// for that line alone: what the lines say is not checked.
[[nodiscard]] Result<Digest> SealedDigest(const std::filesystem::path& path);

// The last event of a kind, nullptr when there is none.
template <class T>
[[nodiscard]] const T* LastOf(const std::vector<JournalLine>& lines) {
  for (auto it = lines.rbegin(); it != lines.rend(); ++it) {
    if (const T* event = std::get_if<T>(&it->event)) return event;
  }
  return nullptr;
}

// All events of a kind since the last attempt began: whatever is not a search begins anew with
// each.
template <class T>
[[nodiscard]] std::vector<T> LastAttempts(const std::vector<JournalLine>& lines) {
  std::vector<T> out;
  for (const auto& line : lines) {
    if (std::holds_alternative<records::Attempt>(line.event)) out.clear();
    if (const T* event = std::get_if<T>(&line.event)) out.push_back(*event);
  }
  return out;
}

}  // namespace podium::harness
