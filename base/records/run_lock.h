#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/records/run_plan.h"
#include "base/result.h"

namespace podium::records {

struct LockedImage {
  std::string name, digest;
};

// Whose package a task was: a package of the user's own may bear the name of one of Podium's.
struct LockedPackage {
  std::string title;
  std::string board;   // header of the leaderboard
  bool own = false;    // not one of Podium's
  std::string folder;  // of an own package, where the run was made
};

// What a model was and what its tokens cost; where it is served may change.
struct LockedModel {
  std::string upstream_name;
  std::string input_usd, cached_input_usd, cache_write_usd, output_usd;  // a million tokens
};

struct LockedAgent {
  std::string scaffold, proposer;
  std::string files;  // digest of the agent's own files, "" without
  std::map<std::string, std::string> settings;
  std::map<std::string, LockedModel> models;
};

struct LockedHost {
  std::string kernel, machine;
  std::int64_t cores = 0;
  std::uint64_t memory_bytes = 0;
};

// The programs that make the results: another build may grade otherwise.
struct LockedBuild {
  std::string version;
  std::map<std::string, std::string> programs;  // digests by name

  friend bool operator==(const LockedBuild&, const LockedBuild&) = default;
};

// A run's lock.json: what may not change while the run goes on, and who worked on it.
struct RunLock {
  std::string podium;  // the version that wrote it last
  std::string name;
  std::string config;  // run.yaml without origins, as the last command asked for it
  std::string sandbox;
  LockedImage image;
  std::map<std::string, std::string> tasks;  // digests by id
  std::map<std::string, LockedPackage> packages;
  std::map<std::string, LockedAgent> agents;
  std::vector<PlanTrial> trials;  // in the run's order
  LockedHost host;
  std::vector<LockedBuild> builds;
};

// "podium-lock/1", for people too; keys in order, so that equal locks are equal bytes.
[[nodiscard]] std::string ToText(const RunLock& lock);
// A text without a schema is read as far as it goes. What has another type than it should is an
// error (kIo).
[[nodiscard]] Result<RunLock> ParseRunLock(std::string_view text, std::string_view where);

// What both locks speak of and say differently, a line each; "" where nothing is. Results of such
// runs could not stand in one table.
[[nodiscard]] std::string Differences(const RunLock& before, const RunLock& now);

// The run with everything that either names: a run grows by tasks, agents, seeds and builds. Where
// both name a thing, `now` says what it is.
[[nodiscard]] RunLock Grown(RunLock before, RunLock now);

}  // namespace podium::records
