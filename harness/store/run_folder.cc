#include "harness/store/run_folder.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <thread>

#include "base/csv.h"
#include "base/foreign_folder.h"
#include "base/text.h"
#include "harness/store/history.h"
#include "harness/store/lease.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

constexpr int kMostSteps = 100'000'000;

bool IsStep(int step) { return step >= 0 && step <= kMostSteps; }

// A run may come from elsewhere: a node that names a later one, itself or nothing as its parent
// would send a reader of the tree astray.
Status TakeNode(TrialView& t, const JournalLine& line, const records::SearchNode& node,
                Millis active) {
  int next = static_cast<int>(t.nodes.size());
  bool earlier = std::ranges::all_of(node.parents, [&](int p) { return p >= 0 && p < next; });
  if (node.id != next || !earlier || !IsStep(node.step))
    return Fail(ErrorCode::kIo, "journal event " + std::to_string(line.number) + ": node " +
                                    std::to_string(node.id) + " with parent " +
                                    std::to_string(node.parent()) + " cannot be node " +
                                    std::to_string(next) + " of a search");
  t.nodes.push_back(node);
  t.node_times.push_back(active);
  std::erase_if(t.in_work, [&](const records::Begun& begun) { return begun.step == node.step; });
  return {};
}

Status TakeBegun(TrialView& t, const JournalLine& line, const records::Begun& begun) {
  bool earlier =
      std::ranges::all_of(begun.parents, [&](int p) { return p >= 0 && p < begun.seen; });
  if (!IsStep(begun.step) || begun.seen < 0 || !earlier ||
      begun.seen > static_cast<int>(t.nodes.size()))
    return Fail(ErrorCode::kIo, "journal event " + std::to_string(line.number) + ": step " +
                                    std::to_string(begun.step) + " cannot begin after " +
                                    std::to_string(t.nodes.size()) + " nodes");
  std::erase_if(t.in_work, [&](const records::Begun& b) { return b.step == begun.step; });
  t.in_work.push_back(begun);
  return {};
}

std::int64_t ParseIso(const std::string& text) {
  return std::chrono::duration_cast<Millis>(ParseIsoTime(text).time_since_epoch()).count();
}

constexpr std::size_t kMostPoints = 1000;

// Walks the events once: attempts, failure, working time, nodes, models.
class Replayer {
 public:
  explicit Replayer(TrialView& trial) : t_(trial) {}

  // What the lease says is asked of an attempt that has not ended, and of no other.
  void Run(const std::vector<JournalLine>& lines, const std::function<Worked()>& lease) {
    for (const auto& line : lines) Take(line);
    Worked worked = t_.attempts > 0 && !ended_ ? lease() : Worked{};
    if (worked.attempt > 0 && worked.attempt == t_.attempts)
      active_ = std::max(active_, before_ + worked.time);
    t_.active = active_;
    if (!lines.empty())
      t_.last_event = std::string(records::EventName(lines.back().event)) + " " + lines.back().time;
  }

 private:
  void Take(const JournalLine& line) {
    if (const auto* attempt = std::get_if<records::Attempt>(&line.event))
      return Begin(line, attempt->used);
    if (const auto* outage = std::get_if<records::Outage>(&line.event)) outages_ += outage->waited;
    since_begin_ = std::max(Millis(0), Millis(ParseIso(line.time) - begun_) - outages_);
    if (!ended_) active_ = before_ + since_begin_;
    std::visit([&](const auto& event) { Look(line, event); }, line.event);
  }

