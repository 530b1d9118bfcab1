#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/models/ledger.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/records/outcome.h"
#include "base/records/run_lock.h"
#include "base/records/trial_verdict.h"
#include "base/result.h"
#include "harness/store/journal.h"

namespace podium::harness {

using records::TrialVerdict;

// What models had cost a trial by a moment of its working time.
struct SpentBy {
  Millis at{0};
  std::int64_t tokens = 0;  // of prompts and answers together
  agents::Usd cost;
};

// How often a model that works with tools used one.
struct ToolCount {
  int uses = 0, failed = 0;
};

// One trial as its files tell it. Built anew on every look: the files are the truth.
struct TrialView {
  TrialId id;
  std::filesystem::path dir;
  std::string state;    // "pending", "running", "paused", "failed", "exhausted", "done"
  std::string failure;  // of the last attempt, when "failed": an infrastructure error
  std::string reason;   // its code (CodeText)
  int attempts = 0;
  int failures = 0;        // of infrastructure that used up an attempt, since the last "retried"
  bool exhausted = false;  // that was too often
  std::vector<std::string> retried;  // why somebody asked for more attempts
  std::string started, ended;        // ISO times of the first attempt's begin and of the verdict
  Millis active{0};                  // time spent working, over all attempts
  std::vector<records::SearchNode> nodes;
  std::vector<records::Begun> in_work;     // nodes that began and did not end, in that order
  std::vector<Millis> node_times;          // when each node was recorded, in active time
  agents::Spent models;                    // what was asked of models
  std::vector<SpentBy> spent_by;           // after each call, or each of several, at most 1,000
  std::map<std::string, ToolCount> tools;  // by tool; "" where it called none
  std::string last_event;                  // "sealed 2026-11-24T01:54:57.123Z", "" before the first
  std::optional<records::Forked> forked;   // from which trial its first nodes or steps are
  std::vector<records::ToolUse> forked_steps;  // these, of a model with tools
  int forked_jobs = 0;                         // that were begun in them
  std::vector<records::Layer> layers;          // that are kept of nodes and steps that stand
  std::optional<TrialVerdict> verdict;

  // None as long as it is to be worked on.
  [[nodiscard]] std::optional<records::Outcome> outcome() const {
    if (verdict) return records::OutcomeOf(verdict->grade);
    if (exhausted) return records::Outcome::kInfrastructureExhausted;
    return std::nullopt;
  }
};

// What a run says of one of its tasks.
struct TaskNote {
  std::string title;
  std::string board;   // header of the leaderboard: "human leaderboard", "our results"
  bool own = false;    // the package was the user's own and not one of Podium's
  std::string folder;  // of an own package, where the run was made
};

struct RunView {
  std::string name;
  std::filesystem::path dir;
  std::string config_yaml;         // run.yaml as written
  std::string lock_json;           // lock.json as written
  records::RunLock lock;           // what it says
  std::vector<TrialView> trials;   // in the run's order
  std::vector<std::string> flags;  // what the history tells that the trials do not (history.h)
  std::map<TaskId, TaskNote> tasks;
  std::set<TaskId>
      human_boards;  // tasks of Podium's whose board holds entries to a competition alone
};

// The places of a run on disk.
struct RunFolder {
  std::filesystem::path dir;
  [[nodiscard]] static std::string NameOf(const TrialId& id) {
    return "trials/" + id.task.str() + "/" + id.agent.str() + "/s" + std::to_string(id.seed);
  }
  [[nodiscard]] std::filesystem::path TrialDir(const TrialId& id) const { return dir / NameOf(id); }
  [[nodiscard]] std::filesystem::path SandboxState() const { return dir / "sandboxes"; }
};

// Reads a run: lock.json lists its trials. `clock` tells living leases from dead ones.
[[nodiscard]] Result<RunView> ReadRun(const std::filesystem::path& run_dir, const Clock& clock);
[[nodiscard]] TrialView ReadTrial(const std::filesystem::path& trial_dir, const TrialId& id,
                                  const Clock& clock);

// The steps of a model with tools as they stand: its last attempt's, after those that a fork has of
// its parent.
[[nodiscard]] std::vector<records::ToolUse> StepsOf(const std::vector<JournalLine>& lines);

// The jobs that were begun in them.
[[nodiscard]] std::vector<records::JobStarted> JobsOf(const std::vector<JournalLine>& lines);

// Whether a sound verdict lies in the trial's folder.
[[nodiscard]] bool HasVerdict(const std::filesystem::path& trial_dir);

// The same of what its owner holds in memory: the journal's lines, and the verdict once it stands.
[[nodiscard]] TrialView ViewOf(const std::filesystem::path& trial_dir, const TrialId& id,
                               const std::vector<JournalLine>& lines,
                               std::optional<TrialVerdict> verdict);

// $PODIUM_RUNS, else ./runs.
[[nodiscard]] std::filesystem::path RunsDir();
// The folder of a run given by name or path; an error with a suggestion when there is none. Empty
// name: the newest run.
[[nodiscard]] Result<std::filesystem::path> FindRun(const std::string& name);

}  // namespace podium::harness
