#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::records {

// How a submission came out of its sandbox.
enum class HandOverStatus {
  kOk,       // its bytes were stored
  kMissing,  // the agent left none
  kInvalid,  // something lay there that is not graded: a link, a pipe, an oversized file
};
[[nodiscard]] std::string_view HandOverText(HandOverStatus status);  // "ok", "missing", "invalid"
[[nodiscard]] Result<HandOverStatus> ParseHandOverStatus(std::string_view text);

// What the journal's event "sealed" says of a submission and the grader is told. Its file, where
// there is one, is not named: it lies where the trial keeps it, or on a descriptor.
struct HandOver {
  HandOverStatus status = HandOverStatus::kMissing;
  std::string reason;  // TakeFaultText where invalid
  std::string detail;  // for a person

  friend bool operator==(const HandOver&, const HandOver&) = default;
};

// Why a file could not be taken out of a sandbox. The one vocabulary of it: texts are part of
// journals and verdicts.
enum class TakeFault {
  kNone,
  kMissing,
  kSymlink,
  kNotRegular,
  kHardLink,
  kEmpty,
  kTooLarge,
  kUnreadable,
  kSparse,    // it has holes: its size is not what it takes up
  kTooMany,   // of a tree: the bound on files or entries was reached
  kTooDeep,   // of a tree: the bound on folders in folders
  kLongName,  // of a tree: the bound on a name
};
// "", "missing", "symlink", "not_regular", "hard_link", "empty", "too_large", "unreadable",
// "sparse", "too_many", "too_deep", "long_name"
[[nodiscard]] std::string_view TakeFaultText(TakeFault fault);

}  // namespace podium::records