  template <class T>
  void Look(const JournalLine&, const T&) {}
  void Look(const JournalLine& line, const records::SearchNode& node) {
    if (auto taken = TakeNode(t_, line, node, active_); !taken) t_.failure = taken.error().message;
  }
  void Look(const JournalLine& line, const records::Begun& begun) {
    if (auto taken = TakeBegun(t_, line, begun); !taken) t_.failure = taken.error().message;
  }
  void Look(const JournalLine&, const records::Forked& event) { t_.forked = event; }
  void Look(const JournalLine& line, const records::ModelCall&) {
    agents::AddEvent(line.event, t_.models);
    SpentBy now{active_, t_.models.tokens.input + t_.models.tokens.output, t_.models.cost};
    // Beyond so many points every second goes.
    if (t_.spent_by.size() >= kMostPoints) {
      std::size_t kept = 0;
      for (std::size_t i = 1; i < t_.spent_by.size(); i += 2) t_.spent_by[kept++] = t_.spent_by[i];
      t_.spent_by.resize(kept);
    }
    t_.spent_by.push_back(now);
  }
  [[nodiscard]] bool IsParents(int step) const {
    return t_.forked && t_.attempts == 1 && step < t_.forked->step;
  }
  void Look(const JournalLine&, const records::JobStarted& job) {
    if (IsParents(job.step)) ++t_.forked_jobs;
  }
  // A later one of the same step is another attempt's.
  void Look(const JournalLine&, const records::Layer& layer) {
    std::erase_if(t_.layers, [&](const auto& l) { return l.step == layer.step; });
    if (!layer.digest.empty()) t_.layers.push_back(layer);
  }
  void Look(const JournalLine&, const records::ToolUse& use) {
    if (IsParents(use.step)) t_.forked_steps.push_back(use);
    ToolCount& count = t_.tools[use.tool];
    ++count.uses;
    count.failed += use.failed;
  }
  void Look(const JournalLine&, const records::Failed& event) {
    t_.failure = event.message;
    t_.reason = event.code;
    t_.failures += event.host.empty();
    End(event.worked);
  }
  void Look(const JournalLine&, const records::Exhausted&) { t_.exhausted = true; }
  void Look(const JournalLine&, const records::Retried& event) {
    t_.retried.push_back(event.why);
    t_.failures = 0;
    t_.exhausted = false;
    t_.reason.clear();
  }
  void Look(const JournalLine&, const records::Paused& event) { End(event.worked); }
  void Look(const JournalLine&, const records::Sealed& event) { End(event.worked); }
  void Look(const JournalLine& line, const records::Graded&) { t_.ended = line.time; }

  void Begin(const JournalLine& line, Millis used) {
    ++t_.attempts;
    // A model with tools begins anew, from where it was forked.
    std::int64_t stands = t_.forked ? t_.forked->step : 0;
    if (t_.nodes.empty()) std::erase_if(t_.layers, [&](const auto& l) { return l.step >= stands; });
    if (t_.started.empty()) t_.started = line.time;
    t_.failure.clear();
    t_.reason.clear();
    begun_ = ParseIso(line.time);
    before_ = active_ = used;
    outages_ = Millis(0);
    ended_ = false;
  }

  // What the attempt itself measured counts, and not what the clock on the wall says: a machine
  // that slept did not work.
  void End(std::optional<Millis> worked) {
    if (!ended_) active_ = before_ + worked.value_or(since_begin_);
    ended_ = true;
  }

  TrialView& t_;
  std::int64_t begun_ = 0;
  Millis since_begin_{0};
  Millis before_{0}, active_{0}, outages_{0};  // outages: of the attempt, in which nobody worked
  bool ended_ = true;
};

}  // namespace

namespace {

void ReadEvents(TrialView& t, const ForeignFolder& folder) {
  auto lines = ReadJournal(folder);
  if (!lines && lines.error().code == ErrorCode::kNotFound) return;
  static const std::vector<JournalLine> kNone;
  Replayer(t).Run(lines ? *lines : kNone, [&t]() { return WorkedSoFar(t.dir); });
  if (!lines) t.failure = lines.error().message;
}

void ReadVerdict(TrialView& t, const ForeignFolder& folder) {
  auto text = folder.Read("verdict.json", 16 << 20);
  if (!text && text.error().code == ErrorCode::kNotFound) return;
  auto verdict = text ? records::ParseTrialVerdict(*text, (t.dir / "verdict.json").string())
                      : tl::unexpected(text.error());
  if (verdict) t.verdict = std::move(*verdict);
  if (!verdict) t.failure = verdict.error().message;
}

std::string StateOf(const TrialView& t, const Clock& clock) {
  if (t.verdict) return "done";
  if (t.exhausted) return "exhausted";
  if (!LeaseOwner(t.dir, clock).empty()) return "running";
  if (!t.failure.empty()) return "failed";
  return t.attempts > 0 ? "paused" : "pending";
}

}  // namespace

namespace {

TrialView Pending(const fs::path& trial_dir, const TrialId& id) {
  TrialView t;
  t.id = id;
  t.dir = trial_dir;
  t.state = "pending";
  return t;
}

TrialView ReadOpened(const ForeignFolder& folder, const TrialId& id, const Clock& clock) {
  TrialView t = Pending(folder.path(), id);
  ReadEvents(t, folder);
  ReadVerdict(t, folder);
  t.state = StateOf(t, clock);
  return t;
}

}  // namespace

TrialView ReadTrial(const fs::path& trial_dir, const TrialId& id, const Clock& clock) {
  auto folder = ForeignFolder::Open(trial_dir);
  return folder ? ReadOpened(*folder, id, clock) : Pending(trial_dir, id);
}

namespace {

template <class T>
std::vector<T> Standing(const std::vector<JournalLine>& lines) {
  std::vector<T> out;
  std::int64_t stands = 0;
  for (const auto& line : lines) {
    if (const auto* forked = std::get_if<records::Forked>(&line.event)) stands = forked->step;
    if (std::holds_alternative<records::Attempt>(line.event))
      std::erase_if(out, [&](const T& one) { return one.step >= stands; });
    if (const T* one = std::get_if<T>(&line.event)) out.push_back(*one);
  }
  return out;
}

}  // namespace

