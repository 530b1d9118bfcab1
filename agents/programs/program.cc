#include "agents/programs/program.h"

#include <optional>

#include "agents/programs/acp_conversation.h"
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

// What a program is told that ran out of things to do while it had time.
constexpr const char* kReprompt =
    "Your time is not over. Look at what you have handed in so far and improve it.";
// How often it is run again: one that ends at once each time does so without end.
constexpr int kMostRounds = 200;

// What every trial of a program shares.
struct ProgramSettings {
  fs::path folder;
  Digest files;
  Millis snapshot_every{0};
  Millis grace{0};
  bool reprompt = false;             // until the time is over
  std::optional<AcpPermission> acp;  // where it speaks the Agent Client Protocol
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
    auto work = settings_->acp ? RunAcp(context, *environment, *log)
                               : RunRounds(context, *environment, *log);
    auto ended = co_await Race(std::move(work), KeepSnapshots(context), log->Keep(context.reactor));
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

  // TIME_LIMIT_SECS: what is left but for twice the grace.
  [[nodiscard]] std::int64_t SecondsLeft(const TrialContext& context) const {
    Millis left = context.deadline.remaining() + context.outage();
    return (left - 2 * GraceOf(settings_->grace, left)).count() / 1000;
  }

  [[nodiscard]] sandbox::ExecSpec StartSpec(const TrialContext& context,
                                            const ResolvedEnvironment& environment,
                                            int round) const {
    Millis left = context.deadline.remaining() + context.outage();
    sandbox::ExecSpec spec;
    spec.notice = GraceOf(settings_->grace, left);
    spec.argv = {"bash", "/home/agent/start.sh"};
    spec.argv.insert(spec.argv.end(), settings_->arguments.begin(), settings_->arguments.end());
    if (settings_->acp) spec.argv = AcpCommand(settings_->arguments);
    // The later ones count: nobody's configuration puts itself between an agent and its gateway.
    spec.env = environment.variables;
    EnvironmentPairs own = {{"TIME_LIMIT_SECS", std::to_string(SecondsLeft(context))},
                            {"STEP_LIMIT", std::to_string(context.max_nodes)},
                            {"PODIUM_SEED", std::to_string(context.seed)}};
    if (settings_->reprompt) own.emplace_back("PODIUM_ROUND", std::to_string(round));
    if (round > 1) own.emplace_back("PODIUM_REPROMPT", kReprompt);
    for (const EnvironmentPairs* part :
         std::initializer_list<const EnvironmentPairs*>{&own, &context.env})
      spec.env.insert(spec.env.end(), part->begin(), part->end());
    spec.moved = context.outage;
    spec.follow_bytes = kFollowedOutput;
    return spec;
  }

  // Once, or again and again while time is left.
  Task<Result<AgentOutcome>> RunRounds(TrialContext& context,
                                       const ResolvedEnvironment& environment, OutputLog& log) {
    AgentOutcome outcome;
    std::uint64_t bytes = 0;
    for (int round = 1;; ++round) {
      auto result = co_await RunStart(context, environment, log, round);
      if (!result) co_return tl::unexpected(result.error());
      bytes += result->output_bytes;
      outcome.end = EndOf(*result);
      if (!GoesOn(context, result->end, round)) break;
      if (round == 1) co_await AddSentence(context);
      context.on_phase("running start.sh again, " + std::to_string(round + 1));
    }
    auto kept = co_await log.Finish(context.reactor, bytes);
    if (!kept) LogWarn("a program's output cannot be kept: " + kept.error().message);
    co_return outcome;
  }

  // Its instructions and, while time is left, the sentence are prompts of one session.
  Task<Result<AgentOutcome>> RunAcp(TrialContext& context, const ResolvedEnvironment& environment,
                                    OutputLog& log) {
    auto talk = co_await TalkFor(context, environment);
    if (!talk) co_return tl::unexpected(talk.error());
    Deadline soon = Deadline::In(kStepTime);
    auto listener = co_await context.sandbox.Listen(kAcpPort, soon);
    if (!listener) co_return tl::unexpected(listener.error());
    AcpEnd end;
    auto raced = co_await Race(RunStart(context, environment, log, 1),
                               Converse(context, std::move(*listener), std::move(*talk), end));
    if (const auto* failed = std::get_if<1>(&raced))
      co_return *failed ? Fail(ErrorCode::kInternal, "the talk with the agent ended before it")
                        : tl::unexpected(failed->error());
    auto& result = std::get<0>(raced);
    if (!result) co_return tl::unexpected(result.error());
    auto kept = co_await log.Finish(context.reactor, result->output_bytes);
    if (!kept) LogWarn("a program's output cannot be kept: " + kept.error().message);
    AgentOutcome outcome;
    outcome.end = end.done ? "finished" : EndOf(*result);
    if (!end.done && outcome.end == "finished") outcome.end = "acp_failed";
    outcome.detail = KeyScrubber::Scrub(end.detail, environment.secrets);
    co_return outcome;
  }

