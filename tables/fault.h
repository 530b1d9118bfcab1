#pragma once

#include <string>
#include <tl/expected.hpp>

#include "base/result.h"

namespace podium {

// Why there is no score. An outcome, not an Error: a benchmark reports it.
struct Fault {
  enum class Kind {
    kRefused,  // a rule refuses the submission (MLE-bench's InvalidSubmissionError)
    kRaised,   // nothing can be computed from the submission (any other exception there)
    kTask,     // the answers or the task's parameters are at fault, never the submission
  };
  Kind kind = Kind::kRefused;
  std::string code;    // stable: "wrong_ids", "not_a_number", ... (docs/reason-codes.md)
  std::string detail;  // for a person; safe to print
};

template <class T>
using Graded = tl::expected<T, Fault>;

[[nodiscard]] inline tl::unexpected<Fault> Refused(std::string code, std::string detail) {
  return tl::unexpected(Fault{Fault::Kind::kRefused, std::move(code), std::move(detail)});
}
[[nodiscard]] inline tl::unexpected<Fault> Raised(std::string code, std::string detail) {
  return tl::unexpected(Fault{Fault::Kind::kRaised, std::move(code), std::move(detail)});
}
[[nodiscard]] inline tl::unexpected<Fault> TaskFault(std::string code, std::string detail) {
  return tl::unexpected(Fault{Fault::Kind::kTask, std::move(code), std::move(detail)});
}

}  // namespace podium

// Declare from a tl::expected's value or return its fault.
#define GRADED_ASSIGN(decl, expr)                                                 \
  auto PODIUM_CONCAT(graded_r_, __LINE__) = (expr);                               \
  if (!PODIUM_CONCAT(graded_r_, __LINE__))                                        \
    return tl::unexpected(std::move(PODIUM_CONCAT(graded_r_, __LINE__)).error()); \
  decl = std::move(*PODIUM_CONCAT(graded_r_, __LINE__))

#define GRADED_TRY(expr)                                               \
  do {                                                                 \
    auto graded_r = (expr);                                            \
    if (!graded_r) return tl::unexpected(std::move(graded_r).error()); \
  } while (false)
