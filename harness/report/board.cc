#include "harness/report/board.h"

#include <algorithm>

#include "base/text.h"
#include "harness/report/forecast.h"
#include "harness/report/outcomes.h"
#include "harness/report/table.h"
#include "harness/store/control.h"

namespace podium::harness {
namespace {

// "node 2026-11-24T01:54:57.123Z" as what and how long ago.
struct LastEvent {
  std::string what;
  Millis ago{0};
};
LastEvent LastEventOf(const TrialView& t, WallTime now) {
  std::size_t space = t.last_event.find(' ');
  if (space == std::string::npos) return {};
  auto then = ParseIsoTime(t.last_event.substr(space + 1));
  return {t.last_event.substr(0, space),
          std::max(Millis(0), std::chrono::duration_cast<Millis>(now - then))};
}

std::string Working(const RunView& run, WallTime now, std::size_t rows) {
  TextTable table({"worked on", "time", "nodes", "attempts", "last event", "ago"},
                  {false, true, true, true, false, true});
  std::size_t n = 0;
  for (const auto& t : run.trials) {
    if (t.state != "running" || n++ >= rows) continue;
    LastEvent last = LastEventOf(t, now);
    table.Add({t.id.str(), FormatDuration(t.active), std::to_string(t.nodes.size()),
               std::to_string(t.attempts), last.what, FormatDuration(last.ago)});
  }
  if (n == 0) return "No trial is worked on now.\n";
  return table.Text() + (n > rows ? "and " + std::to_string(n - rows) + " more\n" : "");
}

std::string EndText(const TrialView& t) {
  std::string out(records::OutcomeText(*t.outcome()));
  if (!t.verdict) return out + ": " + Printable(t.failure.substr(0, 60));
  const records::GradeRecord& grade = t.verdict->grade;
  if (grade.score) return out + " " + FormatScore(*grade.score) + " " + grade.standing.medal;
  return out + ": " + (grade.reason.empty() ? grade.verdict : grade.reason);
}

std::string Ended(const RunView& run, std::size_t rows) {
  std::vector<const TrialView*> ended;
  for (const auto& t : run.trials) {
    if (t.outcome()) ended.push_back(&t);
  }
  if (ended.empty()) return "";
  std::ranges::stable_sort(ended, std::greater<>(), [](const TrialView* t) {
    return t->last_event.substr(t->last_event.find(' ') + 1);
  });
  if (ended.size() > rows) ended.resize(rows);
  TextTable table({"ended last", "time", "outcome"}, {false, true, false});
  for (const auto* t : ended) table.Add({t->id.str(), FormatDuration(t->active), EndText(*t)});
  return "\n" + table.Text();
}

std::string Spent(const RunView& run) {
  agents::Usd cost;
  std::int64_t tokens = 0;
  for (const auto& t : run.trials) {
    cost = cost + t.models.cost;
    tokens += t.models.tokens.input + t.models.tokens.output;
  }
  std::string out;
  if (tokens > 0) out = "Spent: $" + cost.Text() + ", " + std::to_string(tokens) + " tokens. ";
  return out + ForecastText(run);
}

std::string Holds(const RunView& run) {
  auto control = ReadControl(run.dir);
  if (!control) return Printable(control.error().message) + "\n";
  std::string out;
  if (control->run != records::Hold::kNone)
    out = "The run is " + std::string(records::HoldText(control->run)) + ". ";
  if (!control->trials.empty())
    out += std::to_string(control->trials.size()) + " trials are held. ";
  return out.empty() ? "" : out + "`podium resume " + run.name + "` lets them go.\n";
}

}  // namespace

std::string BoardText(const RunView& run, WallTime now, std::size_t rows) {
  auto workers = WorkersOf(run.dir, SystemClock());
  std::string out = "Run " + run.name + ": " + CountOutcomes(run).Text() + "\n";
  out +=
      workers.empty() ? "No process works on it.\n" : "Worked on by " + Join(workers, ", ") + ".\n";
  out += Holds(run);
  std::string spent = Spent(run);
  if (!spent.empty()) out += spent + "\n";
  for (const auto& flag : run.flags) out += "Flag: " + Printable(flag) + "\n";
  return out + "\n" + Working(run, now, rows) + Ended(run, rows);
}

}  // namespace podium::harness
