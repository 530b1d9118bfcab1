#include "sandbox/escape/suite.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/backends/factory.h"
#include "sandbox/escape/groups.h"
#include "sandbox/escape/shell.h"
#include "sandbox/host/host_paths.h"
#include "sandbox/host/workspace.h"

namespace podium::sandbox::escape {
namespace {

namespace fs = std::filesystem;

std::string MakeCanary() {
  std::random_device device;
  std::string out = "CANARY-";
  constexpr char kHex[] = "0123456789abcdef";
  for (int i = 0; i < 32; ++i) out += kHex[device() % 16];
  return out;
}

// Plants the canary where an agent must not read: a folder of answers, podium's own folder, and
// this process's environment.
class Canary {
 public:
  static Result<Canary> Plant(const fs::path& scratch) {
    Canary out(MakeCanary(), HostDir() / ("canary-" + std::to_string(::getpid())));
    PODIUM_TRY(MakeDirs(scratch / "answers"));
    PODIUM_TRY(WriteFileAtomic(scratch / "answers" / "private.csv", "id,y\n1," + out.text_ + "\n"));
    PODIUM_TRY(MakeDirs(HostDir()));
    PODIUM_TRY(WriteFileAtomic(out.file_, out.text_ + "\n"));
    ::setenv("OPENAI_API_KEY_CANARY", out.text_.c_str(), 1);
    return out;
  }
  Canary(Canary&& other) noexcept : text_(std::move(other.text_)), file_(std::move(other.file_)) {
    other.file_.clear();
  }
  ~Canary() {
    if (file_.empty()) return;
    ::unlink(file_.c_str());
    ::unsetenv("OPENAI_API_KEY_CANARY");
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Canary(std::string text, fs::path file) : text_(std::move(text)), file_(std::move(file)) {}
  std::string text_;
  fs::path file_;
};

SandboxSpec BaseSpec(const SuiteOptions& options, const fs::path& scratch) {
  SandboxSpec spec;
  spec.layers = options.layers;
  spec.state_dir = scratch / "state";
  spec.data = {{scratch / "data", "/home/data"}};
  // gVisor keeps its own page cache, which counts and is not given back under pressure.
  spec.limits.memory_bytes = (options.backend == "runsc" ? 1024 : 256) << 20;
  spec.limits.disk_bytes = 512 << 20;
  spec.limits.inodes = 4000;
  spec.limits.pids = 100;
  spec.limits.shm_bytes = 64 << 20;
  spec.limits.tmp_bytes = 64 << 20;
  spec.env = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/home/agent"}, {"LANG", "C.UTF-8"}};
  spec.without = options.without;
  spec.allow_unenforced = options.allow_unenforced;
  return spec;
}

class Runner {
 public:
  Runner(Context context, SuiteOptions options)
      : context_(std::move(context)), options_(std::move(options)) {}

  Task<Result<std::vector<CaseOutcome>>> Run() {
    std::vector<CaseOutcome> out;
    auto begun = co_await Begin();
    const std::array<std::span<const Case>, 2> groups = {Cases(), options_.also};
    for (auto group : groups) {
      for (const Case& c : group) {
        bool wanted =
            options_.only.empty() || std::ranges::find(options_.only, c.id) != options_.only.end();
        if (!begun || !wanted) continue;
        if (options_.on_start) options_.on_start(c);
        out.push_back(co_await Try(c));
        begun = co_await Refresh();
      }
    }
    auto ended = co_await End();
    if (!begun) co_return tl::unexpected(begun.error());
    if (!ended) co_return tl::unexpected(ended.error());
    co_return out;
  }

 private:
  Task<Status> Begin() {
    auto shared = co_await Make("shared", context_.spec.without);
    if (!shared) co_return tl::unexpected(shared.error());
    shared_ = std::move(*shared);
    context_.shared = shared_.get();
    // The bystander is a whole sandbox, whatever is left out of the others.
    auto bystander = co_await Make("bystander", {});
    if (!bystander) co_return tl::unexpected(bystander.error());
    bystander_ = std::move(*bystander);
    context_.bystander = bystander_.get();
    auto marked = co_await Shell(*bystander_, "echo mine > /tmp/mine; echo mine > /home/code/mine");
    co_return Status{};
  }

  Task<Result<std::unique_ptr<Sandbox>>> Make(std::string_view name, MitigationSet without) {
    SandboxSpec spec = context_.MakeSpec(name);
    spec.without = std::move(without);
    Deadline deadline = Deadline::In(std::chrono::minutes(10));
    co_return co_await context_.backend.Create(std::move(spec), deadline);
  }

  Task<CaseOutcome> Try(const Case& c) {
    CaseOutcome out;
    out.of = &c;
    auto started = SteadyNow();
    out.result = co_await c.run(context_);
    out.wall = Since(started);
    if (out.result.detail.find(context_.canary) != std::string::npos)
      out.result = Broken("the canary was read");
    auto seen =
        co_await Shell(*bystander_, "cat /tmp/mine /home/code/mine; ls /proc | grep -c '^[0-9]'");
    if (out.result.outcome == Outcome::kHeld && !seen.output.starts_with("mine\nmine\n"))
      out.result = Broken("the bystander noticed: " + seen.output);
    co_return out;
  }

