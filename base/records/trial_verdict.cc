#include "base/records/trial_verdict.h"

#include "base/json.h"
#include "base/records/grade_json.h"
#include "base/records/outcome.h"
#include "base/records/schema.h"
#include "base/records/trial_verdict_json.h"

namespace podium::records {
namespace {

constexpr std::string_view kKind = "podium-trial-verdict";

// The member, where it is an object; an empty one else.
Json ObjectOf(const Json& parent, const char* key) {
  auto it = parent.find(key);
  return it != parent.end() && it->is_object() ? *it : Json();
}

Json ToJson(const std::vector<CandidateGrade>& candidates) {
  Json out = Json::array();
  for (const auto& c : candidates)
    out.push_back({{"node", c.node},
                   {"verdict", c.verdict},
                   {"score", c.score ? Json(*c.score) : Json()},
                   {"medal", c.medal}});
  return out;
}

std::vector<CandidateGrade> TopKFrom(const Json& parent) {
  std::vector<CandidateGrade> out;
  auto list = parent.find("top_k");
  if (list == parent.end() || !list->is_array()) return out;
  for (const Json& item : *list) {
    CandidateGrade c{JsonOr(item, "node", 0),
                     JsonOr<std::string>(item, "verdict", ""),
                     {},
                     JsonOr<std::string>(item, "medal", "none")};
    if (item.contains("score") && item["score"].is_number()) c.score = item["score"].get<double>();
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace

Json ToJson(const AgentEnd& agent) { return {{"end", agent.end}, {"detail", agent.detail}}; }

Json ToJson(const Validations& v) {
  return {{"valid", v.valid}, {"invalid", v.invalid}, {"refused", v.refused}};
}

Json ToJson(const std::optional<Isolation>& isolation) {
  if (!isolation) return nullptr;
  Json out = {{"backend", isolation->backend}, {"not_enforced", isolation->not_enforced}};
  out["enforced"] = Json::object();
  for (const auto& [what, how] : isolation->enforced) out["enforced"][what] = how;
  return out;
}

Json ToJson(const std::optional<ModelsSpent>& models) {
  if (!models) return nullptr;
  OrderedJson out = {{"requests", models->requests},
                     {"input_tokens", models->input_tokens},
                     {"cached_tokens", models->cached_tokens},
                     {"output_tokens", models->output_tokens},
                     {"cost_usd", models->cost_usd.empty() ? Json() : Json(models->cost_usd)},
                     {"wait_ms", models->wait.count()}};
  if (!models->injected.empty()) out["injected_faults"] = models->injected;
  return out;
}

Json ToJson(const Resources& r) {
  auto pressure = [](const std::optional<Millis>& time) {
    return time ? Json(time->count()) : Json();
  };
  return {{"worked_ms", r.worked.count()},
          {"cpu_ms", r.cpu.count()},
          {"throttled_ms", r.throttled.count()},
          {"memory_peak_bytes", r.memory_peak_bytes},
          {"memory_limit_bytes", r.memory_limit_bytes},
          {"disk_bytes", r.disk_bytes},
          {"oom_kills", r.oom_kills},
          {"outage_ms", r.outage.count()},
          {"cpu_pressure_ms", pressure(r.cpu_pressure)},
          {"memory_pressure_ms", pressure(r.memory_pressure)},
          {"io_pressure_ms", pressure(r.io_pressure)}};
}

std::optional<Resources> ResourcesFrom(const Json& parent) {
  Json j = ObjectOf(parent, "resources");
  if (j.is_null()) return std::nullopt;
  auto time = [&j](const char* key) { return Millis(JsonOr<std::int64_t>(j, key, 0)); };
  auto pressure = [&](const char* key) {
    auto it = j.find(key);
    return it != j.end() && it->is_number() ? std::optional(time(key)) : std::nullopt;
  };
  Resources r{
      .worked = time("worked_ms"), .cpu = time("cpu_ms"), .throttled = time("throttled_ms")};
  r.memory_peak_bytes = JsonOr<std::uint64_t>(j, "memory_peak_bytes", 0);
  r.memory_limit_bytes = JsonOr<std::uint64_t>(j, "memory_limit_bytes", 0);
  r.disk_bytes = JsonOr<std::uint64_t>(j, "disk_bytes", 0);
  r.oom_kills = JsonOr<std::int64_t>(j, "oom_kills", 0);
  r.outage = time("outage_ms");
  r.cpu_pressure = pressure("cpu_pressure_ms");
  r.memory_pressure = pressure("memory_pressure_ms");
  r.io_pressure = pressure("io_pressure_ms");
  return r;
}

AgentEnd AgentEndFrom(const Json& parent) {
  Json agent = ObjectOf(parent, "agent");
  return {JsonOr<std::string>(agent, "end", ""), JsonOr<std::string>(agent, "detail", "")};
}

Validations ValidationsFrom(const Json& parent) {
  Json v = ObjectOf(parent, "validations");
  return {JsonOr<std::int64_t>(v, "valid", 0), JsonOr<std::int64_t>(v, "invalid", 0),
          JsonOr<std::int64_t>(v, "refused", 0)};
}

std::optional<Isolation> IsolationFrom(const Json& parent) {
  Json json = ObjectOf(parent, "isolation");
  if (json.is_null()) return std::nullopt;
  return Isolation{JsonOr<std::string>(json, "backend", ""),
                   JsonOr<std::map<std::string, std::string>>(json, "enforced", {}),
                   JsonOr<std::vector<std::string>>(json, "not_enforced", {})};
}

// Null where a model has no known price.
std::string PriceOr(const Json& json) {
  bool unknown = json.contains("cost_usd") && json["cost_usd"].is_null();
  return unknown ? "" : JsonOr<std::string>(json, "cost_usd", "0");
}

std::optional<ModelsSpent> ModelsSpentFrom(const Json& parent) {
  Json json = ObjectOf(parent, "models");
  if (json.is_null()) return std::nullopt;
  return ModelsSpent{JsonOr<std::int64_t>(json, "requests", 0),
                     JsonOr<std::int64_t>(json, "input_tokens", 0),
                     JsonOr<std::int64_t>(json, "cached_tokens", 0),
                     JsonOr<std::int64_t>(json, "output_tokens", 0),
                     PriceOr(json),
                     Millis(JsonOr<std::int64_t>(json, "wait_ms", 0)),
                     JsonOr<std::map<std::string, std::int64_t>>(json, "injected_faults", {})};
}

std::string ToText(const TrialVerdict& v) {
  OrderedJson out;
  out["schema"] = std::string(kKind) + "/1";
  out["outcome"] = std::string(OutcomeText(OutcomeOf(v.grade)));
  out["grade"] = GradeRecordJson(v.grade);
  out["agent"] = ToJson(v.agent);
  out["image"] = v.image;
  out["isolation"] = ToJson(v.isolation);
  out["validations"] = ToJson(v.validations);
  out["models"] = ToJson(v.models);
  if (!v.top_k.empty()) out["top_k"] = ToJson(v.top_k);
  if (!v.reveals.empty()) out["reveals"] = v.reveals;
  if (!v.cell.empty()) out["cell"] = v.cell;
  if (!v.variants.empty()) out["variants"] = v.variants;
  if (v.resources) out["resources"] = ToJson(*v.resources);
  if (v.attempts != 1) out["attempts"] = v.attempts;
  return DumpJson(out, 2) + "\n";
}

Result<TrialVerdict> ParseTrialVerdict(std::string_view text, std::string_view where) {
  PODIUM_ASSIGN(Json json, ParseJson(text, where));
  PODIUM_ASSIGN(auto schema, JsonGet<std::string>(json, "schema"));
  PODIUM_TRY(SchemaNumber(schema, kKind, 1, where));
  auto grade = json.find("grade");
  if (grade == json.end() || !grade->is_object())
    return Fail(ErrorCode::kIo, std::string(where) + ": member 'grade' is missing");
  TrialVerdict v;
  PODIUM_ASSIGN(v.grade, GradeRecordFrom(*grade, where));
  v.agent = AgentEndFrom(json);
  v.image = JsonOr<std::string>(json, "image", "");
  v.isolation = IsolationFrom(json);
  v.validations = ValidationsFrom(json);
  v.models = ModelsSpentFrom(json);
  v.top_k = TopKFrom(json);
  v.reveals = JsonOr<std::vector<std::string>>(json, "reveals", {});
  v.cell = JsonOr<std::map<std::string, std::string>>(json, "cell", {});
  v.variants = JsonOr<std::vector<std::string>>(json, "variants", {});
  v.resources = ResourcesFrom(json);
  v.attempts = JsonOr(json, "attempts", 1);
  return v;
}

}  // namespace podium::records
