#include "harness/report/summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "agents/models/ledger.h"
#include "agents/registry.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/report/noise.h"
#include "harness/report/table.h"

namespace podium::harness {
namespace {

std::string Percent(double share) { return FormatScore(100 * share, 0) + " %"; }

// What a board is called is the package's word, so it is said when that was the user's own.
std::string BoardText(const RunView& run, const TrialView& t) {
  if (!t.verdict || !t.verdict->grade.board || t.verdict->grade.board->rows == 0) return "";
  auto note = run.tasks.find(t.id.task);
  std::string kind = note == run.tasks.end() ? "" : Printable(note->second.board);
  std::string own = note != run.tasks.end() && note->second.own ? " (own package)" : "";
  return std::to_string(t.verdict->grade.board->rows) + (kind.empty() ? " rows" : " " + kind) + own;
}

std::string VerdictText(const TrialView& t) {
  if (!t.verdict) return t.state;
  return t.verdict->grade.verdict +
         (t.verdict->grade.reason.empty() ? "" : ": " + t.verdict->grade.reason);
}

std::string MedalText(const TrialView& t) {
  if (!t.verdict || t.verdict->grade.verdict != "scored") return "";
  if (t.verdict->grade.standing.medal != "none") return t.verdict->grade.standing.medal;
  return t.verdict->grade.standing.above_median ? "above median" : "-";
}

std::vector<std::string> Row(const RunView& run, const TrialView& t) {
  const records::GradeRecord none;
  const records::GradeRecord& v = t.verdict ? t.verdict->grade : none;
  std::string bronze = v.board ? FormatScore(v.board->lines.bronze) : "";
  std::string median = v.board ? FormatScore(v.board->lines.median) : "";
  std::string order = v.board ? (v.lower_is_better ? "↓" : "↑") : "";
  return {t.id.task.str(),
          t.id.agent.str() + MarksText(t),
          "s" + std::to_string(t.id.seed),
          VerdictText(t),
          v.score ? FormatScore(*v.score) + " " + order : "",
          MedalText(t),
          v.standing.percentile ? Percent(*v.standing.percentile) : "",
          median,
          bronze,
          BoardText(run, t)};
}

std::string OutOf(int hits, int n) { return std::to_string(hits) + "/" + std::to_string(n); }

// A row an agent; columns that say nothing for any of them are left out.
std::string AgentTable(const std::vector<AgentSummary>& agents) {
  bool apart = false, models = false, priced = false;
  int fewest_seeds = 1'000'000;
  for (const auto& a : agents) {
    apart = apart || a.human_graded < a.graded;
    models = models || a.completion_tokens > 0;
    priced = priced || a.model_cost.pico > 0;
    fewest_seeds = std::min(fewest_seeds, a.seeds);
  }
  std::vector<std::string> head = {"agent", "any medal", "coverage", "gold", "silver", "bronze"};
  if (apart) head.emplace_back("competitions' boards");
  for (const char* name : {"above median", "valid", "tasks", "seeds"}) head.emplace_back(name);
  if (models) head.insert(head.end(), {"tokens in", "out", "model wait"});
  if (priced) head.emplace_back("cost, USD");
  std::vector<bool> right(head.size(), true);
  right[0] = right[1] = false;
  TextTable table(head, right);
  for (const auto& a : agents) {
    std::vector<std::string> row = {a.agent + MarksText(a.reveals, a.varied),
                                    MedalShareText(a),
                                    OutOf(a.graded, a.trials),
                                    std::to_string(a.gold),
                                    std::to_string(a.silver),
                                    std::to_string(a.bronze)};
    if (apart) row.push_back(OutOf(a.human_medals, a.human_graded));
    row.insert(row.end(), {OutOf(a.above_median, a.graded), OutOf(a.valid, a.graded),
                           std::to_string(a.tasks), std::to_string(a.seeds)});
    if (models)
      row.insert(row.end(), {std::to_string(a.prompt_tokens), std::to_string(a.completion_tokens),
                             FormatDuration(a.wait)});
    if (priced) row.push_back(a.model_cost.Text());
    table.Add(std::move(row));
  }
  std::string out = table.Text();
  if (fewest_seeds < 3)
    out += "Fewer than 3 seeds say nothing about how much a result varies from seed to seed.\n";
  return out;
}

std::string Failures(const RunView& run) {
  std::string out;
  for (const auto& t : run.trials) {
    std::string why;
    if (!t.verdict && !t.failure.empty())
      why = (t.exhausted ? "infrastructure_exhausted after " + std::to_string(t.failures) +
                               (t.failures == 1 ? " failure: " : " failures, the last: ")
                         : "infrastructure: ") +
            t.failure;
    if (t.verdict && t.verdict->grade.verdict != "scored") {
      why =
          VerdictText(t) + (t.verdict->grade.detail.empty() ? "" : " - " + t.verdict->grade.detail);
      if (!t.verdict->agent.end.empty() && t.verdict->agent.end != "finished")
        why += " (agent: " + t.verdict->agent.end + ")";
    }
    if (!why.empty()) out += "  " + t.id.str() + "  " + why + "\n";
  }
  return out.empty() ? "" : "\nNot scored:\n" + out;
}

// What stands beside the verdicts and is no part of them: the best by test of several submissions,
// and help from labels that an agent does not have.
std::string BesideVerdicts(const RunView& run) {
  std::string out;
  for (const auto& t : run.trials) {
    if (!t.verdict) continue;
    if (auto text = TopKText(*t.verdict); !text.empty())
      out += "  " + t.id.str() + "  " + text + "\n";
    if (auto text = RevealsText(*t.verdict); !text.empty())
      out += "  " + t.id.str() + MarksText(true, false) + "  " + text + "\n";
    if (!t.verdict->variants.empty())
      out += "  " + t.id.str() + MarksText(false, true) + "  was run as a variant (" +
             Join(t.verdict->variants, ", ") + ")\n";
  }
  return out.empty() ? "" : "\nNot to be compared with others:\n" + out;
}

// Where agents were given different working times, a line that says so; otherwise nothing.
std::string BudgetText(const RunView& run) {
  std::map<std::string, std::vector<std::string>> agents_of;
  for (const auto& [id, agent] : run.lock.agents) {
    const auto* scaffold = agents::FindScaffold(agent.scaffold);
    if (scaffold && scaffold->is_baseline) continue;
    auto wall = agent.settings.find("budget.wall");
    agents_of[wall == agent.settings.end() ? "" : wall->second].push_back(id);
  }
  if (agents_of.size() < 2) return "";
  std::vector<std::string> parts;
  for (const auto& [wall, agents] : agents_of)
    parts.push_back(Join(agents, ", ") + ": " + (wall == "task" ? "the task's own" : wall));
  return "Working time of a trial differs: " + Join(parts, "; ") + ".\n";
}

double ShareOf(int hits, int n) { return n == 0 ? 0 : static_cast<double>(hits) / n; }

Json OutcomesJson(const OutcomeCounts& counts) {
  return {{"planned", counts.planned},
          {"scored", counts.scored},
          {"agent_failed", counts.agent_failed},
          {"task_failed", counts.task_failed},
          {"infrastructure_exhausted", counts.infrastructure_exhausted},
          {"open", counts.open()},
          {"coverage", ShareOf(counts.covered(), counts.planned)}};
}

Json TrialJson(const TrialView& t) {
  Json j = {{"task", t.id.task.str()}, {"agent", t.id.agent.str()}, {"seed", t.id.seed},
            {"state", t.state},        {"attempts", t.attempts},    {"active_ms", t.active.count()},
            {"nodes", t.nodes.size()}, {"dir", t.dir.string()}};
  auto outcome = t.outcome();
  j["outcome"] = outcome ? Json(std::string(records::OutcomeText(*outcome))) : Json();
  j["failure"] = t.failure.empty() ? Json() : Json(t.failure);
  j["failures"] = t.failures;
  j["noise"] = NoiseOf(t);
  if (!t.retried.empty()) j["retried"] = t.retried;
  j["forked_from"] = nullptr;
  if (t.forked)
    j["forked_from"] = {
        {"run", t.forked->run}, {"trial", t.forked->trial}, {"step", t.forked->step}};
  j["verdict"] = nullptr;
  if (t.verdict) {
    auto parsed = ParseJson(records::ToText(*t.verdict), "verdict");
    if (parsed) j["verdict"] = *parsed;
  }
  return j;
}

}  // namespace

std::string TopKText(const records::TrialVerdict& verdict) {
  const records::CandidateGrade* best = nullptr;
  for (const auto& candidate : verdict.top_k) {
    if (!candidate.score) continue;
    bool better = best && (verdict.grade.lower_is_better ? *candidate.score < *best->score
                                                         : *candidate.score > *best->score);
    if (!best || better) best = &candidate;
  }
  if (!best) return "";
  return "top-" + std::to_string(verdict.top_k.size()) + " of test: node " +
         std::to_string(best->node) + " with " + FormatScore(*best->score) +
         (best->medal == "none" ? "" : ", " + best->medal) + " (chosen by the test itself)";
}

std::string MarksText(bool reveals, bool varied) {
  return std::string(reveals ? " \u2020" : "") + (varied ? " \u2021" : "");
}

std::string MarksText(const TrialView& trial) {
  if (!trial.verdict) return "";
  return MarksText(!trial.verdict->reveals.empty(), !trial.verdict->variants.empty());
}

std::string RevealsText(const records::TrialVerdict& verdict) {
  if (verdict.reveals.empty()) return "";
  return "its work went by labels that it does not have (" + Join(verdict.reveals, ", ") + ")";
}

std::string PlaceText(const records::GradeRecord& v) {
  if (!v.standing.rank || v.verdict != "scored") return "";
  return std::to_string(*v.standing.rank) + " of " +
         std::to_string((v.board ? v.board->rows : 0) + 1);
}

Share MakeShare(int hits, int n) {
  Share s{hits, n, 0, 1};
  if (n == 0) return s;
  constexpr double z = 1.959963984540054;
  double p = static_cast<double>(hits) / n;
  double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4.0 * n * n));
  s.low = hits == 0 ? 0 : std::max(0.0, centre - half);
  s.high = hits == n ? 1 : std::min(1.0, centre + half);
  return s;
}

