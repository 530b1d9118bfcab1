#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace podium {

// The bytes of one request's body: in memory, or in a nameless file once they are many.
class RequestBody {
 public:
  // `spool_dir` outlives it; empty: memory alone.
  explicit RequestBody(const std::filesystem::path& spool_dir) : dir_(spool_dir) {}

  [[nodiscard]] Status Append(std::string_view piece);
  // Once all is there.
  [[nodiscard]] Result<std::string_view> View();

 private:
  const std::filesystem::path& dir_;
  std::string text_;
  UniqueFd file_;
  std::optional<MappedFile> mapped_;
};

}  // namespace podium
