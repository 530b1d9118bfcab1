#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scoring/metric.h"
#include "tables/strict_table.h"

namespace podium::scoring {

// compat equals MLE-bench's grader, its defects included; strict is right.
enum class Mode { kCompat, kStrict };
std::string_view ModeText(Mode mode);  // "compat", "strict"
[[nodiscard]] Result<Mode> ModeOf(std::string_view text);

// One step of a compat grader, in the order of the original: a check that refuses (or, with
// `raises`, fails as a Python exception does), or a change of the columns. rules.cc has the kinds.
struct Rule {
  std::string kind;
  std::vector<std::string> columns;  // empty: the targets
  std::string how;
  double min = 0;
  double max = 0;
  bool raises = false;
};

// How one mode grades.
struct ModeSpec {
  std::vector<Rule> rules;
  // Which rows are graded against which: "sort" (by id), "ordered" (by id, and in its order),
  // "none" (as they lie in the files), "merge" (all pairs of equal ids), "cover" (the submission
  // may have more ids).
  std::string align = "sort";
  std::string metric;
  std::vector<std::string> targets;
  MetricParams params;
};

// A competition of MLE-bench as data: scoring/competitions/<id>.yaml.
struct CompetitionSpec {
  std::string id;
  std::string split;  // low, medium, high, dev
  bool lower_is_better = false;
  std::string answers;         // the file's name in MLE-bench's prepared/private
  std::string answers_format;  // "csv" or "nq-jsonl"
  std::string score_type;      // "float", "float64", "int", "float64-or-int"
  ModeSpec compat;
  ModeSpec strict;
  StrictRules rules;                    // the id columns, and what strict asks of the others
  std::vector<std::string> deviations;  // what strict does otherwise, and why
  std::string text;                     // the YAML itself, to be sent to the sealed grader

  [[nodiscard]] const ModeSpec& mode(Mode m) const { return m == Mode::kCompat ? compat : strict; }
};

// Reads a specification strictly: an unknown key, rule or metric is an error naming file and line.
[[nodiscard]] Result<CompetitionSpec> ParseCompetition(std::string_view yaml,
                                                       std::string_view file);

// Reads <dir>/<id>.yaml; an unknown id is an error with a suggestion.
[[nodiscard]] Result<CompetitionSpec> LoadCompetition(const std::filesystem::path& dir,
                                                      std::string_view id);

// The ids of all specifications in a folder, sorted.
[[nodiscard]] Result<std::vector<std::string>> ListCompetitions(const std::filesystem::path& dir);

}  // namespace podium::scoring
