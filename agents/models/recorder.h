#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "agents/models/record_store.h"
#include "base/result.h"

namespace podium::agents {

struct RecordedAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
  std::string digest;  // of the stored text of all this; set by Find
};

// The n-th time that a trial asks one and the same thing: agents ask a prompt again to get another
// answer. Handed back (Abandon) where no answer came that is worth keeping, so that the next asking
// takes its place.
struct Turn {
  std::string path;     // of the provider
  std::string request;  // as canonical JSON
  int number = 0;
  std::string digest;  // of both and the number: the record's name
};

// What a trial asked and was answered, on disk before the answer is handed out completely. The
// requests hold no key. On the event loop's thread.
class Recorder {
 public:
  // `used`: digests of askings that the trial is beyond, and which it will not repeat: the next
  // asking of the same takes the number after theirs. (A program that is begun anew repeats all.)
  explicit Recorder(std::filesystem::path dir, std::set<std::string> used = {})
      : store_(std::move(dir)), bytes_(store_.Bytes()), used_(std::move(used)) {}

  [[nodiscard]] Turn Begin(std::string_view path, std::string request);
  void Abandon(const Turn& turn);
  [[nodiscard]] std::optional<RecordedAnswer> Find(const Turn& turn) const;
  // The stored text's digest.
  [[nodiscard]] Result<std::string> Save(const Turn& turn, const RecordedAnswer& answer) const;

  // At most what the record takes on the disk: each file counts as its text.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  // For a person: in what the request differs from the recorded one that is most like it, among
  // those of about its size. Blocks; any thread.
  [[nodiscard]] std::string Difference(const Turn& turn) const;

 private:
  struct Asked {
    int next = 0;
    std::set<int> free;  // below next
  };
  RecordStore store_;
  mutable std::atomic<std::uint64_t> bytes_;
  std::set<std::string> used_;
  std::map<std::string, Asked> asked_;
};

}  // namespace podium::agents
