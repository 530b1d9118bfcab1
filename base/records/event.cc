#include "base/records/event.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/records/event_json.h"
#include "base/records/trial_verdict_json.h"
#include "base/text.h"

namespace podium::records {
namespace {

using Number = std::int64_t;

// What stands where a member is absent or of another type.
Number Whole(const Json& j, const char* key) { return JsonOr<Number>(j, key, 0); }
std::uint64_t Size(const Json& j, const char* key) { return JsonOr<std::uint64_t>(j, key, 0); }
std::string Text(const Json& j, const char* key) { return JsonOr<std::string>(j, key, ""); }
Millis Time(const Json& j, const char* key) {
  return Millis(std::max<Number>(0, JsonOr<Number>(j, key, 0)));
}

std::optional<double> Real(const Json& j, const char* key) {
  auto it = j.find(key);
  return it != j.end() && it->is_number() ? std::optional(it->get<double>()) : std::nullopt;
}

std::optional<Millis> Worked(const Json& j) {
  return j.contains("worked_ms") ? std::optional(Time(j, "worked_ms")) : std::nullopt;
}

Json With(Json body, std::optional<Millis> worked) {
  if (worked) body["worked_ms"] = worked->count();
  return body;
}

Json ToJson(const Attempt& e) {
  return {{"pid", e.pid}, {"wall_ms", e.wall.count()}, {"used_ms", e.used.count()}};
}
Result<Event> From(const Json& j, std::type_identity<Attempt>) {
  return Attempt{Whole(j, "pid"), Time(j, "wall_ms"), Time(j, "used_ms")};
}

Json ToJson(const SearchNode& n) {
  Json tokens = {{"prompt", n.tokens.prompt},
                 {"completion", n.tokens.completion},
                 {"calls", n.tokens.calls},
                 {"wait_ms", n.tokens.wait.count()}};
  Json out = {{"id", n.id},         {"parents", n.parents},
              {"op", n.op},         {"source", n.source},
              {"plan", n.plan},     {"code", n.code},
              {"end", n.end},       {"exit_code", n.exit_code},
              {"output", n.output}, {"exec_ms", n.exec_wall.count()},
              {"tokens", tokens},   {"submission", n.submission_digest},
              {"fault", n.fault},   {"detail", n.detail}};
  out["score"] = n.score ? Json(*n.score) : Json();
  if (n.step != n.id) out["step"] = n.step;
  if (n.own_score) out["own_score"] = *n.own_score;
  if (!n.place.empty()) out["place"] = n.place;
  if (n.choice_score) out["choice_score"] = *n.choice_score;
  return out;
}

// Schema 1 knew one parent, and -1 for none.
Result<std::vector<int>> ParentsOf(const Json& j) {
  if (j.contains("parents")) return JsonGet<std::vector<int>>(j, "parents");
  PODIUM_ASSIGN(int parent, JsonGet<int>(j, "parent"));
  return parent == -1 ? std::vector<int>() : std::vector<int>{parent};
}

Result<Event> From(const Json& j, std::type_identity<SearchNode>) {
  SearchNode n;
  PODIUM_ASSIGN(n.id, JsonGet<int>(j, "id"));
  PODIUM_ASSIGN(n.parents, ParentsOf(j));
  PODIUM_ASSIGN(n.op, JsonGet<std::string>(j, "op"));
  n.step = JsonOr(j, "step", n.id);
  n.source = Text(j, "source");
  n.plan = Text(j, "plan");
  n.code = Text(j, "code");
  n.end = Text(j, "end");
  n.exit_code = JsonOr(j, "exit_code", -1);
  n.output = Text(j, "output");
  n.exec_wall = Time(j, "exec_ms");
  n.submission_digest = Text(j, "submission");
  n.fault = Text(j, "fault");
  n.detail = Text(j, "detail");
  n.score = Real(j, "score");
  n.own_score = Real(j, "own_score");
  n.place = JsonOr<std::string>(j, "place", "");
  n.choice_score = Real(j, "choice_score");
  if (auto t = j.find("tokens"); t != j.end())
    n.tokens = {Whole(*t, "prompt"), Whole(*t, "completion"), JsonOr(*t, "calls", 0),
                Time(*t, "wait_ms")};
  return n;
}

Json ToJson(const Begun& e) {
  return {{"step", e.step},
          {"parents", e.parents},
          {"op", e.op},
          {"seen", e.seen},
          {"worker", e.worker}};
}
Result<Event> From(const Json& j, std::type_identity<Begun>) {
  Begun e;
  e.step = JsonOr(j, "step", -1);  // which its reader refuses
  PODIUM_ASSIGN(e.parents, JsonGet<std::vector<int>>(j, "parents"));
  PODIUM_ASSIGN(e.op, JsonGet<std::string>(j, "op"));
  e.seen = JsonOr(j, "seen", 0);
  e.worker = JsonOr(j, "worker", 0);
  return e;
}

Json ToJson(const Exec& e) {
  return {{"command", e.command},      {"end", e.end},
          {"exit_code", e.exit_code},  {"signal", e.signal},
          {"wall_ms", e.wall.count()}, {"output_bytes", e.output_bytes},
          {"output", e.output}};
}
Result<Event> From(const Json& j, std::type_identity<Exec>) {
  return Exec{Text(j, "command"),     Text(j, "end"),     JsonOr(j, "exit_code", 0),
              JsonOr(j, "signal", 0), Time(j, "wall_ms"), Size(j, "output_bytes"),
              Text(j, "output")};
}

Json ToJson(const Snapshot& e) { return {{"digest", e.digest}, {"bytes", e.bytes}}; }
Result<Event> From(const Json& j, std::type_identity<Snapshot>) {
  return Snapshot{Text(j, "digest"), Size(j, "bytes")};
}

Json ToJson(const Validation& e) {
  return {{"valid", e.valid}, {"reason", e.reason}, {"bytes", e.bytes}};
}
Result<Event> From(const Json& j, std::type_identity<Validation>) {
  return Validation{JsonOr(j, "valid", false), Text(j, "reason"), Size(j, "bytes")};
}

Json ToJson(const Outage& e) { return {{"waited_ms", e.waited.count()}, {"why", e.why}}; }
Result<Event> From(const Json& j, std::type_identity<Outage>) {
  return Outage{Time(j, "waited_ms"), Text(j, "why")};
}

Json ToJson(const Taken& e) {
  if (!e.failed.empty()) return {{"folder", e.folder}, {"failed", e.failed}};
  Json out = {{"folder", e.folder},
              {"files", e.files},
              {"bytes", e.bytes},
              {"left_out", e.left_out},
              {"complete", e.complete}};
  if (!e.because.empty()) out["because"] = e.because;
  return out;
}
Result<Event> From(const Json& j, std::type_identity<Taken>) {
  return Taken{Text(j, "folder"),
               Size(j, "files"),
               Size(j, "bytes"),
               Size(j, "left_out"),
               JsonOr(j, "complete", true),
               JsonOr<std::vector<std::string>>(j, "because", {}),
               Text(j, "failed")};
}

Json ToJson(const FellBack& e) { return {{"to", e.to}}; }
Result<Event> From(const Json& j, std::type_identity<FellBack>) { return FellBack{Text(j, "to")}; }

Json ToJson(const Service& e) { return {{"service", e.service}, {"missing", e.missing}}; }
Result<Event> From(const Json& j, std::type_identity<Service>) {
  return Service{Text(j, "service"), Text(j, "missing")};
}

Json ToJson(const ModelCall& e) {
  Json out = {{"model", e.model},
              {"format", e.format},
              {"status", e.status},
              {"end", e.end},
              {"input_tokens", e.input_tokens},
              {"cached_tokens", e.cached_tokens},
              {"cache_write_tokens", e.cache_write_tokens},
              {"output_tokens", e.output_tokens},
              {"cost_usd", e.cost_usd.empty() ? Json() : Json(e.cost_usd)},
              {"held_ms", e.held.count()},
              {"wait_ms", e.wait.count()},
              {"wall_ms", e.wall.count()},
              {"replayed", e.replayed},
              {"digest", e.digest}};
  if (e.reasoning_tokens > 0) out["reasoning_tokens"] = e.reasoning_tokens;
  if (!e.answer.empty()) out["answer"] = e.answer;
  return out;
}
Result<Event> From(const Json& j, std::type_identity<ModelCall>) {
  ModelCall e{Text(j, "model"), Text(j, "format"), JsonOr(j, "status", 0), Text(j, "end")};
  e.input_tokens = Whole(j, "input_tokens");
  e.cached_tokens = Whole(j, "cached_tokens");
  e.cache_write_tokens = Whole(j, "cache_write_tokens");
  e.output_tokens = Whole(j, "output_tokens");
  e.reasoning_tokens = Whole(j, "reasoning_tokens");
  bool unpriced = j.contains("cost_usd") && j["cost_usd"].is_null();
  e.cost_usd = unpriced ? "" : JsonOr<std::string>(j, "cost_usd", "0");
  e.held = Time(j, "held_ms");
  e.wait = Time(j, "wait_ms");
  e.wall = Time(j, "wall_ms");
  e.replayed = JsonOr(j, "replayed", false);
  e.digest = Text(j, "digest");
  e.answer = Text(j, "answer");
  return e;
}

Json ToJson(const GatewayFlag& e) {
  return {{"code", e.code}, {"detail", e.detail}, {"count", e.count}};
}
Result<Event> From(const Json& j, std::type_identity<GatewayFlag>) {
  return GatewayFlag{Text(j, "code"), Text(j, "detail"), Whole(j, "count")};
}

Json ToJson(const Failed& e) {
  Json out = With({{"code", e.code}, {"message", e.message}}, e.worked);
  if (!e.host.empty()) out["host"] = e.host;
  return out;
}
Result<Event> From(const Json& j, std::type_identity<Failed>) {
  return Failed{Text(j, "code"), JsonOr<std::string>(j, "message", "failed"), Worked(j),
                Text(j, "host")};
}

Json ToJson(const Exhausted& e) { return {{"failures", e.failures}, {"why", e.why}}; }
Result<Event> From(const Json& j, std::type_identity<Exhausted>) {
  return Exhausted{Whole(j, "failures"), Text(j, "why")};
}

Json ToJson(const Retried& e) { return {{"why", e.why}}; }
Result<Event> From(const Json& j, std::type_identity<Retried>) { return Retried{Text(j, "why")}; }

Json ToJson(const Paused& e) {
  return With({{"validations_refused", e.validations_refused}}, e.worked);
}
Result<Event> From(const Json& j, std::type_identity<Paused>) {
  return Paused{Whole(j, "validations_refused"), Worked(j)};
}

Json ToJson(const Sealed& e) {
  Json out = {{"agent", ToJson(e.agent)},
              {"validations", ToJson(e.validations)},
              {"hand_over",
               {{"status", HandOverText(e.hand_over.status)},
                {"reason", e.hand_over.reason},
                {"detail", e.hand_over.detail}}},
              {"models", ToJson(e.models)}};
  if (e.isolation) out["isolation"] = ToJson(e.isolation);
  if (e.file != "submission.csv") out["file"] = e.file;
  if (!e.candidates.empty()) out["candidates"] = e.candidates;
  if (!e.reveals.empty()) out["reveals"] = e.reveals;
  if (e.resources) out["resources"] = ToJson(*e.resources);
  return With(std::move(out), e.worked);
}
Result<Event> From(const Json& j, std::type_identity<Sealed>) {
  Sealed e;
  e.agent = AgentEndFrom(j);
  e.worked = Worked(j);
  e.validations = ValidationsFrom(j);
  Json hand_over = j.value("hand_over", Json::object());
  auto status = JsonOr<std::string>(hand_over, "status", "missing");
  PODIUM_ASSIGN(e.hand_over.status, ParseHandOverStatus(status));
  e.hand_over.reason = Text(hand_over, "reason");
  e.hand_over.detail = Text(hand_over, "detail");
  e.file = JsonOr<std::string>(j, "file", "submission.csv");
  e.isolation = IsolationFrom(j);
  e.models = ModelsSpentFrom(j);
  e.candidates = JsonOr<std::vector<int>>(j, "candidates", {});
  e.reveals = JsonOr<std::vector<std::string>>(j, "reveals", {});
  e.resources = ResourcesFrom(j);
  return e;
}

Json ToJson(const Graded& e) { return {{"verdict", e.verdict}}; }
Result<Event> From(const Json& j, std::type_identity<Graded>) { return Graded{Text(j, "verdict")}; }

Json ToJson(const Forked& e) {
  return {{"run", e.run}, {"trial", e.trial}, {"step", e.step}, {"journal", e.journal}};
}
Result<Event> From(const Json& j, std::type_identity<Forked>) {
  return Forked{Text(j, "run"), Text(j, "trial"), Whole(j, "step"), Text(j, "journal")};
}

Json ToJson(const Rebuilt& e) {
  Json out = {{"nodes", e.nodes}, {"different", e.different}};
  if (e.restored >= 0) out["restored"] = e.restored;
  if (!e.why.empty()) out["why"] = e.why;
  return out;
}
Result<Event> From(const Json& j, std::type_identity<Rebuilt>) {
  return Rebuilt{Whole(j, "nodes"), JsonOr<std::vector<int>>(j, "different", {}),
                 JsonOr(j, "restored", -1), Text(j, "why")};
}

Json ToJson(const Layer& e) {
  Json out = {{"step", e.step}, {"below", e.below}, {"digest", e.digest}, {"bytes", e.bytes}};
  if (!e.failed.empty()) out["failed"] = e.failed;
  return out;
}
Result<Event> From(const Json& j, std::type_identity<Layer>) {
  return Layer{JsonOr(j, "step", -1), JsonOr(j, "below", -1), Text(j, "digest"), Size(j, "bytes"),
               Text(j, "failed")};
}

Json ToJson(const AnswerRef& r) {
  return {{"record", r.record}, {"answer", r.answer}, {"format", r.format}};
}
AnswerRef AnswerFrom(const Json& j, const char* key) {
  const Json ref = j.value(key, Json::object());
  if (!ref.is_object()) return {};
  return {Text(ref, "record"), Text(ref, "answer"), Text(ref, "format")};
}

Json ToJson(const JobStarted& e) {
  return {{"job", e.job}, {"step", e.step}, {"command", e.command}, {"most_ms", e.most.count()}};
}
Result<Event> From(const Json& j, std::type_identity<JobStarted>) {
  return JobStarted{JsonOr(j, "job", 0), JsonOr(j, "step", 0), Text(j, "command"),
                    Time(j, "most_ms")};
}

Json ToJson(const JobEnded& e) {
  return {{"job", e.job},
          {"end", e.end},
          {"exit_code", e.exit_code},
          {"signal", e.signal},
          {"wall_ms", e.wall.count()},
          {"output_bytes", e.output_bytes}};
}
Result<Event> From(const Json& j, std::type_identity<JobEnded>) {
  return JobEnded{JsonOr(j, "job", 0),    Text(j, "end"),     JsonOr(j, "exit_code", -1),
                  JsonOr(j, "signal", 0), Time(j, "wall_ms"), Size(j, "output_bytes")};
}

std::vector<JobSeen> JobsSeen(const Json& j) {
  std::vector<JobSeen> out;
  for (const Json& one : j.value("jobs", Json::array())) {
    if (!one.is_object()) continue;
    out.push_back({JsonOr(one, "job", 0), Size(one, "bytes"), JsonOr(one, "running", false)});
  }
  return out;
}

Json ToJson(const ToolUse& e) {
  Json out = {{"step", e.step},
              {"said", e.said},
              {"tool", e.tool},
              {"arguments", e.arguments},
              {"end", e.end},
              {"exit_code", e.exit_code},
              {"left_ms", e.left.count()},
              {"wall_ms", e.wall.count()},
              {"failed", e.failed},
              {"observation", e.observation}};
  for (const JobSeen& seen : e.jobs)
    out["jobs"].push_back({{"job", seen.job}, {"bytes", seen.bytes}, {"running", seen.running}});
  if (!e.from.record.empty()) out["from"] = ToJson(e.from);
  if (!e.summary.record.empty()) out["summary"] = ToJson(e.summary);
  return out;
}
Result<Event> From(const Json& j, std::type_identity<ToolUse>) {
  return ToolUse{JsonOr(j, "step", 0),    Text(j, "said"),    Text(j, "tool"),
                 Text(j, "arguments"),    Text(j, "end"),     JsonOr(j, "exit_code", 0),
                 Time(j, "left_ms"),      Time(j, "wall_ms"), JsonOr(j, "failed", false),
                 Text(j, "observation"),  JobsSeen(j),        AnswerFrom(j, "from"),
                 AnswerFrom(j, "summary")};
}

Json ToJson(const KnowledgeUse& e) {
  return {{"by", e.by}, {"query", e.query}, {"passages", e.passages}};
}
Result<Event> From(const Json& j, std::type_identity<KnowledgeUse>) {
  return KnowledgeUse{Text(j, "by"), Text(j, "query"),
                      JsonOr<std::vector<std::string>>(j, "passages", {})};
}

Json ToJson(const AcpUpdate& e) { return {{"round", e.round}, {"kind", e.kind}, {"text", e.text}}; }
Result<Event> From(const Json& j, std::type_identity<AcpUpdate>) {
  return AcpUpdate{JsonOr(j, "round", 1), Text(j, "kind"), Text(j, "text")};
}

Json ToJson(const InjectedFault& e) {
  return {{"number", e.number}, {"attempt", e.attempt}, {"kind", e.kind}, {"model", e.model}};
}
Result<Event> From(const Json& j, std::type_identity<InjectedFault>) {
  return InjectedFault{Whole(j, "number"), JsonOr(j, "attempt", 0), Text(j, "kind"),
                       Text(j, "model")};
}

// In the order of the variant.
constexpr std::array<std::string_view, std::variant_size_v<Event>> kNames = {
    "attempt",   "node",    "exec",           "snapshot",     "validation", "outage",    "taken",
    "fell_back", "service", "model_call",     "gateway_flag", "failed",     "paused",    "sealed",
    "graded",    "begun",   "forked",         "rebuilt",      "tool",       "knowledge", "acp",
    "exhausted", "retried", "injected_fault", "job_started",  "job_ended",  "layer"};

template <std::size_t... I>
Result<Event> Parse(std::size_t index, const Json& json, std::index_sequence<I...>) {
  Result<Event> out = Fail(ErrorCode::kIo, "no such event");
  (void)((I == index &&
          (out = From(json, std::type_identity<std::variant_alternative_t<I, Event>>()), true)) ||
         ...);
  return out;
}

}  // namespace

std::string_view EventName(const Event& event) { return kNames.at(event.index()); }

std::string BodyText(const Event& event) {
  return DumpJson(std::visit([](const auto& e) { return ToJson(e); }, event));
}

Result<Event> EventFrom(std::string_view name, const Json& body, std::string_view where) {
  auto at = std::ranges::find(kNames, name);
  if (at == kNames.end())
    return Fail(ErrorCode::kIo,
                std::string(where) + ": no event is named '" + Printable(name.substr(0, 60)) + "'");
  if (!body.is_object())
    return Fail(ErrorCode::kIo, std::string(where) + ": an event's body is an object");
  auto index = static_cast<std::size_t>(at - kNames.begin());
  auto event = Parse(index, body, std::make_index_sequence<kNames.size()>());
  if (event) return event;
  return Fail(event.error().code, std::string(where) + ": " + event.error().message);
}

Result<Event> ParseEvent(std::string_view name, std::string_view body, std::string_view where) {
  PODIUM_ASSIGN(Json json, ParseJson(body, where));
  return EventFrom(name, json, where);
}

}  // namespace podium::records
