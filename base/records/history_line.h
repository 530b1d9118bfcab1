#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::records {

// What a run's history says of one moment of a trial.
struct HistoryLine {
  std::int64_t number = 0;  // 1, 2, 3, ... of its writer
  std::string time;         // UTC, ISO 8601
  // "attempt": an agent begins to work; "graded": before verdict.json; "exhausted": the host
  // failed as often as it may; "retried": somebody asked for more attempts
  std::string event;
  std::string trial;              // TrialId::str()
  std::int64_t lease = 0;         // number of the trial's lease; 0: schema 1
  std::string submission_sha256;  // graded alone: of the submission, "" when there was none
  std::string verdict_sha256;     // graded alone: of verdict.json's bytes
  std::string journal_sha256;     // graded alone: of the journal up to "sealed"
  std::string why = {};           // exhausted, retried
};

// A line and the chain's digest after it: SHA-256 (hex) of the digest before, a line end and the
// line's own fields.
struct ChainedLine {
  std::string text;  // with its line end
  std::string digest;
};
[[nodiscard]] ChainedLine ToText(const HistoryLine& line, const std::string& digest_before);

struct ParsedLine {
  HistoryLine line;
  std::string digest;  // of the chain after it
};
// An error (kIo) where the line does not follow from the one before, or a newer Podium wrote it.
[[nodiscard]] Result<ParsedLine> ParseHistoryLine(std::string_view text,
                                                  const std::string& digest_before,
                                                  std::string_view where);

}  // namespace podium::records
