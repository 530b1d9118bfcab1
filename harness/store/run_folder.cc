#include "harness/store/run_folder.h"

#include <algorithm>
#include <cstdlib>

#include "base/csv.h"
#include "base/foreign_folder.h"
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

// A run may come from elsewhere: a node that names a later one, itself or nothing as its parent
// would send a reader of the tree astray.
Status TakeNode(TrialView& t, const JournalEvent& e, Millis active) {
  PODIUM_ASSIGN(auto node, agents::NodeFromJson(e.body_json));
  int next = static_cast<int>(t.nodes.size());
  if (node.id != next || node.parent < -1 || node.parent >= next)
    return Fail(ErrorCode::kIo, "journal event " + std::to_string(e.number) + ": node " +
                                    std::to_string(node.id) + " with parent " +
                                    std::to_string(node.parent) + " cannot be node " +
                                    std::to_string(next) + " of a search");
  t.nodes.push_back(std::move(node));
  t.node_times.push_back(active);
  return {};
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

// Walks the events once: attempts, failure, working time, nodes.
class Replayer {
 public:
  Replayer(TrialView& trial, Worked lease) : t_(trial), lease_(lease) {}

  void Run() {
    for (const auto& e : t_.events) Take(e);
    if (t_.attempts > 0 && !ended_ && lease_.attempt == t_.attempts)
      active_ = std::max(active_, before_ + lease_.time);
    t_.active = active_;
  }

 private:
  void Take(const JournalEvent& e) {
    auto body = ParseJson(e.body_json, "event");
    auto number = [&](const char* key, std::int64_t fallback) {
      return body ? JsonOr<std::int64_t>(*body, key, fallback) : fallback;
    };
    if (e.type == "attempt") return Begin(e, Millis(number("used_ms", active_.count())));
    if (e.type == "outage") outages_ += Millis(std::max<std::int64_t>(0, number("waited_ms", 0)));
    Millis since_begin = std::max(Millis(0), Millis(ParseIso(e.time) - begun_) - outages_);
    if (!ended_) active_ = before_ + since_begin;
    if (e.type == "node") {
      if (auto taken = TakeNode(t_, e, active_); !taken) t_.failure = taken.error().message;
    }
    if (e.type == "failed")
      t_.failure = body ? JsonOr<std::string>(*body, "message", "failed") : "failed";
    if (e.type == "failed" || e.type == "paused" || e.type == "sealed")
      End(Millis(number("worked_ms", since_begin.count())));
    if (e.type == "graded") t_.ended = e.time;
  }

  void Begin(const JournalEvent& e, Millis used) {
    ++t_.attempts;
    if (t_.started.empty()) t_.started = e.time;
    t_.failure.clear();
    begun_ = ParseIso(e.time);
    before_ = active_ = used;
    outages_ = Millis(0);
    ended_ = false;
  }

  // What the attempt itself measured counts, and not what the clock on the wall says: a machine
  // that slept did not work.
  void End(Millis worked) {
    if (!ended_) active_ = before_ + worked;
    ended_ = true;
  }

  TrialView& t_;
  Worked lease_;
  std::int64_t begun_ = 0;
  Millis before_{0}, active_{0}, outages_{0};  // outages: of the attempt, in which nobody worked
  bool ended_ = true;
};

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

namespace {

void ReadEvents(TrialView& t, const ForeignFolder& folder) {
  auto there = folder.Has("journal.jsonl");
  if (there && !*there) return;
  auto events = there ? ReadJournal(t.dir / "journal.jsonl") : tl::unexpected(there.error());
  if (events) t.events = std::move(*events);
  Replayer(t, WorkedSoFar(t.dir)).Run();
  if (!events) t.failure = events.error().message;
}

void ReadVerdict(TrialView& t, const ForeignFolder& folder) {
  auto text = folder.Read("verdict.json", 16 << 20);
  if (!text && text.error().code == ErrorCode::kNotFound) return;
  auto verdict =
      text ? ParseVerdict(*text, (t.dir / "verdict.json").string()) : tl::unexpected(text.error());
  if (verdict) t.verdict = std::move(*verdict);
  if (!verdict) t.failure = verdict.error().message;
}

std::string StateOf(const TrialView& t, const Clock& clock) {
  if (t.verdict) return "done";
  if (!LeaseOwner(t.dir, clock).empty()) return "running";
  if (!t.failure.empty()) return "failed";
  return t.attempts > 0 ? "paused" : "pending";
}

}  // namespace

TrialView ReadTrial(const fs::path& trial_dir, const TrialId& id, const Clock& clock) {
  TrialView t;
  t.id = id;
  t.dir = trial_dir;
  t.state = "pending";
  auto folder = ForeignFolder::Open(trial_dir);
  if (!folder) return t;
  ReadEvents(t, *folder);
  ReadVerdict(t, *folder);
  t.state = StateOf(t, clock);
  return t;
}

namespace {

// Whether every row of a board is an entry to the competition itself.
bool IsHumanBoard(const ForeignFolder& run, const std::string& file) {
  auto text = run.Read(file, 64 << 20);
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

namespace {

TaskNote NoteOf(const Json& lock, const TaskId& id) {
  Json all = lock.value("packages", Json::object());
  Json note = all.is_object() ? all.value(id.str(), Json::object()) : Json::object();
  return {JsonOr<std::string>(note, "title", id.str()), JsonOr<std::string>(note, "board", ""),
          JsonOr(note, "own", false), JsonOr<std::string>(note, "folder", "")};
}

}  // namespace

Result<RunView> ReadRun(const fs::path& run_dir, const Clock& clock) {
  RunView run;
  run.dir = run_dir;
  run.name = fs::absolute(run_dir).filename().string();
  PODIUM_ASSIGN(auto root, ForeignFolder::Open(run_dir));
  PODIUM_ASSIGN(run.config_yaml, root.Read("run.yaml", 16 << 20));
  PODIUM_ASSIGN(run.lock_json, root.Read("lock.json", 64 << 20));
  PODIUM_ASSIGN(Json lock, ParseJson(run.lock_json, (run_dir / "lock.json").string()));
  RunFolder folder{run_dir};
  for (const auto& item : lock.value("trials", Json::array())) {
    TrialId id;
    PODIUM_ASSIGN(id.task, TaskId::Parse(JsonOr<std::string>(item, "task", "")));
    PODIUM_ASSIGN(id.agent, AgentId::Parse(JsonOr<std::string>(item, "agent", "")));
    id.seed = JsonOr(item, "seed", 0);
    auto there = root.Folder(RunFolder::NameOf(id));  // a link on the way is an error
    if (!there && there.error().code != ErrorCode::kNotFound) return tl::unexpected(there.error());
    run.trials.push_back(ReadTrial(folder.TrialDir(id), id, clock));
    if (!run.tasks.emplace(id.task, NoteOf(lock, id.task)).second) continue;
    if (!run.tasks[id.task].own && IsHumanBoard(root, "boards/" + id.task.str() + ".csv"))
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
