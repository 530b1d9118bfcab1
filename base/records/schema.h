#pragma once

#include <string_view>

#include "base/result.h"

namespace podium::records {

// The number of a schema text such as "podium-grade-request/1", which must be of `kind` and no
// later than `newest`. An error (kIo) names `where`; a later number "was written by a newer
// Podium".
[[nodiscard]] Result<int> SchemaNumber(std::string_view text, std::string_view kind, int newest,
                                       std::string_view where);

// The same for a bare number in a line ("v" of a journal's).
[[nodiscard]] Status CheckVersion(int number, int newest, std::string_view where);

}  // namespace podium::records
