#include "base/records/hand_over.h"

#include "base/text.h"

namespace podium::records {

std::string_view HandOverText(HandOverStatus status) {
  switch (status) {
    case HandOverStatus::kOk:
      return "ok";
    case HandOverStatus::kMissing:
      return "missing";
    case HandOverStatus::kInvalid:
      return "invalid";
  }
  return "invalid";
}

Result<HandOverStatus> ParseHandOverStatus(std::string_view text) {
  for (auto status : {HandOverStatus::kOk, HandOverStatus::kMissing, HandOverStatus::kInvalid}) {
    if (text == HandOverText(status)) return status;
  }
  return Fail(ErrorCode::kIo, "a hand-over's status is ok, missing or invalid, not '" +
                                  Printable(text.substr(0, 60)) + "'");
}

std::string_view TakeFaultText(TakeFault fault) {
  switch (fault) {
    case TakeFault::kNone:
      return "";
    case TakeFault::kMissing:
      return "missing";
    case TakeFault::kSymlink:
      return "symlink";
    case TakeFault::kNotRegular:
      return "not_regular";
    case TakeFault::kHardLink:
      return "hard_link";
    case TakeFault::kEmpty:
      return "empty";
    case TakeFault::kTooLarge:
      return "too_large";
    case TakeFault::kUnreadable:
      return "unreadable";
    case TakeFault::kSparse:
      return "sparse";
    case TakeFault::kTooMany:
      return "too_many";
    case TakeFault::kTooDeep:
      return "too_deep";
    case TakeFault::kLongName:
      return "long_name";
  }
  return "";
}

}  // namespace podium::records
