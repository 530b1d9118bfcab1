#include "sandbox/build/layered_build.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/deadlines.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/text.h"
#include "sandbox/build/step.h"
#include "sandbox/host/rootless.h"
#include "sandbox/images/intact.h"
#include "sandbox/images/layer_recipe.h"
#include "sandbox/images/layered_images.h"
#include "sandbox/images/recipe_lock.h"
#include "sandbox/images/store.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

bool Fetches(StepKind kind) {
  return kind == StepKind::kApt || kind == StepKind::kPip || kind == StepKind::kNpm;
}

std::string PackagesText(const std::vector<LockedPackage>& packages) {
  std::string out;
  for (const auto& p : packages)
    out += p.name + " " + p.version + " " + p.file + " " + p.hash + "\n";
  return out;
}

class LayeredBuilder {
 public:
  LayeredBuilder(Reactor& reactor, Backend& backend, LayeredOptions options, fs::path cache,
                 fs::path temp, Deadline deadline)
      : reactor_(reactor),
        backend_(backend),
        options_(std::move(options)),
        cache_(std::move(cache)),
        store_(cache_),
        temp_(std::move(temp)),
        deadline_(deadline) {}

  Task<Result<Built>> Run() {
    PODIUM_CO_TRY(Open());
    Built out;
    out.lock = LockPath(recipe_);
    if (locked_) {
      auto known = ReadLayered(store_, LayeredName(recipe_, *locked_), cache_);
      if (known) {
        out.image = std::move(*known);
        out.was_there = true;
        co_return out;
      }
    }
    for (std::size_t i = 0; i < recipe_.steps.size(); ++i) PODIUM_CO_TRY(co_await Step(i));
    auto finish = [this] { return Finish(); };
    PODIUM_CO_ASSIGN(out.image, co_await reactor_.Blocking(std::move(finish), Pool::kTransfer));
    if (locked_ && locked_->layers != now_.layers)
      out.notes.emplace_back(
          "the layers differ from the lock's in bytes: a command of the recipe does not give the "
          "same each time, or what was fetched is unpacked in another way");
    co_return out;
  }

 private:
  void Say(const std::string& text) const {
    if (options_.progress) options_.progress(text);
  }

  Status Open() {
    PODIUM_ASSIGN(recipe_, ReadLayerRecipe(options_.recipe));
    auto base = FindImage(recipe_.from, cache_);
    if (!base)
      return Fail(base.error().code, recipe_.from_place + ": 'from': " + base.error().message);
    base_ = std::move(*base);
    PODIUM_TRY(CheckIntact(base_));
    roots_ = base_.layers;
    PODIUM_ASSIGN(now_, LockOf(recipe_, base_.digest));
    if (!options_.update) {
      PODIUM_ASSIGN(locked_, ReadLock(recipe_));
    }
    return locked_ ? Refuse(Differences(*locked_, now_)) : Status{};
  }

  [[nodiscard]] Status Refuse(const std::vector<std::string>& differences) const {
    if (differences.empty()) return {};
    return Fail(ErrorCode::kDigest,
                recipe_.file.string() + " would give another image than its lock " +
                    LockPath(recipe_).string() + ":\n  " + Join(differences, "\n  ") +
                    "\n`podium image build " + recipe_.file.string() +
                    " --update` builds it and writes the lock anew");
  }

  // What the layer follows from. Of what is fetched without a lock nothing is known before.
  [[nodiscard]] std::string Key(const RecipeStep& step,
                                const std::vector<LockedPackage>& fetched) const {
    std::string text = "podium-step/1\n" + base_.digest + "\n";
    for (const auto& layer : now_.layers) text += layer + "\n";
    text += std::string(StepText(step.kind)) + "\n" + Join(step.words, "\n") + "\n" +
            Join(step.sources, ",") + "\n";
    for (const auto& [name, value] : recipe_.env) text += name + "=" + value + "\n";
    if (step.kind == StepKind::kCopy) text += PackagesText(now_.copied);
    return Digest::Of(text + PackagesText(fetched)).hex();
  }

  [[nodiscard]] std::vector<LockedPackage> LockedFor(StepKind kind) const {
    if (!locked_) return {};
    auto found = locked_->fetched.find(std::string(StepText(kind)));
    return found == locked_->fetched.end() ? std::vector<LockedPackage>() : found->second;
  }

