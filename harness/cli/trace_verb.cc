#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/report/table.h"
#include "harness/store/find_trial.h"
#include "harness/store/journal.h"
#include "harness/store/run_folder.h"

namespace podium::harness {
namespace {

struct TraceVerb {
  std::string trial;
  int node = -1;
  bool json = false;
};

// What a trial did, as its journal tells it.
struct Trace {
  TrialView view;
  std::vector<records::ToolUse> steps;    // as they stand
  std::vector<records::Exec> commands;    // the same
  std::vector<records::JobStarted> jobs;  // the same
  std::vector<records::JobEnded> ends;    // the same
  std::vector<records::ModelCall> calls;  // of all
};

Result<Trace> ReadTrace(const FoundTrial& at) {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(at.run_dir));
  PODIUM_ASSIGN(auto folder, run.Folder(RunFolder::NameOf(at.id)));
  PODIUM_ASSIGN(auto lines, ReadJournal(folder));
  Trace out{.view = ReadTrial(folder.path(), at.id, SystemClock()),
            .steps = StepsOf(lines),
            .commands = LastAttempts<records::Exec>(lines),
            .jobs = JobsOf(lines),
            .ends = LastAttempts<records::JobEnded>(lines),
            .calls = {}};
  for (const auto& line : lines) {
    if (const auto* call = std::get_if<records::ModelCall>(&line.event)) out.calls.push_back(*call);
  }
  return out;
}

template <class T>
Json Bodies(const std::vector<T>& events) {
  Json out = Json::array();
  for (const auto& event : events) {
    auto body = ParseJson(records::BodyText(event), "an event");
    if (body) out.push_back(std::move(*body));
  }
  return out;
}

std::string TraceJson(const FoundTrial& at, const Trace& t) {
  Json out = {{"schema", "podium-trace/1"},     {"run", at.run_dir.filename().string()},
              {"trial", at.id.str()},           {"state", t.view.state},
              {"nodes", Bodies(t.view.nodes)},  {"steps", Bodies(t.steps)},
              {"commands", Bodies(t.commands)}, {"model_calls", Bodies(t.calls)},
              {"jobs", Bodies(t.jobs)},         {"job_ends", Bodies(t.ends)}};
  return DumpJson(out, 2) + "\n";
}

std::string FirstLine(const std::string& text, std::size_t most) {
  std::string line = Printable(text.substr(0, text.find('\n')));
  return line.size() <= most ? line : line.substr(0, most - 3) + "...";
}

std::string ParentsText(const records::SearchNode& n) {
  std::vector<std::string> out;
  for (int parent : n.parents) out.push_back(std::to_string(parent));
  return out.empty() ? "-" : Join(out, ", ");
}

std::string NodesText(const Trace& t) {
  TextTable table({"node", "operator", "from", "validation", "time", "tokens", "what came of it"},
                  {true, false, false, true, true, true, false});
  for (const auto& n : t.view.nodes)
    table.Add({std::to_string(n.id), n.op, ParentsText(n), n.score ? FormatScore(*n.score) : "",
               FormatDuration(n.exec_wall), std::to_string(n.tokens.prompt + n.tokens.completion),
               n.good() ? FirstLine(n.plan.empty() ? n.source : n.plan, 60)
                        : n.fault + (n.detail.empty() ? "" : ": " + FirstLine(n.detail, 60))});
  return table.Text();
}

std::string StepsText(const Trace& t) {
  TextTable table({"step", "tool", "time", "arguments", "what it gave"},
                  {true, false, true, false, false});
  for (const auto& s : t.steps)
    table.Add({std::to_string(s.step), s.tool.empty() ? "(talk)" : s.tool, FormatDuration(s.wall),
               FirstLine(s.tool.empty() ? s.said : s.arguments, 50), FirstLine(s.observation, 50)});
  return table.Text();
}

// "exited 0", "stopped"; "" of one whose end nobody saw.
std::string EndText(const records::JobEnded& end) {
  return end.end + (end.end == "exited" ? " " + std::to_string(end.exit_code) : "");
}

std::string JobsText(const Trace& t) {
  TextTable table({"job", "at step", "its end", "time", "bytes", "command"},
                  {true, true, false, true, true, false});
  for (const auto& job : t.jobs) {
    auto end = std::ranges::find(t.ends, job.job, &records::JobEnded::job);
    bool ended = end != t.ends.end();
    table.Add({std::to_string(job.job), std::to_string(job.step), ended ? EndText(*end) : "",
               ended ? FormatDuration(end->wall) : "",
               ended ? std::to_string(end->output_bytes) : "", FirstLine(job.command, 50)});
  }
  return table.Text();
}

std::string CommandsText(const Trace& t) {
  std::string out;
  for (const auto& c : t.commands)
    out += c.command + ": " + c.end + (c.end == "exited" ? " " + std::to_string(c.exit_code) : "") +
           " after " + FormatDuration(c.wall) + "\n" + Printable(c.output) + "\n";
  return out;
}

std::string CallsText(const Trace& t) {
  if (t.calls.empty()) return "";
  std::int64_t input = 0, output = 0;
  for (const auto& c : t.calls) {
    input += c.input_tokens;
    output += c.output_tokens;
  }
  return std::to_string(t.calls.size()) + " calls of models: " + std::to_string(input) +
         " tokens in, " + std::to_string(output) + " out\n";
}

std::string Whole(const FoundTrial& at, const Trace& t) {
  std::string out = at.id.str() + " of run " + at.run_dir.filename().string() + ": " + t.view.state;
  if (const auto& v = t.view.verdict)
    out += ", " + v->grade.verdict + (v->grade.score ? " " + FormatScore(*v->grade.score) : "") +
           ", ended by " + v->agent.end;
  out += "\n\n";
  if (!t.view.nodes.empty()) out += NodesText(t) + "\n";
  if (!t.steps.empty()) out += StepsText(t) + "\n";
  if (!t.jobs.empty()) out += JobsText(t) + "\n";
  if (!t.commands.empty()) out += CommandsText(t) + "\n";
  if (t.view.nodes.empty() && t.steps.empty() && t.commands.empty())
    out += "Nothing is in its journal that an agent did.\n";
  out += CallsText(t);
  if (!t.view.nodes.empty() || !t.steps.empty())
    out += "`--node N` shows one with its program and all that it printed.\n";
  return out;
}

void Part(std::string& out, const char* title, const std::string& text) {
  if (!text.empty()) out += std::string("\n") + title + "\n" + Printable(text) + "\n";
}

Result<std::string> One(const Trace& t, int number) {
  std::string out;
  for (const auto& n : t.view.nodes) {
    if (n.id != number) continue;
    out = "node " + std::to_string(n.id) + ": " + n.op + " of " + ParentsText(n) + ", " +
          (n.good() ? "validation " + (n.score ? FormatScore(*n.score) : std::string("none"))
                    : n.fault + ": " + Printable(n.detail)) +
          ", " + FormatDuration(n.exec_wall) + "\n";
    Part(out, "--- plan", n.plan);
    Part(out, "--- program", n.code);
    Part(out, "--- what it printed", n.output);
    return out;
  }
  for (const auto& s : t.steps) {
    if (s.step != number) continue;
    out = "step " + std::to_string(s.step) + ": " + (s.tool.empty() ? "talk" : s.tool) + ", " +
          FormatDuration(s.wall) + (s.failed ? ", failed" : "") + "\n";
    Part(out, "--- what the model said", s.said);
    Part(out, "--- arguments", s.arguments);
    Part(out, "--- what it gave", s.observation);
    return out;
  }
  return Fail(ErrorCode::kUsage,
              "--node: there is no node or step " + std::to_string(number) + "; there are " +
                  std::to_string(std::max(t.view.nodes.size(), t.steps.size())) + ", from 0");
}

// By a pager where a person reads it and it is longer than the screen.
void Show(const std::string& text) {
  winsize screen{};
  bool watched = ::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &screen) == 0;
  bool longer = std::ranges::count(text, '\n') >= screen.ws_row;
  const char* own = std::getenv("PAGER");
  // The person's own pager, as every program of the system starts it.
  const char* command = own && *own ? own : "less -FRX 2>/dev/null || cat";
  FILE* pager = nullptr;
  if (watched && longer) pager = ::popen(command, "w");  // NOLINT(bugprone-command-processor)
  if (!pager) {
    std::cout << text;
    return;
  }
  std::fwrite(text.data(), 1, text.size(), pager);
  ::pclose(pager);
}

