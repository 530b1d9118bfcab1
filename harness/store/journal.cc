#include "harness/store/journal.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace podium::harness {
namespace {

constexpr std::uint64_t kMaxJournalBytes = std::uint64_t{1} << 32;

std::string Checksum(std::int64_t number, std::string_view time, std::string_view type,
                     std::string_view body) {
  std::string text = std::to_string(number) + "|" + std::string(time) + "|" + std::string(type) +
                     "|" + std::string(body);
  uLong crc =
      crc32(0L, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  char out[16];
  std::snprintf(out, sizeof out, "%08lx", crc);
  return out;
}

Result<JournalEvent> ParseLine(std::string_view line, const std::string& place) {
  PODIUM_ASSIGN(Json json, ParseJson(line, place));
  JournalEvent e;
  PODIUM_ASSIGN(e.number, JsonGet<std::int64_t>(json, "n"));
  PODIUM_ASSIGN(e.time, JsonGet<std::string>(json, "t"));
  PODIUM_ASSIGN(e.type, JsonGet<std::string>(json, "type"));
  e.body_json = DumpJson(json["body"]);
  if (JsonOr<std::string>(json, "crc", "") != Checksum(e.number, e.time, e.type, e.body_json)) {
    return Fail(ErrorCode::kIo, place + ": the checksum does not fit: the journal is damaged");
  }
  return e;
}

// Parses whole lines; `sound_bytes` is the length of the part that holds them.
Result<std::vector<JournalEvent>> Parse(const std::string& text, const std::string& name,
                                        std::size_t& sound_bytes) {
  std::vector<JournalEvent> events;
  sound_bytes = 0;
  while (sound_bytes < text.size()) {
    std::size_t end = text.find('\n', sound_bytes);
    if (end == std::string::npos) break;
    std::string place = name + ":" + std::to_string(events.size() + 1);
    auto event = ParseLine(std::string_view(text).substr(sound_bytes, end - sound_bytes), place);
    if (!event && end + 1 == text.size()) break;
    if (!event) return tl::unexpected(event.error());
    if (event->number != static_cast<std::int64_t>(events.size()) + 1)
      return Fail(ErrorCode::kIo, place + ": event numbers have a gap");
    events.push_back(std::move(*event));
    sound_bytes = end + 1;
  }
  return events;
}

Result<std::string> ReadJournalText(const std::filesystem::path& path) {
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(path.parent_path()));
  return folder.Read(path.filename().string(), kMaxJournalBytes);
}

}  // namespace

Result<std::vector<JournalEvent>> ReadJournal(const std::filesystem::path& path) {
  PODIUM_ASSIGN(auto text, ReadJournalText(path));
  std::size_t sound = 0;
  return Parse(text, path.string(), sound);
}

Result<Digest> SealedDigest(const std::filesystem::path& path) {
  PODIUM_ASSIGN(auto text, ReadJournalText(path));
  std::size_t sound = 0, at = 0, end = 0;
  PODIUM_ASSIGN(auto events, Parse(text, path.string(), sound));
  for (const auto& event : events) {
    at = text.find('\n', at) + 1;
    if (event.type == "sealed") end = at;
  }
  if (end == 0) return Fail(ErrorCode::kIo, path.string() + " holds no event 'sealed'");
  return Digest::Of(std::string_view(text).substr(0, end));
}

Result<Journal> Journal::Open(const std::filesystem::path& path, const Clock& clock,
                              Options options) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
  UniqueFd fd(::open(path.c_str(), kFlags, 0644));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  PODIUM_ASSIGN(auto text, ReadJournalText(path));
  std::size_t sound = 0;
  PODIUM_ASSIGN(auto events, Parse(text, path.string(), sound));
  if (options.own_copy) {
    PODIUM_TRY(WriteFileAtomic(path, std::string_view(text).substr(0, sound)));
    fd = UniqueFd(::open(path.c_str(), kFlags, 0644));
    if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  } else if (sound < text.size() && ::ftruncate(fd.get(), static_cast<off_t>(sound)) != 0) {
    return FailErrno(ErrorCode::kIo, "cannot cut the torn end of " + path.string(), errno);
  }
  return Journal(std::move(fd), std::move(events), sound, clock);
}

// All of the line or nothing of it.
Status Journal::WriteLine(const std::string& line) {
  if (broken_)
    return Fail(ErrorCode::kIo, "the journal could not be written before; nothing more is");
  Status written = WriteAll(fd_.get(), line);
  if (written && ::fdatasync(fd_.get()) != 0)
    written = FailErrno(ErrorCode::kIo, "cannot sync the journal", errno);
  if (written) {
    bytes_ += line.size();
    return {};
  }
  broken_ = true;
  if (::ftruncate(fd_.get(), static_cast<off_t>(bytes_)) != 0)
    LogError("cannot cut the journal back to its last whole line; its next reader does");
  return written;
}

Result<JournalEvent> Journal::Write(std::string_view type, const std::string& body_json) {
  PODIUM_ASSIGN(Json body, ParseJson(body_json, "journal event"));
  std::lock_guard one(*writing_);
  if (may_write_) PODIUM_TRY(may_write_());
  JournalEvent e;
  e.number = written_ + 1;
  e.time = IsoTime(clock_->WallNow());
  e.type = type;
  e.body_json = DumpJson(body);
  OrderedJson line;
  line["n"] = e.number;
  line["t"] = e.time;
  line["type"] = e.type;
  line["body"] = OrderedJson::parse(e.body_json);
  line["crc"] = Checksum(e.number, e.time, e.type, e.body_json);
  PODIUM_TRY(WriteLine(DumpJson(line) + "\n"));
  ++written_;
  return e;
}

// Events that were written one after the other may come back in another order.
void Journal::Keep(JournalEvent event) {
  auto at = std::ranges::upper_bound(events_, event.number, {}, &JournalEvent::number);
  events_.insert(at, std::move(event));
}

Status Journal::Record(std::string_view type, const std::string& body_json) {
  PODIUM_ASSIGN(auto event, Write(type, body_json));
  Keep(std::move(event));
  return {};
}

Task<Status> Journal::Append(std::string type, std::string body_json) {
  if (reactor_ == nullptr) co_return Record(type, body_json);
  auto job = [this, &type, &body_json] { return Write(type, body_json); };
  auto event = co_await reactor_->Blocking(std::move(job));
  if (!event) co_return tl::unexpected(event.error());
  Keep(std::move(*event));
  co_return Status{};
}

}  // namespace podium::harness
