#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/records/event.h"
#include "base/result.h"

namespace podium::records {

// One line of a trial's journal:
//   {"v":2,"n":1,"t":"2026-11-24T01:54:57.123Z","lease":1,"type":"attempt","body":{...},"crc":"..."}
// where crc is the CRC-32 (hex) of "v|n|t|lease|type|body". Schema 1 had neither v nor lease, and
// its crc was of "n|t|type|body".
struct JournalLine {
  std::int64_t number = 0;  // 1, 2, 3, ...
  std::string time;         // UTC, ISO 8601
  std::int64_t lease = 0;   // the number of the lease under which it was written; 0: schema 1
  Event event;
};

// With its line end.
[[nodiscard]] std::string ToText(const JournalLine& line);
// `where` names file and line. An error (kIo) where the checksum does not fit or the line was
// written by a newer Podium.
[[nodiscard]] Result<JournalLine> ParseJournalLine(std::string_view text, std::string_view where);

}  // namespace podium::records