std::string Share::Text() const {
  std::string out = std::to_string(hits) + "/" + std::to_string(n);
  if (n == 0) return out;
  return out + " (" + Percent(static_cast<double>(hits) / n) + ", 95 % interval " +
         FormatScore(100 * low, 0) + "-" + Percent(high) + ")";
}

namespace {

// A search's tokens are what its nodes were told: a server that counts nothing is shown as nothing,
// though its budget is charged the most that a call could use. Waits and costs are by each call's
// event; runs of before have none of native scaffolds.
void AddModelCalls(const TrialView& trial, AgentSummary& a) {
  const agents::Spent& spent = trial.models;
  bool by_nodes = spent.requests == 0 && spent.wait == Millis(0);
  for (const auto& n : trial.nodes) {
    a.prompt_tokens += n.tokens.prompt;
    a.completion_tokens += n.tokens.completion;
    if (by_nodes) a.wait += n.tokens.wait;
  }
  if (trial.nodes.empty()) {
    a.prompt_tokens += spent.tokens.input;
    a.completion_tokens += spent.tokens.output;
  }
  a.wait += spent.wait;
  a.model_cost = a.model_cost + spent.cost;
}

}  // namespace

std::string MedalShareText(const AgentSummary& a) {
  int medals = a.gold + a.silver + a.bronze;
  return MakeShare(medals, a.graded).Text() + BoundsText(a.outcomes, medals);
}

