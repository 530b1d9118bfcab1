#pragma once

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
};

// Applies the rules in their order; the first that fails is the outcome.
[[nodiscard]] Graded<void> ApplyRules(const std::vector<Rule>& rules, Tables& tables);

// The names of all rules.
[[nodiscard]] std::vector<std::string> RuleKinds();

}  // namespace podium::scoring