  Task<Status> Step(std::size_t number) {
    const RecipeStep& step = recipe_.steps[number];
    std::string kind(StepText(step.kind));
    std::string what = kind + (step.kind == StepKind::kRun ? " " + Printable(step.words[0]) : "");
    if (what.size() > 70) what.resize(70);
    auto locked = LockedFor(step.kind);
    if (!Fetches(step.kind) || locked_) {
      if (auto layer = KnownStep(store_, Key(step, locked))) {
        Say(what + ": already here");
        if (Fetches(step.kind)) now_.fetched[kind] = locked;
        if (step.kind == StepKind::kNpm) now_.npm_lock = locked_->npm_lock;
        co_return Add(*layer);
      }
    }
    Say(what + " ...");
    StepGround ground = Ground(number);
    PODIUM_CO_TRY(MakeDirs(ground.temp));
    const RecipeLock* lock = locked_ ? &*locked_ : nullptr;
    auto done = co_await DoStep(reactor_, backend_, step, ground, lock, deadline_);
    if (!done) co_return tl::unexpected(done.error());
    if (Fetches(step.kind)) {
      now_.fetched[kind] = done->fetched;
      if (!done->npm_lock.empty()) now_.npm_lock = done->npm_lock;
      if (locked_) PODIUM_CO_TRY(Refuse(PackageDifferences(kind, locked, done->fetched)));
    }
    auto keep = [this, &step, fetched = done->fetched, tar = done->tar, temp = ground.temp] {
      return Keep(step, fetched, tar, temp);
    };
    co_return co_await reactor_.Blocking(std::move(keep), Pool::kTransfer);
  }

  [[nodiscard]] StepGround Ground(std::size_t number) const {
    StepGround out;
    out.roots = roots_;
    out.env = EnvironmentOf(base_);
    out.env.insert(out.env.end(), recipe_.env.begin(), recipe_.env.end());
    out.registries = recipe_.registries;
    out.recipe_folder = recipe_.file.has_parent_path() ? recipe_.file.parent_path() : fs::path(".");
    out.id = "build-" + std::to_string(::getpid()) + "-" + std::to_string(number);
    out.temp = temp_ / std::to_string(number);
    return out;
  }

  Status Keep(const RecipeStep& step, const std::vector<LockedPackage>& fetched,
              const fs::path& tar, const fs::path& temp) {
    PODIUM_ASSIGN(auto layer, PutTar(store_, tar, temp));
    PODIUM_TRY(NoteStep(store_, Key(step, fetched), layer.digest));
    std::error_code ec;
    fs::remove(tar, ec);
    return Add(layer);
  }

  Status Add(const ImportedLayer& layer) {
    now_.layers.push_back(layer.digest);
    bytes_ += layer.bytes;
    fs::path root = store_.LayerRoot(layer.digest);
    std::erase(roots_, root);  // overlayfs takes a folder once
    roots_.insert(roots_.begin(), root);
    return {};
  }

  Result<Image> Finish() {
    Image image;
    image.name = LayeredName(recipe_, now_);
    image.kind = "layered";
    image.source = fs::absolute(recipe_.file).lexically_normal();
    image.base = base_.name;
    image.base_digest = base_.digest;
    image.config = base_.config;
    for (const auto& [name, value] : recipe_.env) image.config.env.push_back(name + "=" + value);
    image.created = IsoTime(SystemClock().WallNow());
    image.bytes = bytes_;
    image.layer_digests = {now_.layers.rbegin(), now_.layers.rend()};
    image.digest = LayeredDigest(image);
    for (const auto& [kind, packages] : now_.fetched) {
      for (const auto& p : packages)
        image.packages.push_back(kind + " " + p.name + " " + p.version);
    }
    image.layers = roots_;
    PODIUM_TRY(CheckIntact(image));
    PODIUM_TRY(store_.WriteName(image));
    if (!locked_) PODIUM_TRY(WriteLock());
    return image;
  }

  [[nodiscard]] Status WriteLock() const {
    auto written = WriteFileAtomic(LockPath(recipe_), LockText(now_));
    if (written) return {};
    return Fail(ErrorCode::kIo,
                "the lock is written beside its recipe: " + written.error().message +
                    "; copy the recipe to a folder of yours");
  }

  Reactor& reactor_;
  Backend& backend_;
  LayeredOptions options_;
  fs::path cache_;
  ImageStore store_;
  fs::path temp_;
  Deadline deadline_;
  LayerRecipe recipe_;
  Image base_;
  std::optional<RecipeLock> locked_;
  RecipeLock now_;
  std::vector<fs::path> roots_;  // topmost first
  std::uint64_t bytes_ = 0;
};

}  // namespace

Task<Result<Built>> BuildLayered(Reactor& reactor, Backend& backend, LayeredOptions options,
                                 fs::path cache, Deadline deadline) {
  if (::geteuid() != 0 || IsRootless())
    co_return Fail(ErrorCode::kUnavailable,
                   "building an image of a recipe by path needs root (owners of files are "
                   "renumbered); build it as root with the same PODIUM_CACHE");
  ImageStore store(cache);
  PODIUM_CO_ASSIGN(auto lock, store.Lock(false));
  PODIUM_CO_ASSIGN(auto temp, store.MakeTemp());
  LayeredBuilder builder(reactor, backend, std::move(options), cache, temp, deadline);
  auto built = co_await builder.Run();
  auto removed = RemoveTree(temp);
  if (built && !removed) co_return tl::unexpected(removed.error());
  co_return built;
}

}  // namespace podium::sandbox
