#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace podium::tests {

// One submission and what is known of it.
struct ScoringCase {
  std::string name;
  std::string note;
  std::string verdict;  // what mle-bench says: scored, invalid, error
  std::string raw;      // 17 digits
  std::string rounded;
  std::string reason;  // of compat, where there is no score
  std::string strict;  // strict's raw score or reason
  std::string submission;
};

// A competition's cases in tests/scoring/cases, a compact form of the goldens:
//   answers<TAB>file        and its lines, each behind a '|'
//   submission<TAB>name     the same, a base for cases
//   case<TAB>name<TAB>base<TAB>note
//   mle-bench<TAB>verdict<TAB>raw<TAB>rounded
//   podium<TAB>reason<TAB>strict
//   edit<TAB>line<TAB>count replaces lines of the base by the lines that follow
struct CaseFile {
  std::string answers;
  std::vector<ScoringCase> cases;
};
[[nodiscard]] Result<CaseFile> ReadCaseFile(const std::filesystem::path& path);

// Rewrites the podium lines of a file.
[[nodiscard]] Status UpdateCaseFile(const std::filesystem::path& path,
                                    const std::vector<ScoringCase>& cases);

}  // namespace podium::tests
