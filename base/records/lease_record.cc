#include "base/records/lease_record.h"

#include <algorithm>

#include "base/json.h"
#include "base/records/schema.h"

namespace podium::records {
namespace {

constexpr std::string_view kKind = "podium-lease";

}  // namespace

std::string ToText(const LeaseRecord& lease) {
  OrderedJson out;
  out["schema"] = std::string(kKind) + "/2";
  out["state"] = lease.held ? std::string("held") : std::string(kLeaseFree);
  out["lease"] = lease.number;
  out["host"] = lease.owner.host;
  out["boot"] = lease.owner.boot;
  out["pid_namespace"] = lease.owner.pid_namespace;
  out["pid"] = lease.owner.pid;
  out["start"] = lease.owner.start;
  out["beat"] = lease.beat;
  out["attempt"] = lease.attempt;
  out["worked_ms"] = lease.worked.count();
  return DumpJson(out) + "\n";
}

Result<LeaseRecord> ParseLease(std::string_view text, std::string_view where) {
  PODIUM_ASSIGN(Json json, ParseJson(text, where));
  auto schema = JsonOr<std::string>(json, "schema", "");
  if (!schema.empty()) PODIUM_TRY(SchemaNumber(schema, kKind, 2, where));
  auto owner = ProcessOwner::FromJson(text);
  if (!owner) return Fail(ErrorCode::kIo, std::string(where) + ": the lease names no owner");
  LeaseRecord out;
  out.owner = std::move(*owner);
  out.held = JsonOr<std::string>(json, "state", "held") != kLeaseFree;
  out.number = JsonOr<std::int64_t>(json, "lease", 0);
  out.beat = JsonOr<std::int64_t>(json, "beat", 0);
  out.attempt = JsonOr(json, "attempt", 0);
  out.worked = Millis(std::max<std::int64_t>(0, JsonOr<std::int64_t>(json, "worked_ms", 0)));
  return out;
}

}  // namespace podium::records
