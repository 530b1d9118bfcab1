#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scoring/competitions/spec.h"
#include "scoring/fault.h"
#include "scoring/frame/frame.h"

namespace podium::scoring {

// Both tables while a grader works on them.
struct Tables {
  Frame submission;
  Frame answers;
  std::string id;                    // the first id column
  std::vector<std::string> targets;  // what a rule without columns means
  bool may_have_more = false;        // the submission may have more ids than the answers
  // The submission's row of each answer, where ids match one to one; looked for once, by
  // MatchedRows.
  std::optional<std::vector<std::size_t>> matched;
  bool match_sought = false;
};

// The rows of `matched`, or nullptr where ids do not match one to one.
[[nodiscard]] const std::vector<std::size_t>* MatchedRows(Tables& tables);

// Applies the rules in their order; the first that fails is the outcome.
[[nodiscard]] Graded<void> ApplyRules(const std::vector<Rule>& rules, Tables& tables);

// The names of all rules.
[[nodiscard]] std::vector<std::string> RuleKinds();

}  // namespace podium::scoring
