#pragma once

#include <source_location>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace podium {

// A closed set: the text of each is stable (JSON, docs/exit-codes.md), and `podium` maps each to an
// exit code.
enum class ErrorCode {
  kUsage,        // the command line or an environment variable is wrong
  kConfig,       // a configuration or package file is wrong; the message names file and line
  kNotFound,     // a named thing (task, image, run) does not exist
  kIo,           // a file or system call failed
  kDigest,       // bytes are not the pinned ones
  kTimeout,      // a deadline passed
  kUnavailable,  // the host lacks something: a program, a privilege, a model server
  kSandbox,      // the sandbox could not be made or broke
  kModel,        // a model server refused or answered nonsense
  kReplay,       // what is done again asks for something that its record does not hold
  kGrader,       // the grading process failed
  kBusy,         // somebody else owns it (a lease, a lock)
  kInterrupted,  // the user asked to stop
  kInternal,     // a bug in Podium
};

std::string_view CodeText(ErrorCode code);

// What went wrong, for a person: `message` says what was expected and what to do. `context` adds
// pairs such as
// {"file", "configs/x.yaml"}; `where` is the place in Podium that made the error.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::vector<std::pair<std::string, std::string>> context;
  std::source_location where = std::source_location::current();

  [[nodiscard]] Error With(std::string key, std::string value) && {
    context.emplace_back(std::move(key), std::move(value));
    return std::move(*this);
  }
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> Fail(
    ErrorCode code, std::string message,
    std::source_location where = std::source_location::current()) {
  return tl::unexpected<Error>(Error{code, std::move(message), {}, where});
}

// An error from errno: "cannot open runs/x: Permission denied".
[[nodiscard]] tl::unexpected<Error> FailErrno(
    ErrorCode code, std::string_view what, int err,
    std::source_location where = std::source_location::current());

}  // namespace podium

#define PODIUM_CONCAT2(a, b) a##b
#define PODIUM_CONCAT(a, b) PODIUM_CONCAT2(a, b)

// Return the error of a Result<T> whose value is not needed.
#define PODIUM_TRY(expr)                                               \
  do {                                                                 \
    auto podium_r = (expr);                                            \
    if (!podium_r) return tl::unexpected(std::move(podium_r).error()); \
  } while (false)

// PODIUM_ASSIGN(auto text, ReadFile(path)): declare from a Result's value or return its error.
#define PODIUM_ASSIGN(decl, expr)                                                 \
  auto PODIUM_CONCAT(podium_r_, __LINE__) = (expr);                               \
  if (!PODIUM_CONCAT(podium_r_, __LINE__))                                        \
    return tl::unexpected(std::move(PODIUM_CONCAT(podium_r_, __LINE__)).error()); \
  decl = std::move(*PODIUM_CONCAT(podium_r_, __LINE__))

// The same two inside a coroutine.
#define PODIUM_CO_TRY(expr)                                               \
  do {                                                                    \
    auto podium_r = (expr);                                               \
    if (!podium_r) co_return tl::unexpected(std::move(podium_r).error()); \
  } while (false)

#define PODIUM_CO_ASSIGN(decl, expr)                                                 \
  auto PODIUM_CONCAT(podium_r_, __LINE__) = (expr);                                  \
  if (!PODIUM_CONCAT(podium_r_, __LINE__))                                           \
    co_return tl::unexpected(std::move(PODIUM_CONCAT(podium_r_, __LINE__)).error()); \
  decl = std::move(*PODIUM_CONCAT(podium_r_, __LINE__))
