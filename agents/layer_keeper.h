#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agents/event_sink.h"
#include "agents/options.h"
#include "base/async/reactor.h"
#include "base/records/event.h"
#include "base/result.h"
#include "sandbox/sandbox.h"

namespace podium::agents {

// Which workspaces of a trial are kept as files, so that a fork need not run its programs again.
enum class LayerPolicy {
  kNone,
  kLast,  // the one that it ends with
  kAll,   // after each step
};

// The option of the scaffolds whose trials can be forked.
[[nodiscard]] const OptionSpec& LayersOption();  // "keep.layers"
[[nodiscard]] Result<LayerPolicy> ReadLayerPolicy(const OptionReader& options);

// Where a step's layer lies below the trial's folder: "layers/3.tar.zst".
[[nodiscard]] std::string LayerFile(int step);

// Keeps what steps left in /home as files of the trial's folder, each what was changed since the
// layer that it stands on, and makes workspaces of them again. A step is a search's node, by its
// id, or one of a model with tools. On the event loop's thread.
class LayerKeeper {
 public:
  // `cap_bytes`: of all files together. `known`: those that are there. The rest outlives it.
  LayerKeeper(Reactor& reactor, EventSink& events, std::filesystem::path trial_dir,
              std::uint64_t cap_bytes, std::vector<records::Layer> known);

  // The newest at or before `step`; -1: none.
  [[nodiscard]] int Newest(int step) const;
  [[nodiscard]] bool Has(int step) const { return known_.contains(step); }
  [[nodiscard]] bool empty() const { return known_.empty(); }

  // A snapshot that is the workspace of no step, with nothing of an agent's in it.
  void NoteFresh(const sandbox::Snapshot& fresh) { steps_[fresh.id] = -1; }
  // The snapshot, which was begun on the one named `begun_on`, becomes the layer of the step. What
  // hinders that is in the journal, and no error.
  [[nodiscard]] Task<Status> Keep(sandbox::Sandbox& box, sandbox::Snapshot snapshot, int step,
                                  std::string begun_on);
  // The one sandbox stands on this step's layer.
  void StandOn(int step) { top_ = step; }
  // The same of a sandbox in which one step comes after the other: freezes what it holds.
  [[nodiscard]] Task<Status> KeepWorkspace(sandbox::Sandbox& box, int step);

  // What the step left, as a snapshot of `box` above `fresh`. An error (kDigest) names a file that
  // is not what was kept.
  [[nodiscard]] Task<Result<sandbox::Snapshot>> Open(sandbox::Sandbox& box, sandbox::Snapshot fresh,
                                                     int step);
  // The sandbox, in which nothing ran yet, becomes what the step left. kUnavailable: it cannot.
  [[nodiscard]] Task<Status> Enter(sandbox::Sandbox& box, int step);

  // Whether an error of Open or Enter says that this sandbox cannot, or that the layer holds what
  // none can hold again, and not that something is broken.
  [[nodiscard]] static bool MayRunAgain(const Error& error) {
    return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kUsage ||
           error.code == ErrorCode::kConfig;
  }

 private:
  [[nodiscard]] Status CheckFile(const records::Layer& layer) const;

  Reactor& reactor_;
  EventSink& events_;
  std::filesystem::path dir_;
  std::uint64_t cap_bytes_;
  std::uint64_t bytes_ = 0;
  std::map<int, records::Layer> known_;
  std::map<std::string, int> steps_;         // of snapshots, by their id
  std::map<int, sandbox::Snapshot> opened_;  // by step
  int top_ = -1;                             // the step whose layer the one sandbox stands on
  bool broken_ = false;                      // what it stands on is no file
};

}  // namespace podium::agents