Result<Exit> DoTrace(const TraceVerb& o) {
  PODIUM_ASSIGN(auto at, FindTrial(o.trial));
  PODIUM_ASSIGN(auto trace, ReadTrace(at));
  if (o.json) {
    std::cout << TraceJson(at, trace);
    return Exit::kOk;
  }
  if (o.node < 0) {
    Show(Whole(at, trace));
    return Exit::kOk;
  }
  PODIUM_ASSIGN(auto one, One(trace, o.node));
  Show(one);
  return Exit::kOk;
}

}  // namespace

void AddTraceVerb(CLI::App& app, Exit& exit) {
  auto* verb = app.add_subcommand("trace", "What a trial's agent did: nodes or steps, one by one");
  auto o = std::make_shared<TraceVerb>();
  verb->add_option("trial", o->trial,
                   "TASK/AGENT/sSEED of the newest run, RUN/TASK/AGENT/sSEED, the trial's folder, "
                   "or a run that has one trial");
  verb->add_option("--node", o->node, "One node or step with all that is known of it")
      ->check(CLI::NonNegativeNumber);
  verb->add_flag("--json", o->json, "Print JSON (podium-trace/1)");
  verb->callback(Wrap(exit, [o] { return DoTrace(*o); }));
}

}  // namespace podium::harness
