#include "harness/store/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/log.h"

namespace podium::harness {
namespace {

constexpr std::uint64_t kMaxJournalBytes = std::uint64_t{1} << 32;

// Parses whole lines; `sound_bytes` is the length of the part that holds them.
Result<std::vector<JournalLine>> Parse(const std::string& text, const std::string& name,
                                       std::size_t& sound_bytes) {
  std::vector<JournalLine> out;
  std::int64_t lease = 0;
  int place_of = 0;
  sound_bytes = 0;
  while (sound_bytes < text.size()) {
    std::size_t end = text.find('\n', sound_bytes);
    if (end == std::string::npos) break;
    std::string place = name + ":" + std::to_string(++place_of);
    auto line = records::ParseJournalLine(
        std::string_view(text).substr(sound_bytes, end - sound_bytes), place);
    if (!line && end + 1 == text.size()) break;
    if (!line) return tl::unexpected(line.error());
    sound_bytes = end + 1;
    if (line->lease < lease) continue;  // of a former owner that did not know yet
    lease = line->lease;
    std::int64_t next = out.empty() ? 1 : out.back().number + 1;
    if (line->number != next) return Fail(ErrorCode::kIo, place + ": event numbers have a gap");
    out.push_back(std::move(*line));
  }
  return out;
}

Result<std::string> ReadJournalText(const std::filesystem::path& path) {
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(path.parent_path()));
  return folder.Read(path.filename().string(), kMaxJournalBytes);
}

}  // namespace

Result<std::vector<JournalLine>> ReadJournal(const std::filesystem::path& path) {
  PODIUM_ASSIGN(auto text, ReadJournalText(path));
  std::size_t sound = 0;
  return Parse(text, path.string(), sound);
}

Result<std::vector<JournalLine>> ReadJournal(const ForeignFolder& trial) {
  PODIUM_ASSIGN(auto text, trial.Read("journal.jsonl", kMaxJournalBytes));
  std::size_t sound = 0;
  return Parse(text, (trial.path() / "journal.jsonl").string(), sound);
}

// No string of a line holds the text, since quotes inside strings are escaped.
Result<Digest> SealedDigest(const std::filesystem::path& path) {
  PODIUM_ASSIGN(auto text, ReadJournalText(path));
  std::size_t at = text.rfind(R"("type":"sealed","body":)");
  std::size_t end = at == std::string::npos ? at : text.find('\n', at);
  if (end == std::string::npos)
    return Fail(ErrorCode::kIo, path.string() + " holds no event 'sealed'");
  return Digest::Of(std::string_view(text).substr(0, end + 1));
}

Result<Journal> Journal::Open(const std::filesystem::path& path, const Clock& clock,
                              Options options) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
  UniqueFd fd(::open(path.c_str(), kFlags, 0644));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  PODIUM_ASSIGN(auto text, ReadJournalText(path));
  std::size_t sound = 0;
  PODIUM_ASSIGN(auto lines, Parse(text, path.string(), sound));
  if (options.own_copy && sound > 0) {
    PODIUM_TRY(WriteFileAtomic(path, std::string_view(text).substr(0, sound)));
    fd = UniqueFd(::open(path.c_str(), kFlags, 0644));
    if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  } else if (sound < text.size() && ::ftruncate(fd.get(), static_cast<off_t>(sound)) != 0) {
    return FailErrno(ErrorCode::kIo, "cannot cut the torn end of " + path.string(), errno);
  }
  return Journal(std::move(fd), sound, std::move(lines), clock, options.lease);
}

// All of the text or nothing of it.
Status Journal::WriteText(const std::string& text, bool sync) {
  if (broken_)
    return Fail(ErrorCode::kIo, "the journal could not be written before; nothing more is");
  Status written = WriteAll(fd_.get(), text);
  if (written && sync && ::fdatasync(fd_.get()) != 0)
    written = FailErrno(ErrorCode::kIo, "cannot sync the journal", errno);
  if (written) {
    bytes_ += text.size();
    return {};
  }
  broken_ = true;
  if (::ftruncate(fd_.get(), static_cast<off_t>(bytes_)) != 0)
    LogError("cannot cut the journal back to its last whole line; its next reader does");
  return written;
}

Journal::Written Journal::Write(std::vector<records::Event> events, bool sync) {
  std::lock_guard one(*writing_);
  if (may_write_) PODIUM_TRY(may_write_());
  std::vector<JournalLine> lines;
  std::string text;
  for (auto& event : events) {
    JournalLine line{.number = written_ + static_cast<std::int64_t>(lines.size()) + 1,
                     .time = IsoTime(clock_->WallNow()),
                     .lease = lease_,
                     .event = std::move(event)};
    text += records::ToText(line);
    lines.push_back(std::move(line));
  }
  PODIUM_TRY(WriteText(text, sync));
  written_ += static_cast<std::int64_t>(lines.size());
  return lines;
}

// Events that were written one after the other may come back in another order.
void Journal::Keep(std::vector<JournalLine> lines) {
  for (auto& line : lines) {
    auto at = std::ranges::upper_bound(lines_, line.number, {}, &JournalLine::number);
    lines_.insert(at, std::move(line));
  }
}

Status Journal::Record(records::Event event) {
  std::vector<records::Event> one;
  one.push_back(std::move(event));
  PODIUM_ASSIGN(auto lines, Write(std::move(one), true));
  Keep(std::move(lines));
  return {};
}

Task<Status> Journal::WriteOnPool(std::vector<records::Event> events, bool sync) {
  auto job = [this, sync, all = std::move(events)]() mutable {
    return Write(std::move(all), sync);
  };
  if (!reactor_) {
    Written lines = job();
    if (!lines) co_return tl::unexpected(lines.error());
    Keep(std::move(*lines));
    co_return Status{};
  }
  Written lines = co_await reactor_->Blocking(std::move(job));
  if (!lines) co_return tl::unexpected(lines.error());
  Keep(std::move(*lines));
  co_return Status{};
}

Task<Status> Journal::Append(records::Event event) {
  std::vector<records::Event> one;
  one.push_back(std::move(event));
  co_return co_await WriteOnPool(std::move(one), true);
}

Task<Status> Journal::AppendAll(std::vector<records::Event> events) {
  co_return co_await WriteOnPool(std::move(events), true);
}

Task<Status> Journal::AppendUnsynced(records::Event event) {
  std::vector<records::Event> one;
  one.push_back(std::move(event));
  co_return co_await WriteOnPool(std::move(one), false);
}

}  // namespace podium::harness
