#pragma once

#include <string_view>
#include <vector>

#include "tables/frame/read_csv.h"

namespace podium {

// Cuts a table behind line feeds, one part a core, each of options.part_bytes at least; nothing
// where that makes less than two. Where the table begins with quoted cells, a cut lies behind an
// even number of quotes, which most often is outside a cell. A cut that is inside one leaves the
// part before it with an open quote: whoever reads the parts must find each of them whole.
[[nodiscard]] std::vector<std::string_view> TableParts(std::string_view bytes,
                                                       const ReadCsvOptions& options);

}  // namespace podium
