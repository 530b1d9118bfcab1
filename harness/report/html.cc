#include "harness/report/html.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "harness/report/noise.h"
#include "harness/report/plots.h"
#include "harness/report/summary.h"
#include "tasks/task_package.h"

namespace podium::harness {
namespace {

constexpr const char* kStyle = R"(
:root{--ink:#1c2430;--soft:#667085;--line:#d9dee7;--paper:#fff;--back:#f6f7f9;--accent:#2456c7;--bad:#b42318;--good:#1d7a46;--gold:#b8860b;--silver:#7b8794;--bronze:#a0592a}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#343c4a;--paper:#181d26;--back:#10141b;--accent:#7aa2f7;--bad:#f97066;--good:#47b881;--gold:#e0b03a;--silver:#aab4c0;--bronze:#cf8a5b}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);margin:0}
main{max-width:1080px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:26px;margin:8px 0 2px}h2{font-size:20px;margin:36px 0 8px}h3{font-size:16px;margin:20px 0 6px}
p{margin:6px 0}.note{color:var(--soft);font-size:13.5px}
section,.card{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:14px 18px;margin:12px 0}
table{border-collapse:collapse;width:100%;font-size:14px}th{text-align:left;color:var(--soft);font-weight:600;border-bottom:1px solid var(--line);padding:5px 10px 5px 0}
td{border-bottom:1px solid var(--line);padding:5px 10px 5px 0;vertical-align:top}td.n,th.n{text-align:right;padding-right:18px;font-variant-numeric:tabular-nums}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
.medal{font-weight:600}.medal.gold{color:var(--gold)}.medal.silver{color:var(--silver)}.medal.bronze{color:var(--bronze)}.fault{color:var(--bad)}
svg{width:100%;height:auto;max-width:860px;display:block;margin:6px 0}svg text{font:11px system-ui,sans-serif;fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:3px}svg text.id{stroke:none}
.crossed{stroke-dasharray:4 3}.dashed{stroke-dasharray:5 4}.bar{fill:#9db2d6}.axis,.edge{stroke:var(--line);stroke-width:1.3}.edge{stroke:var(--soft)}text.tick{fill:var(--soft)!important}
line.gold{stroke:var(--gold)}line.silver{stroke:var(--silver)}line.bronze{stroke:var(--bronze)}line.median{stroke:var(--soft);stroke-dasharray:4 3}
line.gold,line.silver,line.bronze,line.median{stroke-width:1.6}text.tag.gold{fill:var(--gold)}text.tag.silver{fill:var(--silver)}text.tag.bronze{fill:var(--bronze)}text.tag.median{fill:var(--soft)}
.mark{fill:var(--accent)}text.tag.mark{fill:var(--accent);font-weight:600}.stem{stroke:var(--accent)}
circle.good{fill:var(--good)}circle.bad{fill:none;stroke:var(--bad);stroke-width:1.6}circle.best{stroke:var(--gold);stroke-width:3.5}
text.id{fill:#fff!important;font-size:9px!important}text.badid{fill:var(--bad)!important}.bestline{fill:none;stroke:var(--good);stroke-width:1.6}
pre{background:var(--back);border:1px solid var(--line);border-radius:6px;padding:10px;overflow:auto;max-height:420px;font-size:12.5px;line-height:1.4}
summary{cursor:pointer;color:var(--accent)}code{font-size:13px}
)";

std::string Cell(std::string_view text, bool number = false) {
  return std::string(number ? "<td class='n'>" : "<td>") + Escape(text) + "</td>";
}

std::string Anchor(const TrialView& t) {
  return t.id.task.str() + "." + t.id.agent.str() + ".s" + std::to_string(t.id.seed);
}

std::string MedalSpan(const records::GradeRecord& v) {
  if (v.verdict != "scored")
    return "<span class='fault'>" + Escape(v.verdict + (v.reason.empty() ? "" : ": " + v.reason)) +
           "</span>";
  if (v.standing.medal != "none")
    return "<span class='medal " + Escape(v.standing.medal) + "'>" + Escape(v.standing.medal) +
           "</span>";
  return v.standing.above_median ? "above median" : "-";
}

// Of one without a verdict.
std::string StateText(const TrialView& t) {
  return (t.exhausted ? "infrastructure_exhausted" : t.state) +
         (t.failure.empty() ? "" : ": " + t.failure);
}

std::string TrialRow(const TrialView& t) {
  const records::GradeRecord none;
  const records::GradeRecord& v = t.verdict ? t.verdict->grade : none;
  std::string out = "<tr><td><a href='#" + Anchor(t) + "'>" + Escape(t.id.task.str()) +
                    "</a></td>" + Cell(t.id.agent.str() + MarksText(t)) +
                    Cell("s" + std::to_string(t.id.seed));
  out += Cell(v.score ? FormatScore(*v.score) : "", true);
  out += "<td>" + (t.verdict ? MedalSpan(v) : Escape(StateText(t))) + "</td>";
  out += Cell(PlaceText(v), true);
  out +=
      Cell(v.standing.percentile ? FormatScore(100 * *v.standing.percentile, 0) + " %" : "", true);
  return out + Cell(std::to_string(t.nodes.size()), true) + Cell(FormatDuration(t.active), true) +
         "</tr>\n";
}

void Overview(const RunView& run, const Sink& out) {
  out("<section><table><tr><th>task</th><th>agent</th><th>seed</th><th "
      "class='n'>score</th><th>result</th><th class='n'>place</th>"
      "<th class='n'>beats</th><th class='n'>nodes</th><th class='n'>time</th></tr>\n");
  for (const auto& t : run.trials) out(TrialRow(t));
  out("</table></section>\n");
}

std::string Agents(const RunView& run) {
  std::string out =
      "<section><table><tr><th>agent</th><th>any medal</th><th class='n'>coverage</th><th "
      "class='n'>gold</th><th "
      "class='n'>silver</th><th class='n'>bronze</th><th class='n'>competitions' boards</th>"
      "<th class='n'>above median</th><th class='n'>valid</th><th class='n'>tasks</th><th "
      "class='n'>seeds</th><th class='n'>tokens in / out</th></tr>\n";
  for (const auto& a : SummarizeAgents(run)) {
    out += "<tr>" + Cell(a.agent + MarksText(a.reveals, a.varied)) + Cell(MedalShareText(a)) +
           Cell(std::to_string(a.graded) + "/" + std::to_string(a.trials), true) +
           Cell(std::to_string(a.gold), true) + Cell(std::to_string(a.silver), true) +
           Cell(std::to_string(a.bronze), true) +
           Cell(std::to_string(a.human_medals) + "/" + std::to_string(a.human_graded), true) +
           Cell(std::to_string(a.above_median) + "/" + std::to_string(a.graded), true) +
           Cell(std::to_string(a.valid) + "/" + std::to_string(a.graded), true) +
           Cell(std::to_string(a.tasks), true) + Cell(std::to_string(a.seeds), true) +
           Cell(a.completion_tokens
                    ? std::to_string(a.prompt_tokens) + " / " + std::to_string(a.completion_tokens)
                    : "-",
                true) +
           "</tr>\n";
  }
  return out +
         "</table><p class='note'>Shares are out of the trials that were scored or that the agent "
         "failed, with Wilson's 95 % interval; where others are missing, the share follows if none "
         "and if all of them had been hits; competitions' boards are those that hold entries to a "
         "competition alone. The "
         "interval takes trials as independent, so with several seeds of a task it is too "
         "narrow, and with one seed it says nothing about how much a result moves from seed to "
         "seed. A place is among the board's rows and the trial itself.</p></section>\n";
}

std::string NodeDetails(const agents::SearchNode& n) {
  std::string head = "node " + std::to_string(n.id) + ": " + n.op + " [" + n.source + "]";
  std::string out = "<details><summary>" + Escape(head) + "</summary>";
  if (!n.plan.empty()) out += "<p>" + Escape(n.plan) + "</p>";
  if (!n.code.empty()) out += "<pre>" + Escape(n.code) + "</pre>";
  if (!n.output.empty()) out += "<p class='note'>printed:</p><pre>" + Escape(n.output) + "</pre>";
  return out + "</details>";
}

std::string ParentsText(const records::SearchNode& n) {
  std::string out;
  for (int parent : n.parents) out += (out.empty() ? "node " : ", ") + std::to_string(parent);
  return out;
}

std::string NodeTable(const TrialView& t) {
  std::string out =
      "<table><tr><th class='n'>node</th><th>step</th><th>from</th><th>source</th><th "
      "class='n'>validation</th><th>why it does not count</th>"
      "<th class='n'>ran</th><th class='n'>tokens in / out</th><th class='n'>model "
      "wait</th></tr>\n";
  for (const auto& n : t.nodes) {
    std::string why = n.fault + (n.detail.empty() ? "" : " - " + n.detail.substr(0, 200));
    out += "<tr>" + Cell(std::to_string(n.id), true) + Cell(n.op) + Cell(ParentsText(n)) +
           Cell(n.source) + Cell(n.score ? FormatScore(*n.score) : "", true) +
           "<td class='fault'>" + Escape(why) + "</td>" + Cell(FormatDuration(n.exec_wall), true) +
           Cell(n.tokens.completion
                    ? std::to_string(n.tokens.prompt) + " / " + std::to_string(n.tokens.completion)
                    : "-",
                true) +
           Cell(n.tokens.wait.count() ? FormatDuration(n.tokens.wait) : "-", true) + "</tr>\n";
  }
  out += "</table>\n";
  for (const auto& n : t.nodes) out += NodeDetails(n);
  return out;
}

// What a model that works with tools used.
std::string ToolTable(const TrialView& t) {
  if (t.tools.empty()) return "";
  std::string out =
      "<h3>Tools</h3><table><tr><th>tool</th><th class='n'>uses</th><th "
      "class='n'>failed</th></tr>\n";
  for (const auto& [tool, count] : t.tools)
    out += "<tr>" + Cell(tool.empty() ? "(talked)" : tool) +
           Cell(std::to_string(count.uses), true) + Cell(std::to_string(count.failed), true) +
           "</tr>\n";
  return out + "</table>\n";
}

// ", 12 s of CPU, 300 MiB of 2 GiB of memory, ...".
std::string ResourcesText(const TrialView& t) {
  const auto& r = t.verdict->resources;
  if (!r) return "";
  std::string out = ", " + FormatDuration(r->cpu) + " of CPU (" + FormatDuration(r->throttled) +
                    " throttled), " + FormatBytes(r->memory_peak_bytes) + " of " +
                    FormatBytes(r->memory_limit_bytes) + " of memory, " +
                    FormatBytes(r->disk_bytes) + " of disk";
  if (r->oom_kills > 0) out += ", " + std::to_string(r->oom_kills) + " killed for memory";
  if (r->outage > Millis(0))
    out += ", waited " + FormatDuration(r->outage) + " for providers or a turn";
  for (const auto& kind : NoiseOf(t)) out += "; infra noise: " + kind;
  return out;
}

std::string TrialSection(const TrialView& t) {
  std::string out = "<div class='card' id='" + Anchor(t) + "'><h3>" +
                    Escape(t.id.agent.str() + ", seed " + std::to_string(t.id.seed)) + "</h3>";
  bool lower = t.verdict && t.verdict->grade.lower_is_better;
  if (t.verdict) {
    const records::GradeRecord& v = t.verdict->grade;
    const records::AgentEnd& agent = t.verdict->agent;
    out += "<p>" +
           (v.verdict == "scored" && v.standing.medal == "none" && !v.standing.above_median
                ? "no medal"
                : MedalSpan(v)) +
           (v.score ? " with score <b>" + FormatScore(*v.score) + "</b>" : "") +
           (v.detail.empty() ? "" : ": " + Escape(v.detail)) + ". The agent ended: " +
           Escape(agent.end + (agent.detail.empty() ? "" : " (" + agent.detail + ")")) + ".</p>";
    for (const auto& text : {TopKText(*t.verdict), RevealsText(*t.verdict)})
      if (!text.empty()) out += "<p class='note'>Not to be compared: " + Escape(text) + "</p>";
    out += "<p class='note'>submission " + Escape(v.submission_sha256.value_or("").substr(0, 16)) +
           ", image " + Escape(t.verdict->image.substr(0, 16)) + ", " + std::to_string(t.attempts) +
           (t.attempts == 1 ? " attempt, " : " attempts, ") + FormatDuration(t.active) +
           " of work" + ResourcesText(t) + "</p>";
  } else {
    out += "<p>" + Escape(StateText(t)) + "</p>";
  }
  if (!t.nodes.empty()) {
    out += "<h3>Search tree</h3>" + TreePlot(t, lower) +
           "<p class='note'>green: counts; ring: the best by validation; red outline: failed. Left "
           "to right in order of time; dashed: what was crossed beside its first parent.</p>";
    std::string time = TimePlot(t, lower);
    if (!time.empty()) out += "<h3>Score over time</h3>" + time;
  }
  std::string spent = SpentPlot(t);
  if (!spent.empty()) out += "<h3>Tokens over time</h3>" + spent;
  out += ToolTable(t);
  if (!t.nodes.empty()) out += NodeTable(t);
  if (t.verdict)
    out += "<details><summary>verdict.json</summary><pre>" + Escape(records::ToText(*t.verdict)) +
           "</pre></details>";
  return out + "</div>\n";
}

// The board with the trials' scores on it; nothing where no board could be read.
std::string BoardSection(const RunView& run, const std::string& task_id) {
  std::vector<BoardMark> marks;
  const records::GradeRecord* lines = nullptr;
  for (const auto& t : run.trials) {
    if (t.id.task.str() != task_id || !t.verdict) continue;
    const records::GradeRecord& grade = t.verdict->grade;
    if (grade.board && grade.board->rows > 0) lines = &grade;
    if (grade.score)
      marks.push_back({t.id.agent.str() + " s" + std::to_string(t.id.seed), *grade.score});
  }
  if (!lines) return "";
  return BoardPlot(ReadBoard(run.dir / "boards" / (task_id + ".csv")), *lines, marks) +
         "<p class='note'>" + std::to_string(lines->board->rows) +
         " rows; bar heights are square roots of counts.</p>";
}

std::string TaskHead(const RunView& run, const TaskId& id) {
  auto note = run.tasks.find(id);
  bool own = note != run.tasks.end() && note->second.own;
  std::string title = note == run.tasks.end() ? id.str() : note->second.title;
  std::string out = "<h2>" + Escape(title) + "</h2>\n<section>";
  if (own)
    out += "<p>" + Escape(id.str()) +
           ". A package of the user's own. Board: " + Escape(note->second.board) + ".</p>";
  if (auto task = tasks::FindTask(id.str()); task && !own) {
    out += "<p>" + Escape(id.str()) + ". Metric: " + Escape(task->grader.metric) +
           (task->grader.lower_is_better ? ", lower is better" : ", higher is better") +
           ". Board: " + Escape(task->leaderboard.header) + ".</p>";
    if (!task->leaderboard.note.empty())
      out += "<p class='note'>" + Escape(task->leaderboard.note) + "</p>";
  }
  return out + BoardSection(run, id.str()) + "</section>\n";
}

std::string Head(const RunView& run) {
  std::string started;
  for (const auto& t : run.trials) {
    if (!t.started.empty() && (started.empty() || t.started < started)) started = t.started;
  }
  std::string out =
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' "
      "content='width=device-width,initial-scale=1'>"
      "<title>Podium: " +
      Escape(run.name) + "</title><style>" + kStyle + "</style></head><body><main>\n";
  out += "<p class='note'>Podium " PODIUM_VERSION "</p><h1>" + Escape(run.name) + "</h1><p>" +
         Escape(CountOutcomes(run).Text()) +
         (started.empty() ? "" : "; started " + Escape(started)) + ".</p>\n";
  if (auto noise = NoiseText(run); !noise.empty())
    out += "<p class='note'>" + Escape(noise) + "</p>\n";
  for (const auto& flag : run.flags) out += "<p><b>Flag</b>: " + Escape(flag) + "</p>\n";
  return out;
}

}  // namespace

void ReportHtml(const RunView& run, const Sink& out) {
  out(Head(run));
  Overview(run, out);
  out("<h2>Agents</h2>\n" + Agents(run));
  std::set<std::string> seen;
  for (const auto& first : run.trials) {
    if (!seen.insert(first.id.task.str()).second) continue;
    out(TaskHead(run, first.id.task));
    for (const auto& t : run.trials) {
      if (t.id.task == first.id.task) out(TrialSection(t));
    }
  }
  out("<h2>Configuration</h2><section><details><summary>run.yaml</summary><pre>" +
      Escape(run.config_yaml) + "</pre></details><details><summary>lock.json</summary><pre>");
  out(Escape(run.lock_json));
  out("</pre></details></section>\n</main></body></html>\n");
}

std::string ReportHtml(const RunView& run) {
  std::string out;
  ReportHtml(run, [&out](std::string_view piece) { out += piece; });
  return out;
}

}  // namespace podium::harness
