#include "agents/react/toolbox.h"

#include <algorithm>

#include "agents/models/wire/foreign_json.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWork = "/home/code";
constexpr std::uint64_t kLargestEdited = 1 << 20;

// A command begins where the one before it ended, which a workspace that is kept says too. Only
// where: each is a shell of its own.
constexpr const char* kShell =
    "cd \"$(cat /home/agent/.podium-cwd 2>/dev/null || echo /home/code)\" 2>/dev/null || cd "
    "/home/code\n"
    "trap 'pwd > /home/agent/.podium-cwd' EXIT\n"
    "eval \"$1\"\n";

// A job begins there too, and leaves no trace of where it goes.
constexpr const char* kJobShell =
    "cd \"$(cat /home/agent/.podium-cwd 2>/dev/null || echo /home/code)\" 2>/dev/null || cd "
    "/home/code\n"
    "eval \"$1\"\n";

constexpr const char* kView =
    "if [ -d \"$1\" ]; then ls -la -- \"$1\"; else awk -v a=\"$2\" -v b=\"$3\" "
    "'NR >= a && NR <= b { printf \"%6d  %s\\n\", NR, $0 } NR > b { exit }' < \"$1\"; fi";

}  // namespace

struct Toolbox::Arguments {
  Json object;

  [[nodiscard]] std::string Get(const char* name) const {
    return JsonOr<std::string>(object, name, "");
  }
  [[nodiscard]] std::int64_t Number(const char* name, std::int64_t fallback) const {
    return JsonOr<std::int64_t>(object, name, fallback);
  }
  [[nodiscard]] bool Is(const char* name) const { return JsonOr<bool>(object, name, false); }
  [[nodiscard]] std::optional<Millis> Seconds(const char* name) const {
    constexpr std::int64_t kMost = 1'000'000'000;
    std::int64_t seconds = Number(name, 0);
    if (seconds <= 0) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, kMost));
  }
};

std::vector<ToolSpec> Toolbox::Specs() const {
  std::string bash =
      "Runs a command with bash and gives what it printed. The next begins in the folder where "
      "this one ended; variables and processes do not stay.";
  std::string command = TextArgument("command", "the command");
  if (jobs_.there()) {
    bash +=
        " With background it becomes a job that goes on beside what you do next: job_output, "
        "job_wait and job_stop take its number.";
    command += "," + BoolArgument("background", "whether it is a job, false by default") + "," +
               NumberArgument("timeout_s", "seconds after which a job is stopped");
  }
  std::vector<ToolSpec> out = {
      Tool("bash", std::move(bash), command, R"("command")"),
      Tool("python", "Runs a Python program from /home/code and gives what it printed.",
           TextArgument("code", "the whole program"), R"("code")"),
      Tool("view", "Shows a text file with numbers before its lines, or what is in a folder.",
           TextArgument("path", "an absolute path") + "," +
               NumberArgument("from", "the first line, 1 by default") + "," +
               NumberArgument("to", "the last line, 200 by default"),
           R"("path")"),
      Tool("edit",
           "Puts new_text in the place of old_text, which must be in the file once. Without "
           "old_text "
           "the file is written anew.",
           TextArgument("path", "an absolute path") + "," +
               TextArgument("old_text", "what stands there") + "," +
               TextArgument("new_text", "what is to stand there"),
           R"("path","new_text")")};
  if (limits_.validate)
    out.push_back(Tool("validate",
                       "Says whether the submission has the right shape. Gives no score.", "", ""));
  if (context_.knowledge.searchable())
    out.push_back(Tool("search_knowledge",
                       "Finds passages of papers and notes that have some of the words asked for.",
                       TextArgument("query", "a few words"), R"("query")"));
  for (auto& spec : jobs_.Specs()) out.push_back(std::move(spec));
  out.push_back(Tool("submit", "Ends your work. The submission is graded as it is now.", "", ""));
  return out;
}

bool Toolbox::Changes(std::string_view tool) {
  return tool == "bash" || tool == "python" || tool == "edit";
}

