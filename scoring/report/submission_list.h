#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace podium::scoring {

// One line of `mlebench grade`'s input.
struct SubmissionLine {
  std::size_t line = 0;  // 1-based
  std::string competition_id;
  std::string submission_path;  // normalised as Python's Path does; null is the text "None"
};

// A line that names no submission, and why. mle-bench ends its whole batch there (JSONDecodeError,
// KeyError); here the other lines are graded.
struct BadLine {
  std::size_t line = 0;
  std::string why;
};

struct SubmissionList {
  std::vector<SubmissionLine> submissions;
  std::vector<BadLine> bad;
};

// Reads JSON lines; blank lines and those that begin with # or // are comments, other keys
// (logs_path, code_path) are ignored.
[[nodiscard]] SubmissionList ReadSubmissionList(std::string_view jsonl);

}  // namespace podium::scoring
