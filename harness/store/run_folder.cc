#include "harness/store/run_folder.h"

#include <algorithm>
#include <cstdlib>

#include "base/csv.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/store/history.h"
#include "harness/store/lease.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

std::optional<double> OptionalNumber(const Json& object, const char* key) {
  if (!object.is_object()) return std::nullopt;
  auto it = object.find(key);
  if (it == object.end() || !it->is_number()) return std::nullopt;
  return it->get<double>();
}

void TakeNode(TrialView& t, const JournalEvent& e, Millis active) {
  auto node = agents::NodeFromJson(e.body_json);
  if (!node) return;
  t.nodes.push_back(std::move(*node));
  t.node_times.push_back(active);
}

// Milliseconds since the epoch of "2026-11-24T01:54:57.123Z".
std::int64_t ParseIso(const std::string& text) {
  std::tm tm{};
  int ms = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                  &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
    return 0;
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  return static_cast<std::int64_t>(timegm(&tm)) * 1000 + ms;
}

// What an event "outage" says was waited: no working time.
Millis WaitedOut(const JournalEvent& e) {
  auto body = ParseJson(e.body_json, "event");
  return Millis(body ? std::max<std::int64_t>(0, JsonOr<std::int64_t>(*body, "waited_ms", 0)) : 0);
}

// Walks the events once: attempts, failure, active time, nodes.
void Replay(TrialView& t) {
  Millis active{0};
  std::int64_t last = 0;
  bool working = false;
  for (const auto& e : t.events) {
    std::int64_t now = ParseIso(e.time);
    if (e.type == "attempt") {
      ++t.attempts;
      if (t.started.empty()) t.started = e.time;
      t.failure.clear();
      working = true;
    } else if (working && last > 0) {
      active += Millis(std::max<std::int64_t>(0, now - last));
    }
    last = now;
    if (e.type == "outage") active = std::max(Millis(0), active - WaitedOut(e));
    if (e.type == "node") TakeNode(t, e, active);
    if (e.type == "failed") {
      auto body = ParseJson(e.body_json, "event");
      t.failure = body ? JsonOr<std::string>(*body, "message", "failed") : "failed";
      working = false;
    }
    if (e.type == "paused") working = false;
    if (e.type == "graded") t.ended = e.time;
  }
  t.active = active;
}

}  // namespace

Result<VerdictView> ParseVerdict(const std::string& text, std::string_view name) {
  PODIUM_ASSIGN(Json json, ParseJson(text, name));
  auto grade = json.find("grade");
  if (grade == json.end() || !grade->is_object())
    return Fail(ErrorCode::kIo, std::string(name) + ": member 'grade' is missing");
  VerdictView v;
  v.json = text;
  PODIUM_ASSIGN(v.verdict, JsonGet<std::string>(*grade, "verdict"));
  v.reason = JsonOr<std::string>(*grade, "reason", "");
  v.detail = JsonOr<std::string>(*grade, "detail", "");
  v.score = OptionalNumber(*grade, "score");
  v.lower_is_better = JsonOr(*grade, "lower_is_better", false);
  v.medal = JsonOr<std::string>(*grade, "medal", "none");
  v.above_median = JsonOr(*grade, "above_median", false);
  v.percentile = OptionalNumber(*grade, "percentile");
  if (auto rank = OptionalNumber(*grade, "rank")) v.rank = static_cast<int>(*rank);
  v.leaderboard_rows = JsonOr(*grade, "leaderboard_rows", 0);
  v.submission_sha256 = JsonOr<std::string>(*grade, "submission_sha256", "");
  Json lines = grade->value("thresholds", Json::object());
  v.gold = OptionalNumber(lines, "gold");
  v.silver = OptionalNumber(lines, "silver");
  v.bronze = OptionalNumber(lines, "bronze");
  v.median = OptionalNumber(lines, "median");
  Json agent = json.value("agent", Json::object());
  v.agent_end = JsonOr<std::string>(agent, "end", "");
  v.agent_detail = JsonOr<std::string>(agent, "detail", "");
  v.image_digest = JsonOr<std::string>(json, "image", "");
  return v;
}

