#include "agents/programs/program.h"

#include <optional>

#include "agents/programs/output_log.h"
#include "agents/programs/references.h"
#include "agents/scaffolds/exec_event.h"
#include "agents/scaffolds/valid_snapshots.h"
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

// How much of what a program says is followed while it runs.
constexpr std::size_t kFollowedOutput = 16 << 20;

// What every trial of a program shares.
struct ProgramSettings {
  fs::path folder;
  Digest files;
  Millis snapshot_every{0};
  Millis grace{0};
  std::vector<std::string> arguments;
  EnvironmentPairs environment;
};

// Its end comes with a notice of so long, and the program is told to be done as long before that: a
// short trial has more use for its time.
Millis GraceOf(Millis wanted, Millis left) { return std::min(wanted, left / 10); }

class Program final : public Scaffold {
 public:
  explicit Program(std::shared_ptr<const ProgramSettings> settings)
      : settings_(std::move(settings)) {}

  Task<Result<AgentOutcome>> Run(TrialContext& context) override {
    auto environment = Resolve(settings_->environment);
    if (!environment) co_return tl::unexpected(environment.error());
    context.on_phase("copying the agent in");
    // That the agent is copied in is no working time of its own.
    copy_begun_ = SteadyNow();
    context.outage = [this, waited = context.outage] { return waited() + CopyTime(); };
    auto copied = co_await CopyIn(context);
    copy_time_ = CopyTime();
    if (!copied) co_return tl::unexpected(copied.error());
    context.on_phase("running start.sh");
    auto open = [&] {
      return OutputLog::Open(context.trial_dir / "logs" / "start.sh.log", environment->secrets);
    };
    auto log = co_await context.reactor.Blocking(std::move(open));
    if (!log) co_return tl::unexpected(log.error());
    auto ended = co_await Race(RunStart(context, *environment, *log), KeepSnapshots(context),
                               log->Keep(context.reactor));
    if (ended.index() != 0)
      co_return Fail(ErrorCode::kInternal, "what runs beside the program ended before it");
    co_return std::get<0>(std::move(ended));
  }

 private:
  [[nodiscard]] Millis CopyTime() const { return copy_time_.value_or(Since(copy_begun_)); }

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
    PODIUM_ASSIGN(auto folder, ForeignFolder::Open(settings_->folder));
    PODIUM_ASSIGN(auto entries, folder.List(kBounds));
    NamedFiles out;
    Hasher hasher;
    for (const auto& entry : entries) {
      if (entry.folder) continue;
      PODIUM_ASSIGN(auto bytes, folder.Read(entry.name, 256 << 20));
      hasher.Update(entry.name + std::string(1, '\0') + Digest::Of(bytes).hex() + "\n");
      out.emplace_back(entry.name, std::move(bytes));
    }
    if (hasher.Finish() == settings_->files) return out;
    return Fail(ErrorCode::kDigest, "the agent's folder " + settings_->folder.string() +
                                        " has changed since this run began: its trials could not "
                                        "be compared. Start again, with another --name");
  }

  [[nodiscard]] sandbox::ExecSpec StartSpec(const TrialContext& context,
                                            const ResolvedEnvironment& environment) const {
    Millis left = context.deadline.remaining() + context.outage();
    sandbox::ExecSpec spec;
    spec.notice = GraceOf(settings_->grace, left);
    spec.argv = {"bash", "/home/agent/start.sh"};
    spec.argv.insert(spec.argv.end(), settings_->arguments.begin(), settings_->arguments.end());
    // The later ones count: nobody's configuration puts itself between an agent and its gateway.
    spec.env = environment.variables;
    const EnvironmentPairs own = {
        {"TIME_LIMIT_SECS", std::to_string((left - 2 * spec.notice).count() / 1000)},
        {"STEP_LIMIT", std::to_string(context.max_nodes)},
        {"PODIUM_SEED", std::to_string(context.seed)}};
    for (const auto* part : {&own, &context.env})
      spec.env.insert(spec.env.end(), part->begin(), part->end());
    spec.moved = context.outage;
    spec.follow_bytes = kFollowedOutput;
    return spec;
  }

  Task<Result<AgentOutcome>> RunStart(TrialContext& context, const ResolvedEnvironment& environment,
                                      OutputLog& log) {
    sandbox::ExecSpec spec = StartSpec(context, environment);
    spec.on_output = [&log](std::string_view piece) { log.Add(piece); };
    auto result = co_await context.sandbox.Exec(std::move(spec), context.deadline);
    if (!result) co_return tl::unexpected(result.error());
    auto kept = co_await log.Finish(context.reactor, result->output_bytes);
    if (!kept) LogWarn("a program's output cannot be kept: " + kept.error().message);
    result->output = KeyScrubber::Scrub(result->output, environment.secrets);
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
    for (ValidSnapshots snapshots(context);;) {
      Deadline next = Deadline::In(settings_->snapshot_every);
      co_await SleepUntil(next);
      auto look = co_await snapshots.Take();
    }
  }

  std::shared_ptr<const ProgramSettings> settings_;
  SteadyTime copy_begun_{};
  std::optional<Millis> copy_time_;  // once it is over
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