std::vector<records::ToolUse> StepsOf(const std::vector<JournalLine>& lines) {
  return Standing<records::ToolUse>(lines);
}

std::vector<records::JobStarted> JobsOf(const std::vector<JournalLine>& lines) {
  return Standing<records::JobStarted>(lines);
}

bool HasVerdict(const fs::path& trial_dir) {
  auto folder = ForeignFolder::Open(trial_dir);
  auto text = folder ? folder->Read("verdict.json", 16 << 20) : tl::unexpected(folder.error());
  return text && records::ParseTrialVerdict(*text, "verdict.json");
}

TrialView ViewOf(const fs::path& trial_dir, const TrialId& id,
                 const std::vector<JournalLine>& lines, std::optional<TrialVerdict> verdict) {
  TrialView t;
  t.id = id;
  t.dir = trial_dir;
  Replayer(t).Run(lines, []() { return Worked{}; });
  t.verdict = std::move(verdict);
  t.state = t.verdict            ? "done"
            : t.exhausted        ? "exhausted"
            : !t.failure.empty() ? "failed"
            : t.attempts         ? "paused"
                                 : "pending";
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

TaskNote NoteOf(const records::RunLock& lock, const TaskId& id) {
  auto note = lock.packages.find(id.str());
  if (note == lock.packages.end()) return {.title = id.str()};
  const auto& p = note->second;
  return {p.title.empty() ? id.str() : p.title, p.board, p.own, p.folder};
}

}  // namespace

namespace {

Result<TrialId> ListedTrial(const records::PlanTrial& item) {
  TrialId id;
  PODIUM_ASSIGN(id.task, TaskId::Parse(item.task));
  PODIUM_ASSIGN(id.agent, AgentId::Parse(item.agent));
  id.seed = static_cast<int>(item.seed);
  return id;
}

// A link on the way to the trial's folder is an error.
Status ReadListed(const ForeignFolder& root, TrialView& trial, const Clock& clock) {
  auto folder = root.Folder(RunFolder::NameOf(trial.id));
  if (folder) trial = ReadOpened(*folder, trial.id, clock);
  if (!folder && folder.error().code != ErrorCode::kNotFound) return tl::unexpected(folder.error());
  return {};
}

// Each trial by itself, on as many threads as the machine has cores; `meanwhile` on one of them. Of
// several errors the one of the first trial is told.
Status ReadTrials(const ForeignFolder& root, std::vector<TrialView>& trials, const Clock& clock,
                  const std::function<void()>& meanwhile) {
  constexpr std::size_t kWorthAThread = 64;
  std::vector<Status> read(trials.size());
  std::atomic<std::size_t> next{0};
  auto work = [&]() {
    for (std::size_t i = next++; i < trials.size(); i = next++)
      read[i] = ReadListed(root, trials[i], clock);
  };
  {
    std::size_t threads =
        std::min<std::size_t>(std::thread::hardware_concurrency(), trials.size() / kWorthAThread);
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    meanwhile();
    work();
  }
  auto failed = std::ranges::find_if(read, [](const Status& status) { return !status; });
  return failed == read.end() ? Status() : *failed;
}

}  // namespace

Result<RunView> ReadRun(const fs::path& run_dir, const Clock& clock) {
  RunView run;
  run.dir = run_dir;
  run.name = fs::absolute(run_dir).filename().string();
  PODIUM_ASSIGN(auto root, ForeignFolder::Open(run_dir));
  PODIUM_ASSIGN(run.config_yaml, root.Read("run.yaml", 16 << 20));
  PODIUM_ASSIGN(run.lock_json, root.Read("lock.json", 64 << 20));
  PODIUM_ASSIGN(run.lock, records::ParseRunLock(run.lock_json, (run_dir / "lock.json").string()));
  RunFolder folder{run_dir};
  for (const auto& item : run.lock.trials) {
    PODIUM_ASSIGN(auto id, ListedTrial(item));
    run.trials.push_back(Pending(folder.TrialDir(id), id));
    if (!run.tasks.emplace(id.task, NoteOf(run.lock, id.task)).second) continue;
    if (!run.tasks[id.task].own && IsHumanBoard(root, "boards/" + id.task.str() + ".csv"))
      run.human_boards.insert(id.task);
  }
  Result<std::vector<HistoryLine>> history;
  PODIUM_TRY(ReadTrials(root, run.trials, clock, [&]() { history = ReadHistory(run_dir); }));
  if (!history) run.flags.push_back(history.error().message);
  for (auto& flag : HistoryFlags(history ? *history : std::vector<HistoryLine>(), run))
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
