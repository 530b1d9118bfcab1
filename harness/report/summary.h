#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agents/models/wire/usd.h"
#include "harness/report/outcomes.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// A share with Wilson's 95 % score interval (Wilson 1927; the interval Agresti & Coull 1998
// recommend for small n).
struct Share {
  int hits = 0;
  int n = 0;
  double low = 0, high = 1;
  [[nodiscard]] std::string Text() const;  // "2/5 (40 %, 95 % interval 12-77 %)"
};
[[nodiscard]] Share MakeShare(int hits, int n);

// One agent over the trials of a run that have a verdict. A grader_error is counted apart and never
// as a failure of the agent.
struct AgentSummary {
  std::string agent;
  OutcomeCounts outcomes = {};
  int trials = 0, graded = 0, grader_errors = 0, tasks = 0, seeds = 0;
  int gold = 0, silver = 0, bronze = 0, above_median = 0, valid = 0, submitted = 0;
  int human_graded = 0, human_medals = 0;  // of these, on competitions' own boards
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  agents::Usd model_cost;  // of what went through gateways
  Millis wait{0}, active{0};
  std::map<std::string, std::string> cell = {};  // TrialVerdict::cell
  bool reveals = false;  // some of its trials went by labels that it does not have
  bool varied = false;   // some were run otherwise than the agent is (TrialVerdict::variants)
};
[[nodiscard]] std::vector<AgentSummary> SummarizeAgents(const RunView& run);
// "2/5 (40 %, 95 % interval 12-77 %); 1 of 6 missing: 33 to 50 %": any medal, out of the trials
// that say something of it.
[[nodiscard]] std::string MedalShareText(const AgentSummary& agent);

// The medal table, a row a trial.
[[nodiscard]] std::string MedalTable(const RunView& run);
// The table, a line an agent with its shares, what failed and why, where the files are and the next
// command, in which the program is called `program`.
[[nodiscard]] std::string SummaryText(const RunView& run, std::string_view program);
// "11 of 204": the place of a scored submission among the board's rows and itself; else "".
[[nodiscard]] std::string PlaceText(const records::GradeRecord& grade);
// "top-3 of test: node 2 with 0.91": the best by test of the submissions graded beside it; else "".
[[nodiscard]] std::string TopKText(const records::TrialVerdict& verdict);
// "its work went by labels that it does not have (search.feedback: hidden)"; else "".
[[nodiscard]] std::string RevealsText(const records::TrialVerdict& verdict);
// Behind an agent's name in every table: a dagger where its work went by such labels, a double one
// where it was run as a variant.
[[nodiscard]] std::string MarksText(bool reveals, bool varied);
[[nodiscard]] std::string MarksText(const TrialView& trial);
// The same with stable fields ("podium-summary/1").
[[nodiscard]] std::string SummaryJson(const RunView& run);

}  // namespace podium::harness
