#include "agents/scaffolds/simple.h"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
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

Task<Status> RecordExec(EventSink& events, std::string what, const sandbox::ExecResult& r) {
  Json body = {{"command", what},
               {"end", sandbox::ExecEndText(r.end)},
               {"exit_code", r.exit_code},
               {"signal", r.signal},
               {"wall_ms", r.wall.count()},
               {"output_bytes", r.output_bytes},
               {"output", HeadTail(Printable(r.output), 8000, 8000)}};
  co_return co_await events.Append("exec", DumpJson(body));
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
    auto recorded = co_await RecordExec(context.events, "cp sample_submission.csv", *result);
    if (!recorded) co_return tl::unexpected(recorded.error());
    AgentOutcome outcome;
    outcome.end = EndText(*result);
    co_return outcome;
  }
};

class Program final : public Scaffold {
 public:
  Program(fs::path folder, Digest files, Millis snapshot_every)
      : folder_(std::move(folder)), files_(files), snapshot_every_(snapshot_every) {}

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
    auto read = [this] { return ReadFolder(); };
    auto files = co_await context.reactor.Blocking(std::move(read));
    if (!files) co_return tl::unexpected(files.error());
    for (auto& [name, bytes] : *files) {
      Deadline control = Deadline::In(std::chrono::seconds(60));
      auto put =
          co_await context.sandbox.PutFile("/home/agent/" + name, std::move(bytes), 0755, control);
      if (!put) co_return put;
    }
    co_return Status{};
  }

  using NamedFiles = std::vector<std::pair<std::string, std::string>>;

  // The folder's files with their bytes, which are those that lock.json names. Blocks.
  Result<NamedFiles> ReadFolder() const {
    PODIUM_ASSIGN(auto folder, ForeignFolder::Open(folder_));
    PODIUM_ASSIGN(auto entries, folder.List(kProgramBounds));
    NamedFiles out;
    Hasher hasher;
    for (const auto& entry : entries) {
      if (entry.folder) continue;
      PODIUM_ASSIGN(auto bytes, folder.Read(entry.name, 256 << 20));
      hasher.Update(entry.name + std::string(1, '\0') + Digest::Of(bytes).hex() + "\n");
      out.emplace_back(entry.name, std::move(bytes));
    }
    if (hasher.Finish() == files_) return out;
    return Fail(ErrorCode::kDigest, "the agent's folder " + folder_.string() +
                                        " has changed since this run began: its trials could not "
                                        "be compared. Start again, with another --name");
  }

  Task<Result<AgentOutcome>> RunStart(TrialContext& context) {
    sandbox::ExecSpec spec;
    spec.argv = {"bash", "/home/agent/start.sh"};
    spec.env = {{"TIME_LIMIT_SECS", std::to_string(context.deadline.remaining().count() / 1000)},
                {"STEP_LIMIT", std::to_string(context.max_nodes)},
                {"PODIUM_SEED", std::to_string(context.seed)}};
    spec.env.insert(spec.env.end(), context.env.begin(), context.env.end());
    spec.moved = context.outage;
    auto result = co_await context.sandbox.Exec(std::move(spec), context.deadline);
    if (!result) co_return tl::unexpected(result.error());
    auto recorded = co_await RecordExec(context.events, "start.sh", *result);
    if (!recorded) co_return tl::unexpected(recorded.error());
    AgentOutcome outcome;
    outcome.end = EndText(*result);
    co_return outcome;
  }

  // Runs until cancelled by the program's end. What stands in a snapshot's way is not worth a word:
  // the next one comes.
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
      auto keep = [&context, fresh] { return KeepIfValid(context, fresh); };
      auto kept = co_await context.reactor.Blocking(std::move(keep), Pool::kTransfer);
      if (!kept || !*kept) continue;
      last = taken->digest.hex();
      Json body = {{"digest", last}, {"bytes", taken->bytes}};
      auto recorded = co_await context.events.Append("snapshot", DumpJson(body));
      if (!recorded) LogWarn("cannot record a snapshot: " + recorded.error().message);
    }
  }

  // Blocks.
  static Result<bool> KeepIfValid(const TrialContext& context, const fs::path& fresh) {
    PODIUM_ASSIGN(auto shape, CheckFileShape(fresh, context.check_shape));
    std::error_code ec;
    if (shape.valid)
      fs::rename(fresh, context.trial_dir / "snapshots" / "last_valid.csv", ec);
    else
      fs::remove(fresh, ec);
    if (ec) return FailErrno(ErrorCode::kIo, "cannot keep " + fresh.string(), ec.value());
    return shape.valid;
  }

  fs::path folder_;
  Digest files_;
  Millis snapshot_every_;
};

}  // namespace

std::unique_ptr<Scaffold> MakeNop() { return std::make_unique<Nop>(); }
std::unique_ptr<Scaffold> MakeSampleSubmission() { return std::make_unique<SampleSubmission>(); }
std::unique_ptr<Scaffold> MakeProgram(fs::path folder, Digest files, Millis snapshot_every) {
  return std::make_unique<Program>(std::move(folder), files, snapshot_every);
}

}  // namespace podium::agents
