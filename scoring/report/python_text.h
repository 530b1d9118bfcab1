#pragma once

#include <string>
#include <string_view>

namespace podium::scoring {

// Text as Python writes it, so that reports are byte for byte those of mle-bench.

// repr(float) as json.dumps has it: shortest digits that read back, "1e-05", "1e+16", "1.0", and
// the tokens NaN, Infinity and -Infinity.
[[nodiscard]] std::string PythonJsonFloat(double value);

// A JSON string with all but ASCII escaped (\uXXXX, surrogate pairs); bytes that are not UTF-8 are
// written as Python's surrogate escapes (\udc80 to \udcff).
[[nodiscard]] std::string PythonJsonString(std::string_view text);

// str(pathlib.PurePosixPath(path)): "a//b/./c/" is "a/b/c", "" is ".", exactly two leading slashes
// stay two. ".." stays.
[[nodiscard]] std::string PythonPath(std::string_view path);

// Whether PurePath(path).suffix.lower() is ".csv": ".csv" alone is a name without suffix.
[[nodiscard]] bool HasCsvSuffix(std::string_view path);

// JSON as Python's json module writes it made standard: the bare tokens NaN, Infinity and -Infinity
// become strings of that text.
[[nodiscard]] std::string QuoteBareNumbers(std::string_view json);

}  // namespace podium::scoring
