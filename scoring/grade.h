#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::scoring {

// What a grading reads. All views borrow.
struct GradeInput {
  std::string_view request_json;  // podium-grade-request/1 or podium-competition-request/1
  std::string_view answers_csv;
  std::string_view board_csv;  // columns score and count at least
  std::optional<std::string_view>
      submission;  // as handed over; empty where the request says that there is none
  // ReadCsvOptions' `release`, for the bytes of the answers and the submission.
  std::function<void(std::string_view)> release = {};
};

// The sealed record "podium-verdict/1", a line of JSON: a function of its input alone, with no
// path, time or host in it. An invalid submission and a broken task are verdicts with a reason;
// only a request that cannot be understood is an Error.
[[nodiscard]] Result<std::string> GradeToJson(const GradeInput& input);

}  // namespace podium::scoring
