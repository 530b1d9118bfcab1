#include "agents/layer_keeper.h"

#include <utility>

#include "agents/scaffolds/search_options.h"
#include "base/deadlines.h"
#include "base/digest.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::pair<std::string_view, LayerPolicy> kPolicies[] = {
    {"none", LayerPolicy::kNone}, {"last", LayerPolicy::kLast}, {"all", LayerPolicy::kAll}};

}  // namespace

const OptionSpec& LayersOption() {
  static const OptionSpec option = {
      "keep.layers", "last",
      "workspaces kept for `podium fork` in the trial's layers/: none, last (as the trial ended), "
      "all (after each node or step)"};
  return option;
}

Result<LayerPolicy> ReadLayerPolicy(const OptionReader& options) {
  return FindChoice(options, "keep.layers", kPolicies);
}

std::string LayerFile(int step) { return "layers/" + std::to_string(step) + ".tar.zst"; }

LayerKeeper::LayerKeeper(Reactor& reactor, EventSink& events, std::filesystem::path trial_dir,
                         std::uint64_t cap_bytes, std::vector<records::Layer> known)
    : reactor_(reactor), events_(events), dir_(std::move(trial_dir)), cap_bytes_(cap_bytes) {
  for (auto& layer : known) {
    bytes_ += layer.bytes;
    known_[layer.step] = std::move(layer);
  }
}

int LayerKeeper::Newest(int step) const {
  auto after = known_.upper_bound(step);
  return after == known_.begin() ? -1 : std::prev(after)->first;
}

Task<Status> LayerKeeper::Keep(sandbox::Sandbox& box, sandbox::Snapshot snapshot, int step,
                               std::string begun_on) {
  records::Layer event{.step = step};
  auto below = steps_.find(begun_on);
  if (below == steps_.end()) {
    event.failed = "what it stands on is not kept";
  } else if (bytes_ >= cap_bytes_) {
    event.failed =
        "the trial's layers take " + FormatBytes(bytes_) + " by now, as much as its disk";
  } else {
    Deadline transfer = Deadline::In(kTransferTime);
    std::string id = snapshot.id;
    auto packed = co_await box.PackLayer(std::move(snapshot), dir_ / LayerFile(step), transfer);
    if (packed) {
      event.below = below->second;
      event.digest = packed->digest.hex();
      event.bytes = packed->bytes;
      bytes_ += packed->bytes;
      steps_[id] = step;
      known_[step] = event;
    } else {
      event.failed = packed.error().message;
    }
  }
  co_return co_await events_.Append(std::move(event));
}

Task<Status> LayerKeeper::KeepWorkspace(sandbox::Sandbox& box, int step) {
  if (broken_) co_return Status{};
  Deadline control = Deadline::In(kSandboxTime);
  auto snapshot = co_await box.TakeSnapshot(control);
  if (!snapshot && snapshot.error().code == ErrorCode::kBusy) co_return Status{};  // a job lives
  if (!snapshot) {
    broken_ = true;
    records::Layer event{.step = step, .failed = snapshot.error().message};
    co_return co_await events_.Append(std::move(event));
  }
  std::string below = "step " + std::to_string(top_);
  steps_[below] = top_;
  PODIUM_CO_TRY(co_await Keep(box, std::move(*snapshot), step, std::move(below)));
  top_ = step;
  broken_ = !Has(step);
  co_return Status{};
}

Status LayerKeeper::CheckFile(const records::Layer& layer) const {
  auto file = dir_ / LayerFile(layer.step);
  PODIUM_ASSIGN(auto digest, DigestFile(file));
  if (digest.hex() == layer.digest) return {};
  return Fail(ErrorCode::kDigest,
              file.string() + " is not the layer that was kept: its digest is " +
                  digest.hex().substr(0, 16) + ", the journal has " + layer.digest.substr(0, 16));
}

Task<Result<sandbox::Snapshot>> LayerKeeper::Open(sandbox::Sandbox& box, sandbox::Snapshot fresh,
                                                  int step) {
  if (step < 0) co_return fresh;
  if (auto opened = opened_.find(step); opened != opened_.end()) co_return opened->second;
  auto layer = known_.find(step);
  if (layer == known_.end())
    co_return Fail(ErrorCode::kNotFound, "there is no layer of step " + std::to_string(step));
  if (layer->second.below >= step)
    co_return Fail(ErrorCode::kIo, "the layer of step " + std::to_string(step) +
                                       " stands on a later one, says the journal");
  auto below = co_await Open(box, std::move(fresh), layer->second.below);
  if (!below) co_return below;
  auto check = [this, &layer] { return CheckFile(layer->second); };
  PODIUM_CO_TRY(co_await reactor_.Blocking(std::move(check), Pool::kTransfer));
  Deadline transfer = Deadline::In(kTransferTime);
  auto added = co_await box.AddLayer(std::move(*below), dir_ / LayerFile(step), transfer);
  if (!added) co_return added;
  steps_[added->id] = step;
  opened_[step] = *added;
  co_return added;
}

Task<Status> LayerKeeper::Enter(sandbox::Sandbox& box, int step) {
  Deadline control = Deadline::In(kSandboxTime);
  auto fresh = co_await box.TakeSnapshot(control);
  if (!fresh) co_return tl::unexpected(fresh.error());
  auto there = co_await Open(box, std::move(*fresh), step);
  if (!there) co_return tl::unexpected(there.error());
  PODIUM_CO_TRY(co_await box.Restore(std::move(*there), control));
  top_ = step;
  co_return Status{};
}

}  // namespace podium::agents
