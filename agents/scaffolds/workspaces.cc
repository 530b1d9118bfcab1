#include "agents/scaffolds/workspaces.h"

#include <set>
#include <utility>

#include "base/deadlines.h"

namespace podium::agents {

using sandbox::Snapshot;

Task<Status> Workspaces::Begin() {
  Deadline control = Deadline::In(kSandboxTime);
  auto taken = co_await boxes_.front()->TakeSnapshot(control);
  if (!taken)
    co_return Fail(taken.error().code,
                   "search.workers needs sandboxes that can go back to a snapshot (sandbox: runc "
                   "or crun), else leave it at 1: " +
                       taken.error().message);
  fresh_ = std::move(*taken);
  co_return Status{};
}

const Snapshot& Workspaces::Of(const SearchNode& node) const {
  auto parents = of_.find(node.parent());
  return parents == of_.end() ? fresh_ : parents->second;
}

Task<Status> Workspaces::Take(int worker, const SearchNode& node) {
  auto at = static_cast<std::size_t>(worker);
  stands_on_[at] = Of(node);
  Deadline control = Deadline::In(kSandboxTime);
  Snapshot begin = stands_on_[at];
  co_return co_await boxes_[at]->Restore(std::move(begin), control);
}

Task<Result<std::optional<Snapshot>>> Workspaces::Freeze(int worker) {
  auto at = static_cast<std::size_t>(worker);
  Deadline control = Deadline::In(kSandboxTime);
  auto taken = co_await boxes_[at]->TakeSnapshot(control);
  if (!taken && !sandbox::CausedByAgent(taken.error())) co_return tl::unexpected(taken.error());
  std::optional<Snapshot> out;
  if (!taken) co_return out;
  Know(*taken);
  stands_on_[at] = *taken;
  out = std::move(*taken);
  co_return out;
}

void Workspaces::Keep(const SearchNode& node, std::optional<Snapshot> snapshot) {
  if (snapshot)
    of_[node.id] = std::move(*snapshot);
  else
    of_[node.id] = Of(node);
}

void Workspaces::Know(const Snapshot& snapshot) {
  for (const auto& layer : snapshot.layers) layers_.emplace(layer.dir, layer);
}

// Layers that no snapshot holds any more.
std::vector<Snapshot::Layer> Workspaces::TakeUnused() {
  std::set<std::filesystem::path> held;
  auto hold = [&held](const Snapshot& snapshot) {
    for (const auto& layer : snapshot.layers) held.insert(layer.dir);
  };
  hold(fresh_);
  for (const auto& snapshot : stands_on_) hold(snapshot);
  for (const auto& [id, snapshot] : of_) hold(snapshot);
  std::vector<Snapshot::Layer> out;
  std::erase_if(layers_, [&](const auto& known) {
    if (held.contains(known.first)) return false;
    out.push_back(known.second);
    return true;
  });
  return out;
}

Task<Status> Workspaces::Drop(int worker, const std::function<bool(int)>& may_grow) {
  std::erase_if(of_, [&](const auto& node) { return !may_grow(node.first); });
  auto unused = TakeUnused();
  for (auto& layers : to_drop_) layers.insert(layers.end(), unused.begin(), unused.end());
  auto at = static_cast<std::size_t>(worker);
  std::vector<Snapshot::Layer> own = std::exchange(to_drop_[at], {});
  if (own.empty()) co_return Status{};
  co_return co_await boxes_[at]->DropLayers(std::move(own));
}

}  // namespace podium::agents
