#include "base/result.h"

#include <cstring>

#include "base/ids.h"

namespace podium {

std::string_view CodeText(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kConfig:
      return "config";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kDigest:
      return "digest";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kSandbox:
      return "sandbox";
    case ErrorCode::kModel:
      return "model";
    case ErrorCode::kReplay:
      return "replay";
    case ErrorCode::kGrader:
      return "grader";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kInterrupted:
      return "interrupted";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

tl::unexpected<Error> FailErrno(ErrorCode code, std::string_view what, int err,
                                std::source_location where) {
  return Fail(code, std::string(what) + ": " + std::strerror(err), where);
}

bool IsIdText(std::string_view text) {
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > 100 || !plain(text[0])) return false;
  for (char c : text) {
    if (!plain(c) && c != '.' && c != '_' && c != '-' && c != '=') return false;
  }
  return true;
}

}  // namespace podium