  // A case may have spoiled the shared sandbox, whatever it promised.
  Task<Status> Refresh() {
    auto alive = co_await Shell(*shared_, "echo alive", Millis(10'000));
    if (alive.output == "alive\n") co_return Status{};
    Deadline deadline = Deadline::In(std::chrono::minutes(1));
    auto destroyed = co_await shared_->Destroy(deadline);
    if (!destroyed) co_return destroyed;
    auto shared = co_await Make("shared", context_.spec.without);
    if (!shared) co_return tl::unexpected(shared.error());
    shared_ = std::move(*shared);
    context_.shared = shared_.get();
    co_return Status{};
  }

  Task<Status> End() {
    Status first;
    for (auto* box : {&shared_, &bystander_}) {
      if (!*box) continue;
      Deadline deadline = Deadline::In(std::chrono::minutes(1));
      auto destroyed = co_await (*box)->Destroy(deadline);
      if (!destroyed && first) first = destroyed;
    }
    co_return first;
  }

  Context context_;
  SuiteOptions options_;
  std::unique_ptr<Sandbox> shared_, bystander_;
};

}  // namespace

std::span<const Case> Cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> out;
    for (auto& group : {FileCases(), HandoverCases(), NetworkCases(), ProcessCases(),
                        SupervisorCases(), KernelCases(), CovertCases(), GpuCases()})
      out.insert(out.end(), group.begin(), group.end());
    return out;
  }();
  return all;
}

Task<Result<std::vector<CaseOutcome>>> RunSuite(Reactor& reactor, SuiteOptions options) {
  auto temp = TempDir::Make("podium-escape");
  if (!temp) co_return tl::unexpected(temp.error());
  auto canary = Canary::Plant(temp->path());
  if (!canary) co_return tl::unexpected(canary.error());
  auto prepared = MakeDirs(temp->path() / "data");
  if (prepared) prepared = WriteFileAtomic(temp->path() / "data" / "train.csv", "a,b\n1,2\n");
  if (!prepared) co_return tl::unexpected(prepared.error());
  auto backend = MakeBackend(options.backend, reactor);
  if (!backend) co_return tl::unexpected(backend.error());
  Context context{.reactor = reactor,
                  .backend = **backend,
                  .backend_name = options.backend,
                  .spec = BaseSpec(options, temp->path()),
                  .scratch = temp->path(),
                  .canary = canary->text()};
  bool shared_home = options.without.contains(Mitigation::kFreshWorkspace);
  Runner runner(std::move(context), std::move(options));
  auto outcomes = co_await runner.Run();
  if (shared_home) {
    auto removed = RemoveTree(Workspace::SharedHome());
    if (!removed) co_return tl::unexpected(removed.error());
  }
  co_return outcomes;
}

std::vector<MitigationSet> KnockOutSets() {
  std::vector<MitigationSet> out;
  for (const auto& info : Mitigations()) {
    out.push_back({info.mitigation});
    // Either keeps an agent out of /proc/1; only without both can it be seen.
    if (info.mitigation == Mitigation::kInitUndumpable) out.back().insert(Mitigation::kInitUser);
  }
  return out;
}

std::string NameOf(const MitigationSet& set) {
  std::string out;
  for (const auto& info : Mitigations()) {
    if (set.contains(info.mitigation)) out += (out.empty() ? "" : " + ") + std::string(info.name);
  }
  return out;
}

std::vector<std::string> ExpectedToNotice(const MitigationSet& set) {
  using enum Mitigation;
  static const std::map<MitigationSet, std::vector<std::string>> kKnown = {
      {{kUserNamespace}, {"C03"}},
      {{kPidNamespace}, {"K13"}},
      {{kNetworkNamespace}, {"N01", "N07"}},
      {{kIpcNamespace}, {"C01"}},
      {{kUtsNamespace}, {"C08"}},
      {{kCgroupNamespace}, {"C08"}},
      {{kCapabilities}, {"K06"}},
      {{kNoNewPrivileges}, {"K05", "K06"}},
      {{kSeccomp}, {"K01", "K02"}},
      {{kSeccompNamespaces}, {"K01"}},
      {{kSeccompSockets}, {"N04", "C05"}},
      {{kSeccompUnknownCalls}, {"K02", "K08"}},
      {{kSeccompInit}, {"P16"}},
      {{kInitUser}, {"P16"}},
      {{kMaskedPaths}, {"F17"}},
      {{kReadOnlyPaths}, {"F15"}},
      {{kDataReadOnly}, {"F08"}},
      {{kDataOverlay}, {"C04"}},
      {{kNosuid}, {"K05"}},
      {{kDeviceList}, {"F16", "U01"}},
      {{kPrivateDev}, {"F16"}},
      {{kOwnDeviceNodes}, {"C09", "C10"}},
      {{kOwnTimeNamespace}, {"C10"}},
      {{kMemoryLimit}, {"P04"}},
      {{kTcpLimit}, {"P19"}},
      {{kLockLimit}, {"P18"}},
      {{kPidsLimit}, {"P03"}},
      {{kCpuLimit}, {"P05"}},
      {{kDiskLimit}, {"S11"}},
      {{kInodeLimit}, {"P12"}},
      {{kShmSize}, {"P04e"}},
      {{kTmpSize}, {"P04e"}},
      {{kPrivateTmp}, {"F18", "C02"}},
      {{kCleanEnvironment}, {"F19"}},
      {{kClosedDescriptors}, {"F04"}},
      {{kInitUser, kInitUndumpable}, {"P02"}},
      {{kKillLeftovers}, {"P10"}},
      {{kCoreLimit}, {"F14"}},
      {{kFileLimit}, {"F04", "P15"}},
      {{kOutputCap}, {"P08"}},
      {{kDeadline}, {"P09"}},
      {{kGuardedHandOver}, {"S01"}},
      {{kFreshWorkspace}, {"F18", "C02"}},
      {{kPaidFor}, {"S24"}},
      {{kKeptFiles}, {"T01"}},
      {{kOneUpload}, {"V08"}},
      {{kShortNames}, {"N17"}},
  };
  auto known = kKnown.find(set);
  return known == kKnown.end() ? std::vector<std::string>{} : known->second;
}

}  // namespace podium::sandbox::escape