TrialView ReadTrial(const fs::path& trial_dir, const TrialId& id, const Clock& clock) {
  TrialView t;
  t.id = id;
  t.dir = trial_dir;
  t.state = "pending";
  std::error_code ec;
  if (fs::exists(trial_dir / "journal.jsonl", ec)) {
    auto events = ReadJournal(trial_dir / "journal.jsonl");
    if (events) {
      t.events = std::move(*events);
    } else {
      t.failure = events.error().message;
    }
  }
  std::string damaged = t.failure;
  Replay(t);
  if (!damaged.empty()) t.failure = damaged;
  if (auto text = ReadFile(trial_dir / "verdict.json", 16 << 20)) {
    auto verdict = ParseVerdict(*text, (trial_dir / "verdict.json").string());
    if (verdict) t.verdict = std::move(*verdict);
    if (!verdict) t.failure = verdict.error().message;
  }
  if (t.verdict) {
    t.state = "done";
  } else if (!LeaseOwner(trial_dir, clock).empty()) {
    t.state = "running";
  } else if (!t.failure.empty()) {
    t.state = "failed";
  } else if (t.attempts > 0) {
    t.state = "paused";
  }
  return t;
}

namespace {

// Whether every row of a board is an entry to the competition itself.
bool IsHumanBoard(const fs::path& file) {
  auto text = ReadFile(file, 64 << 20);
  if (!text) return false;
  CsvReader reader(*text);
  std::vector<std::string_view> cells;
  auto more = reader.Next(cells);
  auto kind = static_cast<std::size_t>(std::ranges::find(cells, "kind") - cells.begin());
  if (!more || !*more || kind == cells.size()) return false;
  for (more = reader.Next(cells); more && *more; more = reader.Next(cells)) {
    if (kind >= cells.size() || cells[kind] != "competition-entry") return false;
  }
  return more.has_value();
}

}  // namespace

Result<RunView> ReadRun(const fs::path& run_dir, const Clock& clock) {
  RunView run;
  run.dir = run_dir;
  run.name = fs::absolute(run_dir).filename().string();
  PODIUM_ASSIGN(run.config_yaml, ReadFile(run_dir / "run.yaml", 16 << 20));
  PODIUM_ASSIGN(run.lock_json, ReadFile(run_dir / "lock.json", 64 << 20));
  PODIUM_ASSIGN(Json lock, ParseJson(run.lock_json, (run_dir / "lock.json").string()));
  RunFolder folder{run_dir};
  for (const auto& item : lock.value("trials", Json::array())) {
    TrialId id;
    PODIUM_ASSIGN(id.task, TaskId::Parse(JsonOr<std::string>(item, "task", "")));
    PODIUM_ASSIGN(id.agent, AgentId::Parse(JsonOr<std::string>(item, "agent", "")));
    id.seed = JsonOr(item, "seed", 0);
    run.trials.push_back(ReadTrial(folder.TrialDir(id), id, clock));
    if (IsHumanBoard(run_dir / "boards" / (id.task.str() + ".csv")))
      run.human_boards.insert(id.task);
  }
  auto history = History(run_dir).Read();
  if (!history) run.flags.push_back(history.error().message);
  for (auto& flag : HistoryFlags(history ? *history : std::vector<HistoryEntry>(), run))
    run.flags.push_back(flag.trial + ": " + flag.text);
  return run;
}

fs::path RunsDir() {
  const char* own = std::getenv("PODIUM_RUNS");
  return own && *own ? fs::path(own) : fs::path("runs");
}

Result<fs::path> FindRun(const std::string& name) {
  std::error_code ec;
  if (!name.empty() && fs::exists(fs::path(name) / "lock.json", ec)) return fs::path(name);
  if (!name.empty() && fs::exists(RunsDir() / name / "lock.json", ec)) return RunsDir() / name;
  std::vector<std::string> names;
  fs::path newest;
  fs::file_time_type newest_time{};
  for (fs::directory_iterator it(RunsDir(), ec), end; !ec && it != end; it.increment(ec)) {
    if (!fs::exists(it->path() / "lock.json", ec)) continue;
    names.push_back(it->path().filename().string());
    auto time = fs::last_write_time(it->path() / "lock.json", ec);
    if (newest.empty() || time > newest_time) {
      newest = it->path();
      newest_time = time;
    }
  }
  if (name.empty() && !newest.empty()) return newest;
  std::string where = fs::absolute(RunsDir()).string();
  if (name.empty())
    return Fail(ErrorCode::kNotFound,
                "there is no run in " + where + " yet: start one with `podium run`");
  return Fail(ErrorCode::kNotFound,
              "there is no run '" + name + "' in " + where + "." + Suggest(name, names));
}

}  // namespace podium::harness