  Task<Result<AcpTalk>> TalkFor(TrialContext& context, const ResolvedEnvironment& environment) {
    sandbox::ExecSpec spec;
    spec.argv = {"cat", "/home/instructions.txt"};
    Deadline soon = Deadline::In(kStepTime);
    auto instructions = co_await context.sandbox.Exec(std::move(spec), soon);
    if (!instructions) co_return tl::unexpected(instructions.error());
    AcpTalk talk;
    talk.permission = *settings_->acp;
    talk.instructions = std::move(instructions->output);
    talk.secrets = environment.secrets;
    talk.grace = GraceOf(settings_->grace, context.deadline.remaining());
    if (settings_->reprompt) {
      talk.again = kReprompt;
      talk.most_rounds = kMostRounds;
      talk.time_is_left = [this, &context] { return SecondsLeft(context) >= 1; };
    }
    co_return talk;
  }

  [[nodiscard]] bool GoesOn(const TrialContext& context, sandbox::ExecEnd end, int round) const {
    bool over = end == sandbox::ExecEnd::kTimeLimit || end == sandbox::ExecEnd::kInitGone;
    return settings_->reprompt && !over && round < kMostRounds && SecondsLeft(context) >= 1;
  }

  // For programs that read their instructions and nothing else. Where the file is gone or the disk
  // is full that is the agent's affair.
  static Task<void> AddSentence(TrialContext& context) {
    sandbox::ExecSpec spec;
    spec.argv = {"sh", "-c", R"(printf "\n%s\n" "$1" >> /home/instructions.txt)", "sh", kReprompt};
    Deadline soon = Deadline::In(kStepTime).Earlier(context.deadline);
    auto added = co_await context.sandbox.Exec(std::move(spec), soon);
    if (!added) LogDebug("the sentence was not added: " + added.error().message);
  }

  Task<Result<sandbox::ExecResult>> RunStart(TrialContext& context,
                                             const ResolvedEnvironment& environment, OutputLog& log,
                                             int round) {
    sandbox::ExecSpec spec = StartSpec(context, environment, round);
    spec.on_output = [&log](std::string_view piece) { log.Add(piece); };
    auto result = co_await context.sandbox.Exec(std::move(spec), context.deadline);
    if (!result) co_return tl::unexpected(result.error());
    result->output = KeyScrubber::Scrub(result->output, environment.secrets);
    records::Event event =
        ExecEvent(round == 1 ? "start.sh" : "start.sh, round " + std::to_string(round), *result);
    auto recorded = co_await context.events.Append(std::move(event));
    if (!recorded) co_return tl::unexpected(recorded.error());
    co_return result;
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

// off or until-budget.
Result<bool> ReadReprompt(const OptionReader& options) {
  std::string value = options.Text("program.reprompt");
  if (value == "off" || value == "until-budget") return value == "until-budget";
  return Fail(ErrorCode::kConfig, options.Origin("program.reprompt") +
                                      ": 'program.reprompt' is off or until-budget, not '" + value +
                                      "'");
}

// Nothing for `start.sh`; else how requests for permission are answered.
Result<std::optional<AcpPermission>> ReadProtocol(const OptionReader& options) {
  std::string protocol = options.Text("program.protocol");
  std::string permission = options.Text("program.permission");
  if (protocol != "start.sh" && protocol != "acp")
    return Fail(ErrorCode::kConfig, options.Origin("program.protocol") +
                                        ": 'program.protocol' is start.sh or acp, not '" +
                                        protocol + "'");
  if (permission != "allow" && permission != "reject")
    return Fail(ErrorCode::kConfig, options.Origin("program.permission") +
                                        ": 'program.permission' is allow or reject, not '" +
                                        permission + "'");
  if (protocol == "start.sh") return std::nullopt;
  return permission == "allow" ? AcpPermission::kAllow : AcpPermission::kReject;
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
  PODIUM_ASSIGN(settings->reprompt, ReadReprompt(options));
  PODIUM_ASSIGN(settings->acp, ReadProtocol(options));
  ConfiguredScaffold out;
  if (settings->reprompt) out.variants.emplace_back("program.reprompt: until-budget");
  out.nodes = static_cast<int>(nodes);
  PODIUM_ASSIGN(out.instructions, ReadInstructions(options));
  PODIUM_ASSIGN(out.validator, options.Bool("program.validator"));
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
      {"program.validator", "true",
       "whether the sandbox has the server and the script that check a submission's shape"},
      {"program.snapshot_every", "30 s", "how often a program's valid submission is kept"},
      {"program.grace", "30 s",
       "SIGTERM comes so long before a program's time is over, at most a tenth of it; "
       "TIME_LIMIT_SECS leaves as much again"},
      {"program.protocol", "start.sh",
       "acp: start.sh speaks the Agent Client Protocol on its standard input and output, and is "
       "prompted with the instructions; its updates are in the journal"},
      {"program.permission", "allow",
       "how such a program's requests for permission are answered: allow or reject"},
      {"program.reprompt", "off",
       "until-budget: start.sh runs again with a fixed sentence while time is left; a variant, "
       "which every verdict names"},
  };
  out.also_usable = {"budget.nodes"};
  out.configure = Configure;
  return out;
}

}  // namespace podium::agents