Task<Result<ToolOutcome>> Toolbox::Call(const ToolCall& call, int step, Deadline until) {
  auto json = ParseForeignJson(call.arguments.empty() ? "{}" : call.arguments, "arguments");
  if (!json || !json->is_object())
    co_return Told("The arguments of " + call.name + " are not a JSON object" +
                   (json ? "." : ": " + json.error().message));
  Arguments arguments{std::move(*json)};
  if (call.name == "bash") co_return co_await Bash(std::move(arguments), step, until);
  if (call.name == "python") co_return co_await Python(std::move(arguments), step, until);
  if (call.name == "view") co_return co_await View(std::move(arguments), until);
  if (call.name == "edit") co_return co_await Edit(std::move(arguments));
  if (call.name == "validate" && limits_.validate) co_return co_await Validate();
  if (call.name == "search_knowledge" && context_.knowledge.searchable())
    co_return co_await LookUp(std::move(arguments));
  if (call.name == "submit") co_return co_await Submit();
  if (jobs_.Has(call.name)) {
    JobTools::Order order{.tool = call.name,
                          .job = static_cast<int>(arguments.Number("job", 0)),
                          .timeout = arguments.Seconds("timeout_s")};
    co_return co_await UseJobs(std::move(order), step, until);
  }
  std::vector<std::string> names;
  for (const auto& spec : Specs()) names.push_back(spec.name);
  co_return Told("There is no tool '" + Printable(call.name.substr(0, 60)) + "'. There are " +
                 Join(names, ", ") + ".");
}

Toolbox::Outcome Toolbox::Bash(Arguments arguments, int step, Deadline until) {
  std::string command = arguments.Get("command");
  if (command.empty()) co_return Told("bash needs 'command', a text.");
  if (jobs_.there() && arguments.Is("background"))
    co_return co_await Begin(std::move(command), std::move(arguments), step);
  sandbox::ExecSpec spec;
  spec.argv = {"bash", "-c", kShell, "bash", std::move(command)};
  co_return co_await Execute(std::move(spec), until);
}

Toolbox::Outcome Toolbox::Begin(std::string command, Arguments arguments, int step) {
  sandbox::ExecSpec spec;
  spec.argv = {"bash", "-c", kJobShell, "bash", command};
  spec.cwd = kWork;
  AddEnvironment(spec);
  std::string shown = HeadTail(Printable(command), 1500, 500);
  std::optional<Millis> timeout = arguments.Seconds("timeout_s");
  co_return co_await jobs_.Start(std::move(spec), std::move(shown), timeout, step);
}

Toolbox::Outcome Toolbox::UseJobs(JobTools::Order order, int step, Deadline until) {
  auto begun = SteadyNow();
  auto out = co_await jobs_.Call(std::move(order), step, until);
  if (!out || out->lost) co_return out;
  out->wall = Since(begun);
  auto look = co_await snapshots_.Take();
  if (!look) co_return tl::unexpected(look.error());
  co_return out;
}

void Toolbox::AddEnvironment(sandbox::ExecSpec& spec) const {
  spec.env = {{"PODIUM_SEED", std::to_string(context_.seed)}};
  for (const auto& [name, value] : context_.env) spec.env.emplace_back(name, value);
}

Toolbox::Outcome Toolbox::Python(Arguments arguments, int step, Deadline until) {
  std::string code = arguments.Get("code");
  if (code.empty()) co_return Told("python needs 'code', a text.");
  std::string path = std::string(kWork) + "/step_" + std::to_string(step) + ".py";
  auto put = co_await Put(path, std::move(code));
  if (!put || put->failed) co_return put;
  sandbox::ExecSpec spec;
  spec.argv = {"python3", std::move(path)};
  spec.cwd = kWork;
  co_return co_await Execute(std::move(spec), until);
}

Toolbox::Outcome Toolbox::LookUp(Arguments arguments) {
  std::string query = arguments.Get("query");
  if (query.empty()) co_return Told("search_knowledge needs 'query', a text.");
  std::string by = "tool";
  auto text = co_await agents::LookUp(context_.reactor, context_.knowledge, context_.events,
                                      std::move(by), std::move(query));
  if (!text) co_return tl::unexpected(text.error());
  co_return Told(Observation(*text, limits_.observation), false);
}

Toolbox::Outcome Toolbox::View(Arguments arguments, Deadline until) {
  std::string path = arguments.Get("path");
  if (path.empty()) co_return Told("view needs 'path', a text.");
  std::int64_t from = std::max<std::int64_t>(1, arguments.Number("from", 1));
  std::int64_t to = std::max(from, arguments.Number("to", from + 199));
  sandbox::ExecSpec spec;
  spec.argv = {"/bin/sh",         "-c", kView, "view", std::move(path), std::to_string(from),
               std::to_string(to)};
  spec.cwd = kWork;
  co_return co_await Execute(std::move(spec), until);
}

