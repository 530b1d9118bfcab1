#include "base/records/journal_line.h"

#include <zlib.h>

#include <cstdio>

#include "base/json.h"
#include "base/records/event_json.h"
#include "base/records/schema.h"

namespace podium::records {
namespace {

constexpr int kNewest = 2;

std::string Checksum(const std::string& text) {
  uLong crc =
      crc32(0L, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  char out[16];
  std::snprintf(out, sizeof out, "%08lx", crc);
  return out;
}

// What a line's checksum is of.
std::string Summed(int version, const JournalLine& line, std::string_view type,
                   const std::string& body) {
  std::string out = version == 1 ? "" : std::to_string(version) + "|";
  out += std::to_string(line.number) + "|" + line.time + "|";
  if (version > 1) out += std::to_string(line.lease) + "|";
  return out.append(type) + "|" + body;
}

// The body as it stands in a line that ToText wrote; "" where the line looks otherwise.
std::string_view BodyIn(std::string_view text) {
  constexpr std::string_view kBefore = R"(,"body":)", kAfter = R"(,"crc":")";
  std::size_t begin = text.find(kBefore), end = text.rfind(kAfter);
  if (begin == std::string_view::npos || end == std::string_view::npos ||
      end < begin + kBefore.size())
    return {};
  return text.substr(begin + kBefore.size(), end - begin - kBefore.size());
}

// The body's own bytes are looked at first: writing a body anew costs as much as reading it. A line
// that was put down otherwise (by a person, by another library) is as good.
bool ChecksumFits(const Json& json, int version, const JournalLine& line, std::string_view type,
                  std::string_view text) {
  auto crc = JsonOr<std::string>(json, "crc", "");
  auto fits = [&](const std::string& body) {
    return crc == Checksum(Summed(version, line, type, body));
  };
  return fits(std::string(BodyIn(text))) || fits(DumpJson(json.value("body", Json())));
}

}  // namespace

std::string ToText(const JournalLine& line) {
  std::string_view type = EventName(line.event);
  std::string body = BodyText(line.event);
  std::string out = "{\"v\":2,\"n\":" + std::to_string(line.number) +
                    ",\"t\":" + DumpJson(Json(line.time)) +
                    ",\"lease\":" + std::to_string(line.lease) + ",\"type\":\"";
  out.append(type) += "\",\"body\":" + body + ",\"crc\":\"";
  return out + Checksum(Summed(kNewest, line, type, body)) + "\"}\n";
}

Result<JournalLine> ParseJournalLine(std::string_view text, std::string_view where) {
  PODIUM_ASSIGN(Json json, ParseJson(text, where));
  int version = JsonOr(json, "v", 1);
  PODIUM_TRY(CheckVersion(version, kNewest, where));
  JournalLine line;
  PODIUM_ASSIGN(line.number, JsonGet<std::int64_t>(json, "n"));
  PODIUM_ASSIGN(line.time, JsonGet<std::string>(json, "t"));
  PODIUM_ASSIGN(auto type, JsonGet<std::string>(json, "type"));
  line.lease = JsonOr<std::int64_t>(json, "lease", 0);
  if (!ChecksumFits(json, version, line, type, text))
    return Fail(ErrorCode::kIo,
                std::string(where) + ": the checksum does not fit: the journal is damaged");
  PODIUM_ASSIGN(line.event, EventFrom(type, json["body"], where));
  return line;
}

}  // namespace podium::records
