#include "agents/scaffolds/simple.h"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

std::string EndText(const sandbox::ExecResult& r) {
  if (r.end == sandbox::ExecEnd::kExited)
    return r.exit_code == 0 ? "finished" : "exit_" + std::to_string(r.exit_code);
  if (r.end == sandbox::ExecEnd::kSignalled) return "signal_" + std::to_string(r.signal);
  return std::string(sandbox::ExecEndText(r.end));
}

Status RecordExec(EventSink& events, const std::string& what, const sandbox::ExecResult& r) {
  Json body = {{"command", what},
               {"end", sandbox::ExecEndText(r.end)},
               {"exit_code", r.exit_code},
               {"signal", r.signal},
               {"wall_ms", r.wall.count()},
               {"output_bytes", r.output_bytes},
               {"output", HeadTail(Printable(r.output), 8000, 8000)}};
  return events.Record("exec", DumpJson(body));
}

class Nop final : public Scaffold {
 public:
  Task<Result<AgentOutcome>> Run(TrialContext&) override { co_return AgentOutcome{}; }
};

class SampleSubmission final : public Scaffold {
 public:
  Task<Result<AgentOutcome>> Run(TrialContext& context) override {
    context.on_phase("copying the sample submission");
    sandbox::ExecSpec spec;
    spec.argv = {"cp", "/home/data/sample_submission.csv", kSubmissionPath};
    auto result = co_await context.sandbox.Exec(std::move(spec), context.deadline);
    if (!result) co_return tl::unexpected(result.error());
    auto recorded = RecordExec(context.events, "cp sample_submission.csv", *result);
    if (!recorded) co_return tl::unexpected(recorded.error());
    AgentOutcome outcome;
    outcome.end = EndText(*result);
    co_return outcome;
  }
};

class Program final : public Scaffold {
 public:
  Program(fs::path folder, Millis snapshot_every)
      : folder_(std::move(folder)), snapshot_every_(snapshot_every) {}

  Task<Result<AgentOutcome>> Run(TrialContext& context) override {
    context.on_phase("copying the agent in");
    auto copied = co_await CopyIn(context);
    if (!copied) co_return tl::unexpected(copied.error());
    context.on_phase("running start.sh");
    using namespace boost::asio::experimental::awaitable_operators;
    auto both = co_await (RunStart(context) || KeepSnapshots(context));
    if (both.index() == 1)
      co_return Fail(ErrorCode::kInternal, "the snapshot loop ended before the program");
    co_return std::get<0>(std::move(both));
  }

 private:
  Task<Status> CopyIn(TrialContext& context) {
    std::error_code ec;
    std::vector<fs::path> files;
    for (auto it = fs::recursive_directory_iterator(folder_, ec);
         !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
      if (it->is_regular_file()) files.push_back(it->path());
    }
    if (ec)
      co_return FailErrno(ErrorCode::kConfig, "cannot read the agent's folder " + folder_.string(),
                          ec.value());
    std::ranges::sort(files);
    for (const auto& file : files) {
      auto bytes = ReadFile(file, 256 << 20);
      if (!bytes) co_return tl::unexpected(bytes.error());
      std::string inside = "/home/agent/" + file.lexically_relative(folder_).string();
      Deadline control = Deadline::In(std::chrono::seconds(60));
      auto put = co_await context.sandbox.PutFile(inside, std::move(*bytes), 0755, control);
      if (!put) co_return put;
    }
    co_return Status{};
  }

  Task<Result<AgentOutcome>> RunStart(TrialContext& context) {
    sandbox::ExecSpec spec;
    spec.argv = {"bash", "/home/agent/start.sh"};
    spec.env = {{"TIME_LIMIT_SECS", std::to_string(context.deadline.remaining().count() / 1000)},
                {"STEP_LIMIT", std::to_string(context.max_nodes)},
                {"PODIUM_SEED", std::to_string(context.seed)}};
    spec.env.insert(spec.env.end(), context.env.begin(), context.env.end());
    auto result = co_await context.sandbox.Exec(std::move(spec), context.deadline);
    if (!result) co_return tl::unexpected(result.error());
    auto recorded = RecordExec(context.events, "start.sh", *result);
    if (!recorded) co_return tl::unexpected(recorded.error());
    AgentOutcome outcome;
    outcome.end = EndText(*result);
    co_return outcome;
  }

  // Runs until cancelled by the program's end.
  Task<void> KeepSnapshots(TrialContext& context) {
    for (std::string last;;) {
      Deadline next = Deadline::In(snapshot_every_);
      co_await SleepUntil(next);
      fs::path fresh = context.trial_dir / "snapshots" / "incoming.csv";
      Deadline control = Deadline::In(std::chrono::seconds(60));
      auto taken = co_await context.sandbox.TakeFile(kSubmissionPath, fresh,
                                                     context.submission_cap_bytes, control);
      if (!taken || taken->fault != sandbox::TakeFault::kNone || taken->digest.hex() == last)
        continue;
      auto bytes = ReadFile(fresh, context.submission_cap_bytes);
      if (!bytes || !context.check_shape(*bytes).valid) continue;
      std::error_code ec;
      fs::rename(fresh, context.trial_dir / "snapshots" / "last_valid.csv", ec);
      last = taken->digest.hex();
      Json body = {{"digest", last}, {"bytes", taken->bytes}};
      if (auto recorded = context.events.Record("snapshot", DumpJson(body)); !recorded) continue;
    }
  }

  fs::path folder_;
  Millis snapshot_every_;
};

}  // namespace

std::unique_ptr<Scaffold> MakeNop() { return std::make_unique<Nop>(); }
std::unique_ptr<Scaffold> MakeSampleSubmission() { return std::make_unique<SampleSubmission>(); }
std::unique_ptr<Scaffold> MakeProgram(fs::path folder, Millis snapshot_every) {
  return std::make_unique<Program>(std::move(folder), snapshot_every);
}

}  // namespace podium::agents
