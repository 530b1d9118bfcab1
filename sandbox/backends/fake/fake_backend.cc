#include "sandbox/backends/fake/fake_backend.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/text.h"
#include "sandbox/container/moving_deadline.h"

namespace podium::sandbox {

namespace fs = std::filesystem;

class FakeSandbox final : public Sandbox {
 public:
  explicit FakeSandbox(FakeBackend& backend) : backend_(backend), files_(backend.script_.files) {
    ++backend_.alive_;
  }

  Task<Result<ExecResult>> Exec(ExecSpec spec, Deadline deadline) override {
    PODIUM_CO_TRY(backend_.Note("exec", Join(spec.argv, " ")));
    if (sealed_) co_return Fail(ErrorCode::kSandbox, "the sandbox is sealed");
    FakeExec played;
    if (backend_.script_.exec) played = backend_.script_.exec(files_, spec);
    while (played.may_end && !played.may_end()) {
      Deadline soon = Deadline::In(kEmptyPoll);
      co_await SleepUntil(soon);
    }
    if (played.takes == Millis(0)) co_return played.result;
    Deadline end = Deadline::In(played.takes);
    MovingDeadline until(deadline, spec.moved);
    while (!end.expired()) {
      Deadline limit = until.Now();
      if (limit.expired()) {
        played.result.end = ExecEnd::kTimeLimit;
        break;
      }
      Deadline next = end.Earlier(limit);
      co_await SleepUntil(next);
    }
    co_return played.result;
  }

  Task<Result<int>> StartJob(ExecSpec spec, Millis, Deadline) override {
    PODIUM_CO_TRY(backend_.Note("start_job", Join(spec.argv, " ")));
    FakeJob played;
    if (backend_.script_.job) played = backend_.script_.job(files_, spec);
    jobs_.push_back({std::move(played), std::nullopt, false});
    co_return static_cast<int>(jobs_.size());
  }

  Task<Result<JobLook>> LookAtJob(int job, std::uint64_t from, Deadline) override {
    auto at = static_cast<std::size_t>(job) - 1;
    if (at >= jobs_.size()) co_return Fail(ErrorCode::kUsage, "there is no such job");
    Hear();
    Job& looked = jobs_[at];
    std::string all = looked.Printed();
    JobLook out{.running = !looked.end.has_value()};
    out.so_far = looked.end.value_or(JobEnd{.job = job, .output_bytes = all.size()});
    out.first = std::min<std::uint64_t>(from, all.size());
    out.output = all.substr(out.first);
    co_return out;
  }

  Task<Status> StopJob(int job, Deadline) override {
    PODIUM_CO_TRY(backend_.Note("stop_job", std::to_string(job)));
    Job& stopped = jobs_.at(static_cast<std::size_t>(job) - 1);
    if (!stopped.end)
      stopped.end = JobEnd{.job = job,
                           .end = ExecEnd::kSignalled,
                           .signal = 9,
                           .stopped = true,
                           .output_bytes = stopped.Printed().size()};
    co_return Status{};
  }

  Task<Status> WaitForJobs(Deadline deadline) override {
    for (;;) {
      Hear();
      for (const Job& job : jobs_) {
        if (job.end && !job.told) co_return Status{};
      }
      if (deadline.expired()) co_return Status{};
      Deadline soon = Deadline::In(kEmptyPoll).Earlier(deadline);
      co_await SleepUntil(soon);
    }
  }

  std::vector<JobEnd> TakeEndedJobs() override {
    Hear();
    std::vector<JobEnd> out;
    for (Job& job : jobs_) {
      if (job.end && !std::exchange(job.told, true)) out.push_back(*job.end);
    }
    return out;
  }

  int LiveJobs() const override {
    return static_cast<int>(std::ranges::count_if(jobs_, [](const Job& job) { return !job.end; }));
  }

  Task<Status> PutFile(std::string inside, std::string bytes, unsigned, Deadline) override {
    PODIUM_CO_TRY(backend_.Note("put_file", inside));
    files_[inside] = std::move(bytes);
    co_return Status{};
  }

  Task<Result<TakenFile>> TakeFile(std::string inside, fs::path to, std::uint64_t max_bytes,
                                   Deadline) override {
    PODIUM_CO_TRY(backend_.Note("take_file", inside));
    TakenFile out;
    auto there = files_.find(inside);
    if (there == files_.end()) {
      out.fault = TakeFault::kMissing;
    } else if (there->second.size() > max_bytes) {
      out.fault = TakeFault::kTooLarge;
    } else if (there->second.empty()) {
      out.fault = TakeFault::kEmpty;
    } else {
      PODIUM_CO_TRY(WriteFileAtomic(to, there->second));
      out.bytes = there->second.size();
      out.digest = Digest::Of(there->second);
    }
    co_return out;
  }

  Task<Result<TakenTree>> TakeTree(std::string inside, fs::path to, TreeCaps caps,
                                   Deadline) override {
    PODIUM_CO_TRY(backend_.Note("take_tree", inside));
    TakenTree out;
    for (const auto& [path, bytes] : files_) {
      if (!path.starts_with(inside + "/")) continue;
      std::string name = path.substr(inside.size() + 1);
      if (out.files == caps.files || out.bytes + bytes.size() > caps.bytes) {
        out.left_out.push_back({name, TakeFault::kTooMany});
        ++out.left_out_count;
        continue;
      }
      PODIUM_CO_TRY(MakeDirs((to / name).parent_path()));
      PODIUM_CO_TRY(WriteFileAtomic(to / name, bytes));
      ++out.files;
      out.bytes += bytes.size();
    }
    co_return out;
  }

