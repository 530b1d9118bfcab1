#include "base/records/run_spending.h"

#include "base/json.h"
#include "base/records/schema.h"

namespace podium::records {
namespace {

constexpr std::string_view kKind = "podium-spending";

Json ToJson(const Spending& s) {
  return {{"usd", s.usd}, {"tokens", s.tokens}, {"gpu_hours", s.gpu_hours}};
}

Spending SpendingFrom(const Json& parent, const char* key) {
  Json json = parent.value(key, Json::object());
  return {JsonOr<std::string>(json, "usd", "0"), JsonOr<std::int64_t>(json, "tokens", 0),
          JsonOr(json, "gpu_hours", 0.0)};
}

}  // namespace

std::string ToText(const RunSpending& spending) {
  Json out = {{"schema", std::string(kKind) + "/1"},
              {"began", spending.began},
              {"settled", ToJson(spending.settled)},
              {"most", Json::object()},
              {"open", Json::object()}};
  for (const auto& [agent, most] : spending.most) out["most"][agent] = ToJson(most);
  for (const auto& [trial, open] : spending.open)
    out["open"][trial] = {
        {"spent", ToJson(open.spent)}, {"reserved", ToJson(open.reserved)}, {"owner", open.owner}};
  return DumpJson(out, 1) + "\n";
}

Result<RunSpending> ParseRunSpending(std::string_view text, std::string_view where) {
  PODIUM_ASSIGN(Json json, ParseJson(text, where));
  PODIUM_ASSIGN(auto schema, JsonGet<std::string>(json, "schema"));
  PODIUM_TRY(SchemaNumber(schema, kKind, 1, where));
  RunSpending out;
  out.began = JsonOr<std::string>(json, "began", "");
  out.settled = SpendingFrom(json, "settled");
  Json most = json.value("most", Json::object()), open = json.value("open", Json::object());
  for (const auto& [agent, value] : most.items())
    out.most[agent] = SpendingFrom(most, agent.c_str());
  for (const auto& [trial, value] : open.items())
    out.open[trial] = {SpendingFrom(value, "spent"), SpendingFrom(value, "reserved"),
                       JsonOr<std::string>(value, "owner", "")};
  return out;
}

}  // namespace podium::records
