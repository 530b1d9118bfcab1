#include "base/records/history_line.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/records/schema.h"

namespace podium::records {
namespace {

constexpr int kNewest = 2;

OrderedJson Fields(int version, const HistoryLine& e) {
  OrderedJson out;
  if (version > 1) out["v"] = version;
  out["n"] = e.number;
  out["t"] = e.time;
  out["event"] = e.event;
  out["trial"] = e.trial;
  if (version > 1) out["lease"] = e.lease;
  if (e.event == "graded") {
    out["submission"] = e.submission_sha256;
    out["verdict"] = e.verdict_sha256;
    out["journal"] = e.journal_sha256;
  }
  if (e.event == "exhausted" || e.event == "retried") out["why"] = e.why;
  return out;
}

std::string ChainDigest(const std::string& before, const OrderedJson& fields) {
  return Digest::Of(before + "\n" + DumpJson(fields)).hex();
}

}  // namespace

ChainedLine ToText(const HistoryLine& line, const std::string& digest_before) {
  OrderedJson fields = Fields(kNewest, line);
  std::string digest = ChainDigest(digest_before, fields);
  fields["digest"] = digest;
  return {DumpJson(fields) + "\n", std::move(digest)};
}

Result<ParsedLine> ParseHistoryLine(std::string_view text, const std::string& digest_before,
                                    std::string_view where) {
  PODIUM_ASSIGN(Json json, ParseJson(text, where));
  int version = JsonOr(json, "v", 1);
  PODIUM_TRY(CheckVersion(version, kNewest, where));
  HistoryLine e;
  PODIUM_ASSIGN(e.number, JsonGet<std::int64_t>(json, "n"));
  PODIUM_ASSIGN(e.time, JsonGet<std::string>(json, "t"));
  PODIUM_ASSIGN(e.event, JsonGet<std::string>(json, "event"));
  PODIUM_ASSIGN(e.trial, JsonGet<std::string>(json, "trial"));
  e.lease = JsonOr<std::int64_t>(json, "lease", 0);
  e.submission_sha256 = JsonOr<std::string>(json, "submission", "");
  e.verdict_sha256 = JsonOr<std::string>(json, "verdict", "");
  e.journal_sha256 = JsonOr<std::string>(json, "journal", "");
  e.why = JsonOr<std::string>(json, "why", "");
  std::string digest = ChainDigest(digest_before, Fields(version, e));
  if (JsonOr<std::string>(json, "digest", "") == digest)
    return ParsedLine{std::move(e), std::move(digest)};
  return Fail(ErrorCode::kIo, std::string(where) +
                                  ": does not follow from the line before: the history was "
                                  "changed or lines are missing");
}

}  // namespace podium::records
