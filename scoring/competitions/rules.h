#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scoring/competitions/spec.h"
#include "tables/fault.h"
#include "tables/frame/frame.h"
#include "tables/id_match.h"

namespace podium::scoring {

// Both tables while a grader works on them.
struct Tables {
  Frame submission;
  Frame answers;
  std::string id;                    // the first id column
  std::vector<std::string> targets;  // what a rule without columns means
  bool may_have_more = false;        // the submission may have more ids than the answers
  // How ids match; looked for once, by the two functions below.
  std::optional<bool> same_order;
  std::optional<std::optional<IdRows>> matched;
  ReleaseBytes release;  // ReadCsvOptions'
  // What the tables were read from, unpacked where it was packed; strict mode alone.
  std::string_view submission_text;
  std::string_view answers_text;
};

// Whether both tables have the same ids row by row.
[[nodiscard]] bool InSameOrder(Tables& tables);
// How rows match, or nullptr where ids do not match one to one.
[[nodiscard]] IdRows* MatchedRows(Tables& tables);

// Applies the rules in their order; the first that fails is the outcome.
[[nodiscard]] Graded<void> ApplyRules(const std::vector<Rule>& rules, Tables& tables);

// The names of all rules.
[[nodiscard]] std::vector<std::string> RuleKinds();

}  // namespace podium::scoring
