#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::agents {

// One file of a form.
struct FormFile {
  std::string_view file_name;  // as the client said; never used as a path
  std::string_view content;
};

// The part called `name` of a multipart/form-data body (RFC 7578), a view into it. An error
// (kUsage) with a fixed code as its message: "not_multipart", "bad_multipart", "no_such_part",
// "repeated_part", "bad_file_name" (a path, or a control character), "encoded_part".
[[nodiscard]] Result<FormFile> FindFormFile(std::string_view content_type, std::string_view body,
                                            std::string_view name);

}  // namespace podium::agents