  Result<Usage> ReadUsage() override { return Usage{}; }

  Task<Result<Snapshot>> TakeSnapshot(Deadline) override {
    PODIUM_CO_TRY(backend_.Note("snapshot", ""));
    if (LiveJobs() > 0) co_return Fail(ErrorCode::kBusy, "a job works in the workspace");
    Snapshot out;
    out.id = "layer" + std::to_string(++backend_.layers_);
    out.layers = stack_;
    out.layers.insert(out.layers.begin(), {out.id, 0});
    backend_.snapshots_[out.id] = files_;
    stack_ = out.layers;
    co_return out;
  }
  Task<Status> Restore(Snapshot snapshot, Deadline) override {
    PODIUM_CO_TRY(backend_.Note("restore", snapshot.id));
    for (const auto& layer : snapshot.layers) {
      if (!backend_.snapshots_.contains(layer.dir))
        co_return Fail(ErrorCode::kInternal, "layer " + layer.dir.string() + " was dropped");
    }
    files_ = backend_.snapshots_[snapshot.id];
    stack_ = snapshot.layers;
    co_return Status{};
  }
  // All files of the workspace, whatever lies below the topmost layer.
  Task<Result<PackedLayer>> PackLayer(Snapshot snapshot, fs::path tar, Deadline) override {
    PODIUM_CO_TRY(backend_.Note("pack_layer", snapshot.id));
    std::string text;
    for (const auto& [path, bytes] : backend_.snapshots_[snapshot.layers.front().dir])
      text += std::to_string(path.size()) + " " + std::to_string(bytes.size()) + " " + path + bytes;
    PODIUM_CO_TRY(MakeDirs(tar.parent_path()));
    PODIUM_CO_TRY(WriteFileAtomic(tar, text));
    co_return PackedLayer{Digest::Of(text), text.size()};
  }

  Task<Result<Snapshot>> AddLayer(Snapshot below, fs::path tar, Deadline) override {
    PODIUM_CO_TRY(backend_.Note("add_layer", tar.filename().string()));
    auto text = ReadFile(tar, 1 << 20);
    if (!text) co_return tl::unexpected(text.error());
    FakeFiles files;
    std::istringstream in(*text);
    for (std::size_t name = 0, size = 0; in >> name >> size && in.get() == ' ';) {
      std::string path(name, 0), bytes(size, 0);
      in.read(path.data(), static_cast<std::streamsize>(name));
      in.read(bytes.data(), static_cast<std::streamsize>(size));
      files[path] = bytes;
    }
    Snapshot out{below.layers, "layer" + std::to_string(++backend_.layers_)};
    out.layers.insert(out.layers.begin(), {out.id, 0});
    backend_.snapshots_[out.id] = std::move(files);
    co_return out;
  }

  Task<Status> DropLayers(std::vector<Snapshot::Layer> layers) override {
    for (const auto& layer : layers) {
      bool stands_on = std::ranges::find(stack_, layer.dir, &Snapshot::Layer::dir) != stack_.end();
      if (!stands_on) backend_.snapshots_.erase(layer.dir);
    }
    co_return Status{};
  }
  Task<Result<UniqueFd>> Listen(std::uint16_t port, Deadline) override {
    PODIUM_CO_TRY(backend_.Note("listen", std::to_string(port)));
    co_return Fail(ErrorCode::kUnavailable, "a fake sandbox has no network");
  }

  const IsolationRecord& isolation() const override { return isolation_; }

  Task<Status> Seal(Deadline) override {
    PODIUM_CO_TRY(backend_.Note("seal", ""));
    sealed_ = true;
    co_return Status{};
  }

  Task<Status> Destroy(Deadline) override {
    --backend_.alive_;
    co_return backend_.Note("destroy", "");
  }

 private:
  struct Job {
    FakeJob played;
    std::optional<JobEnd> end;
    bool told = false;  // by TakeEndedJobs
    [[nodiscard]] std::string Printed() const { return played.printed ? played.printed() : ""; }
  };

  void Hear() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      Job& job = jobs_[i];
      bool may_end = !job.end && (!job.played.may_end || job.played.may_end());
      if (!may_end) continue;
      const ExecResult& result = job.played.result;
      job.end = JobEnd{.job = static_cast<int>(i) + 1,
                       .end = result.end,
                       .exit_code = result.exit_code,
                       .signal = result.signal,
                       .wall = result.wall,
                       .output_bytes = job.Printed().size()};
    }
  }

  FakeBackend& backend_;
  FakeFiles files_;
  std::deque<Job> jobs_;                // by their number
  std::vector<Snapshot::Layer> stack_;  // that it stands on
  IsolationRecord isolation_{.backend = "fake", .enforced = {{"nothing", "by nobody"}}};
  bool sealed_ = false;
};

Status FakeBackend::Note(const std::string& operation, const std::string& what) {
  calls_.push_back(what.empty() ? operation : operation + " " + what);
  auto& faults = script_.faults[operation];
  if (faults.empty()) return {};
  Error error = std::move(faults.front());
  faults.pop_front();
  return tl::unexpected(std::move(error));
}

Task<Result<std::unique_ptr<Sandbox>>> FakeBackend::Create(SandboxSpec spec, Deadline) {
  PODIUM_CO_TRY(Note("create", spec.id));
  std::unique_ptr<Sandbox> made = std::make_unique<FakeSandbox>(*this);
  co_return made;
}

}  // namespace podium::sandbox