// args, then kwargs in the way in which the program reads its own.
Result<std::vector<std::string>> ReadArguments(const OptionReader& options) {
  PODIUM_ASSIGN(auto out, options.Words("program.args"));
  PODIUM_ASSIGN(auto named, options.Map("program.kwargs"));
  std::string type = options.Text("program.kwargs_type");
  if (type != "omegaconf" && type != "argparse")
    return Fail(ErrorCode::kConfig, options.Origin("program.kwargs_type") +
                                        ": 'program.kwargs_type' is omegaconf (key=value) or "
                                        "argparse (--key value), not '" +
                                        type + "'");
  for (const auto& [key, value] : named) {
    if (type == "omegaconf") {
      out.push_back(key + "=" + value);
    } else {
      out.push_back("--" + key);
      out.push_back(value);
    }
  }
  return out;
}

Result<EnvironmentPairs> ReadEnvironment(const OptionReader& options) {
  PODIUM_ASSIGN(auto out, options.Map("program.env"));
  auto resolved = Resolve(out);
  if (!resolved)
    return Fail(resolved.error().code,
                options.Origin("program.env") + ": 'program.env': " + resolved.error().message);
  return out;
}

// The user's own instructions.txt, if there is one.
Result<std::optional<std::string>> ReadInstructions(const OptionReader& options) {
  fs::path file = options.Text("program.instructions");
  if (file.empty()) return std::nullopt;
  auto folder = ForeignFolder::Open(file.parent_path().empty() ? "." : file.parent_path());
  auto text =
      folder ? folder->Read(file.filename().string(), 1 << 20) : tl::unexpected(folder.error());
  if (text) return std::move(*text);
  return Fail(ErrorCode::kConfig, options.Origin("program.instructions") +
                                      ": 'program.instructions': " + text.error().message);
}

Result<ConfiguredScaffold> Configure(const OptionReader& options) {
  auto settings = std::make_shared<ProgramSettings>();
  settings->folder = options.Text("program.folder");
  PODIUM_ASSIGN(settings->snapshot_every, options.Duration("program.snapshot_every"));
  PODIUM_ASSIGN(settings->grace, options.Duration("program.grace"));
  PODIUM_ASSIGN(settings->arguments, ReadArguments(options));
  PODIUM_ASSIGN(settings->environment, ReadEnvironment(options));
  PODIUM_ASSIGN(auto nodes, options.Int("budget.nodes", 1, 1'000'000));
  PODIUM_ASSIGN(settings->files, CheckFolder(settings->folder, options.Origin("program.folder")));
  ConfiguredScaffold out;
  out.nodes = static_cast<int>(nodes);
  PODIUM_ASSIGN(out.instructions, ReadInstructions(options));
  out.files = settings->files;
  if (out.instructions) out.files = Digest::Of(settings->files.hex() + *out.instructions);
  out.make = [settings](std::unique_ptr<Proposer>) -> std::unique_ptr<Scaffold> {
    return std::make_unique<Program>(settings);
  };
  return out;
}

}  // namespace

ScaffoldInfo ProgramScaffold() {
  using Shape = OptionSpec::Shape;
  ScaffoldInfo out;
  out.name = "program";
  out.help = "a folder of yours with a start.sh, in MLE-bench's way";
  out.uses_gateway = true;
  out.owns_home = true;
  out.options = {
      {"program.folder", "", "folder with start.sh, for the program scaffold", true},
      {"program.args", "", "words that start.sh is given ([--fast, data_dir=/home/data])", false,
       false, Shape::kWords},
      {"program.kwargs", "", "named ones ({agent.steps: 20}), after the others", false, false,
       Shape::kMap},
      {"program.kwargs_type", "omegaconf",
       "how start.sh is given these: omegaconf (key=value) or argparse (--key value)"},
      {"program.env", "",
       "variables of a program ({MODE: fast}); ${NAME} stands for the host's own, which is written "
       "down nowhere",
       false, false, Shape::kMap},
      {"program.instructions", "",
       "file that becomes /home/instructions.txt; empty = Podium's text", true},
      {"program.snapshot_every", "30 s", "how often a program's valid submission is kept"},
      {"program.grace", "30 s",
       "SIGTERM comes so long before a program's time is over, at most a tenth of it; "
       "TIME_LIMIT_SECS leaves as much again"},
  };
  out.also_usable = {"budget.nodes"};
  out.configure = Configure;
  return out;
}

}  // namespace podium::agents