std::vector<AgentSummary> SummarizeAgents(const RunView& run) {
  std::vector<AgentSummary> out;
  std::map<std::string, std::set<std::string>> tasks;
  std::map<std::string, std::set<int>> seeds;
  for (const auto& t : run.trials) {
    auto it = std::ranges::find(out, t.id.agent.str(), &AgentSummary::agent);
    if (it == out.end()) it = out.insert(out.end(), AgentSummary{.agent = t.id.agent.str()});
    AgentSummary& a = *it;
    ++a.trials;
    a.outcomes.Add(t);
    a.active += t.active;
    tasks[a.agent].insert(t.id.task.str());
    seeds[a.agent].insert(t.id.seed);
    AddModelCalls(t, a);
    if (!t.verdict) continue;
    a.cell = t.verdict->cell;
    a.reveals = a.reveals || !t.verdict->reveals.empty();
    a.varied = a.varied || !t.verdict->variants.empty();
    if (t.verdict->grade.verdict == "grader_error") {
      ++a.grader_errors;
      continue;
    }
    ++a.graded;
    a.submitted += t.verdict->grade.verdict != "no_submission";
    a.valid += t.verdict->grade.verdict == "scored";
    a.gold += t.verdict->grade.standing.medal == "gold";
    a.silver += t.verdict->grade.standing.medal == "silver";
    a.bronze += t.verdict->grade.standing.medal == "bronze";
    a.above_median += t.verdict->grade.standing.above_median;
    if (run.human_boards.contains(t.id.task)) {
      ++a.human_graded;
      a.human_medals += t.verdict->grade.standing.medal != "none";
    }
  }
  for (auto& a : out) {
    a.tasks = static_cast<int>(tasks[a.agent].size());
    a.seeds = static_cast<int>(seeds[a.agent].size());
  }
  return out;
}

