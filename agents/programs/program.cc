#include "agents/programs/program.h"

#include "agents/scaffolds/exec_event.h"
#include "base/async/race.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

// How much of an agent's folder is looked at.
constexpr ForeignBounds kBounds{.entries = 100'000, .depth = 32};

class Program final : public Scaffold {
 public:
  Program(fs::path folder, Digest files, Millis snapshot_every)
      : folder_(std::move(folder)), files_(files), snapshot_every_(snapshot_every) {}

  Task<Result<AgentOutcome>> Run(TrialContext& context) override {
    context.on_phase("copying the agent in");
    auto copied = co_await CopyIn(context);
    if (!copied) co_return tl::unexpected(copied.error());
    context.on_phase("running start.sh");
    auto both = co_await Race(RunStart(context), KeepSnapshots(context));
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
      Deadline control = Deadline::In(kStepTime);
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
    PODIUM_ASSIGN(auto entries, folder.List(kBounds));
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
    records::Event event = ExecEvent("start.sh", *result);
    auto recorded = co_await context.events.Append(std::move(event));
    if (!recorded) co_return tl::unexpected(recorded.error());
    AgentOutcome outcome;
    outcome.end = EndOf(*result);
    co_return outcome;
  }

  // Runs until cancelled by the program's end. What stands in a snapshot's way is not worth a word:
  // the next one comes.
  Task<void> KeepSnapshots(TrialContext& context) {
    for (std::string last;;) {
      Deadline next = Deadline::In(snapshot_every_);
      co_await SleepUntil(next);
      fs::path fresh = context.trial_dir / "snapshots" / "incoming.csv";
      Deadline control = Deadline::In(kStepTime);
      auto taken = co_await context.sandbox.TakeFile(context.task.submission_path, fresh,
                                                     context.submission_cap_bytes, control);
      if (!taken || taken->fault != sandbox::TakeFault::kNone || taken->digest.hex() == last)
        continue;
      auto keep = [&context, fresh] { return KeepIfValid(context, fresh); };
      auto kept = co_await context.reactor.Blocking(std::move(keep), Pool::kTransfer);
      if (!kept || !*kept) continue;
      last = taken->digest.hex();
      records::Snapshot event{.digest = last, .bytes = taken->bytes};
      auto recorded = co_await context.events.Append(std::move(event));
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

// " (Start.sh lies there)": a file whose name differs in case, or by an ending.
std::string NearMiss(const fs::path& folder, const std::string& wanted) {
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().filename().string();
    if (Lower(name) == wanted || Lower(name).starts_with(wanted + "."))
      return " ('" + Printable(name) + "' lies there)";
  }
  return "";
}

// The folder is there, holds a start.sh that a shell can run and nothing that leads out of it. Its
// files' digest.
Result<Digest> CheckFolder(const fs::path& dir, const std::string& origin) {
  auto complain = [&](const std::string& what) {
    return Fail(ErrorCode::kConfig, origin + ": " + what);
  };
  auto folder = ForeignFolder::Open(dir);
  auto start = folder ? folder->Read("start.sh", 16 << 20) : tl::unexpected(folder.error());
  if (!start && start.error().code == ErrorCode::kNotFound)
    return complain("'program.folder' must name a folder with a start.sh, found '" + dir.string() +
                    "'" + NearMiss(dir, "start.sh"));
  if (!start) return complain(start.error().message);
  if (start->find("\r\n") != std::string::npos)
    return complain((dir / "start.sh").string() +
                    " has the line ends of Windows (CR LF), which bash takes for part of each "
                    "command: write it with LF alone, e.g. sed -i 's/\\r$//' start.sh");
  auto files = folder->DigestOfFiles(kBounds);
  if (!files) return complain(files.error().message);
  return *files;
}

Result<ConfiguredScaffold> Configure(const OptionReader& options) {
  fs::path dir = options.Text("program.folder");
  PODIUM_ASSIGN(auto every, options.Duration("program.snapshot_every"));
  PODIUM_ASSIGN(auto nodes, options.Int("budget.nodes", 1, 1'000'000));
  PODIUM_ASSIGN(auto files, CheckFolder(dir, options.Origin("program.folder")));
  ConfiguredScaffold out;
  out.nodes = static_cast<int>(nodes);
  out.files = files;
  out.make = [=](std::unique_ptr<Proposer>) -> std::unique_ptr<Scaffold> {
    return std::make_unique<Program>(dir, files, every);
  };
  return out;
}

}  // namespace

ScaffoldInfo ProgramScaffold() {
  ScaffoldInfo out;
  out.name = "program";
  out.help = "a folder of yours with a start.sh, in MLE-bench's way";
  out.uses_gateway = true;
  out.options = {
      {"program.folder", "", "folder with start.sh, for the program scaffold", true},
      {"program.snapshot_every", "30 s", "how often a program's valid submission is kept"},
  };
  out.also_usable = {"budget.nodes"};
  out.configure = Configure;
  return out;
}

}  // namespace podium::agents
