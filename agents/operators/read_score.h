#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace podium::agents {

// The validation score a program printed: of the lines "<something> score: NUMBER" the last one,
// where lines that say "validation score" come before "cv/mean/average score", and those before
// lines that merely name a known metric
// ("AUC: 0.91", "Accuracy = 0.8"). A number is read whole or not at all: thousands groups, numpy's
// and torch's wrappers and Unicode's minus are known; digits that go on in another way (a decimal
// comma, a date, a fraction), letters behind it, nan and inf make it unreadable. A trailing '%'
// divides by 100. Nothing if no line has one, or the best of these lines has an unreadable one.
[[nodiscard]] std::optional<double> ScoreFromOutput(std::string_view output);

// What a program that failed says of it, at most 300 bytes: the exception's own line of the last
// Python traceback, else the last line printed.
[[nodiscard]] std::string FailureLine(std::string_view output);

// Whether the decimal number `value` stands in the text (to its printed precision). A model that
// reports a score nobody printed made it up.
[[nodiscard]] bool NumberIsPrinted(std::string_view output, double value);

}  // namespace podium::agents