std::string MedalTable(const RunView& run) {
  TextTable table(
      {"task", "agent", "seed", "verdict", "score", "medal", "beats", "median", "bronze", "board"},
      {false, false, false, false, true, false, true, true, true, false});
  for (const auto& t : run.trials) table.Add(Row(run, t));
  return table.Text();
}

namespace {

// As a shell takes it.
std::string ShellWord(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=@";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// What --task takes for the run's first task: an own package is named by its folder.
std::string TaskArgument(const RunView& run) {
  const TaskId& id = run.trials.front().id.task;
  auto note = run.tasks.find(id);
  bool own = note != run.tasks.end() && note->second.own;
  if (!own) return ShellWord(id.str());
  const std::string& folder = note->second.folder;
  return ShellWord(folder.ends_with('/') ? folder : folder + "/");
}

}  // namespace

std::string SummaryText(const RunView& run, std::string_view program) {
  std::string out = MedalTable(run) + "\nTrials: " + CountOutcomes(run).Text() + ".\n";
  out += AgentTable(SummarizeAgents(run)) + BudgetText(run);
  out += NoiseText(run);
  out += Failures(run);
  out += BesideVerdicts(run);
  for (const auto& flag : run.flags) out += "\nFlag: " + flag + "\n";
  OutcomeCounts counts = CountOutcomes(run);
  int open = counts.open();
  out += "\nFiles:  " + run.dir.string() + "\n";
  std::error_code ec;
  if (std::filesystem::exists(run.dir / "report.html", ec))
    out += "Page:   " + (run.dir / "report.html").string() + "\n";
  if (open > 0) {
    out += "Next:   the same command again goes on: " + std::to_string(open) + " of " +
           std::to_string(run.trials.size()) + " trials have no verdict yet\n";
  } else if (counts.infrastructure_exhausted > 0) {
    out += "Next:   " + std::string(program) + " retry " + ShellWord(run.name) +
           " --why TEXT    (attempts for the " + std::to_string(counts.infrastructure_exhausted) +
           " that infrastructure has failed too often)\n";
  } else {
    out += "Next:   " + std::string(program) + " run --task " + TaskArgument(run) +
           " --agent llm-greedy --model NAME    (a model of yours: OPENAI_API_KEY or "
           "OPENAI_BASE_URL)\n";
  }
  return out;
}

std::string SummaryJson(const RunView& run) {
  Json out = {{"schema", "podium-summary/1"}, {"run", run.name},         {"dir", run.dir.string()},
              {"trials", Json::array()},      {"agents", Json::array()}, {"flags", run.flags}};
  out["outcomes"] = OutcomesJson(CountOutcomes(run));
  for (const auto& t : run.trials) out["trials"].push_back(TrialJson(t));
  for (const auto& a : SummarizeAgents(run)) {
    Share medals = MakeShare(a.gold + a.silver + a.bronze, a.graded);
    out["agents"].push_back(
        {{"agent", a.agent},
         {"trials", a.trials},
         {"graded", a.graded},
         {"grader_errors", a.grader_errors},
         {"tasks", a.tasks},
         {"seeds", a.seeds},
         {"gold", a.gold},
         {"silver", a.silver},
         {"bronze", a.bronze},
         {"above_median", a.above_median},
         {"valid", a.valid},
         {"submitted", a.submitted},
         {"human_boards", {{"any_medal", a.human_medals}, {"n", a.human_graded}}},
         {"any_medal",
          {{"hits", medals.hits},
           {"n", medals.n},
           {"wilson95", {medals.low, medals.high}},
           {"worst", ShareOf(medals.hits, a.trials)},
           {"best", ShareOf(medals.hits + a.trials - a.graded, a.trials)}}},
         {"outcomes", OutcomesJson(a.outcomes)},
         {"prompt_tokens", a.prompt_tokens},
         {"completion_tokens", a.completion_tokens},
         {"model_wait_ms", a.wait.count()},
         {"model_cost_usd", a.model_cost.Text()},
         {"active_ms", a.active.count()},
         {"cell", a.cell}});
  }
  return DumpJson(out, 2);
}

}  // namespace podium::harness