Task<Result<ToolOutcome>> Toolbox::Put(std::string path, std::string bytes) {
  std::string done = "wrote " + std::to_string(bytes.size()) + " bytes to " + Printable(path);
  Deadline control = Deadline::In(kStepTime);
  auto put = co_await context_.sandbox.PutFile(std::move(path), std::move(bytes), 0644, control);
  if (!put) co_return ToldOr(put.error());
  co_return Told(std::move(done), false);
}

Toolbox::Outcome Toolbox::Edit(Arguments arguments) {
  std::string path = arguments.Get("path");
  if (!path.starts_with('/')) co_return Told("edit needs 'path', an absolute one.");
  std::string old_text = arguments.Get("old_text"), new_text = arguments.Get("new_text");
  if (old_text.empty()) co_return co_await Put(std::move(path), std::move(new_text));
  co_return co_await Replace(std::move(path), std::move(old_text), std::move(new_text));
}

Toolbox::Outcome Toolbox::Replace(std::string path, std::string old_text, std::string new_text) {
  fs::path copy = context_.trial_dir / "snapshots" / "edited";
  Deadline control = Deadline::In(kStepTime);
  auto taken = co_await context_.sandbox.TakeFile(path, copy, kLargestEdited, control);
  if (!taken) co_return tl::unexpected(taken.error());
  if (taken->fault != sandbox::TakeFault::kNone)
    co_return Told(Printable(path) +
                   " cannot be edited: " + std::string(TakeFaultText(taken->fault)));
  auto read = [copy]() -> Result<std::string> {
    auto text = ReadFile(copy, kLargestEdited);
    std::error_code ec;
    fs::remove(copy, ec);
    return text;
  };
  auto text = co_await context_.reactor.Blocking(std::move(read), Pool::kTransfer);
  if (!text) co_return tl::unexpected(text.error());
  std::size_t at = text->find(old_text);
  if (at == std::string::npos) co_return Told("old_text is not in " + Printable(path) + ".");
  if (text->find(old_text, at + 1) != std::string::npos)
    co_return Told("old_text is in " + Printable(path) + " more than once: give more around it.");
  text->replace(at, old_text.size(), new_text);
  co_return co_await Put(std::move(path), std::move(*text));
}

Toolbox::Outcome Toolbox::Validate() {
  auto look = co_await snapshots_.Take();
  if (!look) co_return tl::unexpected(look.error());
  const ShapeVerdict& shape = look->shape;
  records::Validation asked{.valid = shape.valid, .reason = shape.reason, .bytes = 0};
  PODIUM_CO_TRY(co_await context_.events.Append(std::move(asked)));
  if (shape.valid) co_return Told("The submission has the right shape.", false);
  co_return Told("The submission at " + context_.task.submission_path + " is not valid: " +
                 shape.reason + (shape.message.empty() ? "" : ": " + shape.message));
}

Toolbox::Outcome Toolbox::Submit() {
  auto look = co_await snapshots_.Take();
  if (!look) co_return tl::unexpected(look.error());
  if (!look->shape.valid && limits_.validate)
    co_return Told("Not submitted: there is no valid submission at " +
                   context_.task.submission_path + " (" + look->shape.reason + ").");
  ToolOutcome out = Told("Submitted.", false);
  out.submitted = true;
  co_return out;
}

Toolbox::Outcome Toolbox::Execute(sandbox::ExecSpec spec, Deadline until) {
  if (spec.cwd.empty()) spec.cwd = kWork;
  AddEnvironment(spec);
  auto result = co_await context_.sandbox.Exec(std::move(spec), until);
  if (!result) co_return ToldOr(result.error());
  ToolOutcome out;
  out.end = std::string(sandbox::ExecEndText(result->end));
  out.exit_code = result->exit_code;
  out.wall = result->wall;
  out.lost = result->end == sandbox::ExecEnd::kInitGone;
  out.failed = result->end != sandbox::ExecEnd::kExited || result->exit_code != 0;
  out.text = Observation(result->output, limits_.observation);
  if (result->end == sandbox::ExecEnd::kTimeLimit)
    out.text += "\n[stopped: its time of " + FormatDuration(limits_.action) + " is over]";
  else if (out.failed)
    out.text += "\n[" +
                (out.end == "exited" ? "exit code " + std::to_string(out.exit_code) : out.end) +
                "]";
  if (out.text.empty()) out.text = "[no output]";
  if (out.lost) co_return out;
  auto look = co_await snapshots_.Take();
  if (!look) co_return tl::unexpected(look.error());
  co_return out;
}

}  // namespace podium::agents
