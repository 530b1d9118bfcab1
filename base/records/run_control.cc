#include "base/records/run_control.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/records/schema.h"

namespace podium::records {
namespace {

constexpr std::string_view kKind = "podium-control";
constexpr std::array<std::string_view, 3> kHolds = {"none", "paused", "cancelled"};

Result<Hold> HoldFrom(const std::string& text, std::string_view where) {
  auto found = std::ranges::find(kHolds, text);
  if (found != kHolds.end()) return static_cast<Hold>(found - kHolds.begin());
  return Fail(ErrorCode::kIo, std::string(where) +
                                  ": a run or trial is held as none, paused or cancelled, not '" +
                                  text + "'");
}

}  // namespace

std::string_view HoldText(Hold hold) { return kHolds.at(static_cast<std::size_t>(hold)); }

Hold RunControl::Of(const std::string& trial) const {
  auto own = trials.find(trial);
  return own == trials.end() ? run : std::max(run, own->second);
}

std::string ToText(const RunControl& control) {
  OrderedJson out;
  out["schema"] = std::string(kKind) + "/1";
  out["number"] = control.number;
  out["run"] = std::string(HoldText(control.run));
  out["drained"] = control.drained;
  out["trials"] = OrderedJson::object();
  for (const auto& [trial, hold] : control.trials)
    out["trials"][trial] = std::string(HoldText(hold));
  out["priority"] = control.priority;
  out["jobs"] = control.jobs ? OrderedJson(*control.jobs) : OrderedJson();
  return DumpJson(out, 2) + "\n";
}

Result<RunControl> ParseRunControl(std::string_view text, std::string_view where) {
  PODIUM_ASSIGN(Json json, ParseJson(text, where));
  PODIUM_ASSIGN(auto schema, JsonGet<std::string>(json, "schema"));
  PODIUM_TRY(SchemaNumber(schema, kKind, 1, where));
  RunControl out;
  out.number = JsonOr<std::int64_t>(json, "number", 0);
  PODIUM_ASSIGN(out.run, HoldFrom(JsonOr<std::string>(json, "run", "none"), where));
  out.drained = JsonOr<std::int64_t>(json, "drained", 0);
  auto trials = JsonOr<std::map<std::string, std::string>>(json, "trials", {});
  for (const auto& [trial, hold] : trials) {
    PODIUM_ASSIGN(out.trials[trial], HoldFrom(hold, where));
  }
  out.priority = JsonOr<std::map<std::string, std::int64_t>>(json, "priority", {});
  auto jobs = json.find("jobs");
  if (jobs != json.end() && jobs->is_number_integer()) out.jobs = jobs->get<std::int64_t>();
  return out;
}

}  // namespace podium::records
