#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace podium::agents {

// A date of HTTP in one of its three forms (RFC 9110, 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT",
// "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994". `now` places a year of two digits.
[[nodiscard]] std::optional<WallTime> ParseHttpDate(std::string_view text, WallTime now);

// How long an answer asks to wait: retry-after-ms, or retry-after in seconds or as a date, which is
// reckoned from the answer's own Date where it has one, else from `now`. Never negative; a wish
// that cannot be read is none. Names of headers are in lower case.
[[nodiscard]] std::optional<Millis> RetryAfter(
    const std::vector<std::pair<std::string, std::string>>& headers, WallTime now = WallNow());

}  // namespace podium::agents
