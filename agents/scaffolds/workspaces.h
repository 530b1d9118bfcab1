#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "agents/scaffolds/policy.h"
#include "base/async/reactor.h"
#include "base/result.h"
#include "sandbox/sandbox.h"

namespace podium::agents {

// What the nodes of a search with several workers left in /home: a node begins on its first
// parent's, a draft on a fresh one, in whichever sandbox it runs. They are gone with the process: a
// node whose parent ended in an earlier attempt begins on a fresh one. The sandboxes outlive it.
class Workspaces {
 public:
  explicit Workspaces(std::vector<sandbox::Sandbox*> boxes)
      : boxes_(std::move(boxes)), stands_on_(boxes_.size()), to_drop_(boxes_.size()) {}

  // Keeps the fresh workspace; before anything runs.
  [[nodiscard]] Task<Status> Begin();
  // The worker's sandbox becomes what the node begins on.
  [[nodiscard]] Task<Status> Take(int worker, const SearchNode& node);
  // The id of the snapshot on which what runs in the worker's sandbox began.
  [[nodiscard]] const std::string& BegunOn(int worker) const {
    return stands_on_[static_cast<std::size_t>(worker)].id;
  }
  [[nodiscard]] const sandbox::Snapshot& fresh() const { return fresh_; }
  // What the worker's sandbox holds now, for the node's children; nothing where the agent's own
  // doing prevents it.
  [[nodiscard]] Task<Result<std::optional<sandbox::Snapshot>>> Freeze(int worker);
  // The node has ended; without a snapshot its children begin where it began.
  void Keep(const SearchNode& node, std::optional<sandbox::Snapshot> snapshot);
  // Drops those of nodes that may not grow any more, and that no sandbox stands on. What another
  // worker's sandbox holds of them goes at that worker's next Drop.
  [[nodiscard]] Task<Status> Drop(int worker, const std::function<bool(int node)>& may_grow);

 private:
  void Know(const sandbox::Snapshot& snapshot);
  [[nodiscard]] const sandbox::Snapshot& Of(const SearchNode& node) const;
  [[nodiscard]] std::vector<sandbox::Snapshot::Layer> TakeUnused();

  std::vector<sandbox::Sandbox*> boxes_;
  std::vector<sandbox::Snapshot> stands_on_;  // each sandbox
  std::vector<std::vector<sandbox::Snapshot::Layer>> to_drop_;
  sandbox::Snapshot fresh_;
  std::map<int, sandbox::Snapshot> of_;                               // a node's, by its id
  std::map<std::filesystem::path, sandbox::Snapshot::Layer> layers_;  // that are there
};

}  // namespace podium::agents
