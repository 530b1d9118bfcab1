#pragma once

#include <cstdint>
#include <string_view>

namespace podium::scoring {

enum class ParseState { kOk, kInvalid, kOverflow };

// pandas' str_to_int64: blanks around, one sign, digits (pandas/_libs/src/parser/tokenizer.c). A
// number too large is kOverflow wherever it ends, "99999999999999999999.5" too.
[[nodiscard]] ParseState ParseInt64(std::string_view cell, std::int64_t& out);

// pandas' str_to_uint64. A number with a minus sign is kOk, sets `negative` and yields 0, as there.
[[nodiscard]] ParseState ParseUInt64(std::string_view cell, std::uint64_t& out, bool& negative);

// pandas' round_trip converter with its caller's infinities: blanks around, sign, digits with a
// point, exponent; "inf" and "infinity" in any case, with a sign, without blanks. Correctly
// rounded. A number above the largest double is refused, one below the smallest is -inf, as there.
[[nodiscard]] bool ParsePandasDouble(std::string_view cell, double& out);

// Whether pandas takes the cell as missing: "", "NA", "nan", "None", ... (pandas 2's list of 19).
[[nodiscard]] bool IsNaWord(std::string_view cell);

// 1 for True, TRUE, true; 0 for False, FALSE, false; -1 for anything else.
[[nodiscard]] int ParsePandasBool(std::string_view cell);

}  // namespace podium::scoring
