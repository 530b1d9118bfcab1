#include "agents/models/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace podium::agents {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr double kLongestMs = 1e12;
// Beyond these a date is as good as the end of its span: nanoseconds since 1970 end in 2262.
constexpr int kFirstYear = 1970, kLastYear = 2200;

// The words of a date, cut at blanks, commas and hyphens.
std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    std::size_t end = std::min(text.find_first_of(" \t,-"), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::optional<int> Number(std::string_view text) {
  int value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = ec == std::errc() && end == text.data() + text.size() && value >= 0;
  return whole ? std::optional(value) : std::nullopt;
}

std::optional<unsigned> Month(std::string_view text) {
  constexpr std::string_view kNames = "janfebmaraprmayjunjulaugsepoctnovdec";
  std::size_t at = text.size() == 3 ? kNames.find(Lower(text)) : std::string_view::npos;
  if (at == std::string_view::npos || at % 3 != 0) return std::nullopt;
  return static_cast<unsigned>(at / 3 + 1);
}

std::optional<std::chrono::seconds> TimeOfDay(std::string_view text) {
  auto parts = Split(text, ':');
  if (parts.size() != 3) return std::nullopt;
  auto h = Number(parts[0]), m = Number(parts[1]), s = Number(parts[2]);
  if (!h || !m || !s || *h > 23 || *m > 59 || *s > 60) return std::nullopt;
  return std::chrono::hours(*h) + std::chrono::minutes(*m) + std::chrono::seconds(*s);
}

// A year of two digits that would lie more than 50 years ahead is the last one that ended so.
int FullYear(std::string_view text, int value, WallTime now) {
  if (text.size() != 2) return value;
  year_month_day today{std::chrono::floor<std::chrono::days>(now)};
  int this_year = static_cast<int>(today.year());
  int full = this_year - this_year % 100 + value;
  return full > this_year + 50 ? full - 100 : full;
}

std::optional<double> Amount(std::string_view text) {
  double value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || !(value >= 0)) return std::nullopt;
  return value;
}

std::string_view HeaderNamed(const std::vector<std::pair<std::string, std::string>>& headers,
                             std::string_view name) {
  auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : Trim(found->second);
}

}  // namespace

std::optional<WallTime> ParseHttpDate(std::string_view text, WallTime now) {
  auto words = Words(Trim(text));
  if (words.size() < 5) return std::nullopt;
  bool asctime = Month(words[1]).has_value();  // Sun Nov  6 08:49:37 1994
  if (!asctime && (words.size() < 6 || words[5] != "GMT")) return std::nullopt;
  std::string_view day_text = asctime ? words[2] : words[1];
  std::string_view year_text = asctime ? words[4] : words[3];
  auto m = Month(asctime ? words[1] : words[2]);
  auto d = Number(day_text), y = Number(year_text);
  auto time = TimeOfDay(asctime ? words[3] : words[4]);
  if (!m || !d || !y || !time) return std::nullopt;
  int full_year = std::clamp(FullYear(year_text, *y, now), kFirstYear, kLastYear);
  year_month_day date{year(full_year), month(*m), day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + *time;
}

std::optional<Millis> RetryAfter(const std::vector<std::pair<std::string, std::string>>& headers,
                                 WallTime now) {
  if (auto ms = Amount(HeaderNamed(headers, "retry-after-ms")))
    return Millis(static_cast<std::int64_t>(std::min(*ms, kLongestMs)));
  std::string_view wish = HeaderNamed(headers, "retry-after");
  if (auto seconds = Amount(wish))
    return Millis(static_cast<std::int64_t>(std::min(*seconds * 1000, kLongestMs)));
  auto until = ParseHttpDate(wish, now);
  if (!until) return std::nullopt;
  WallTime from = ParseHttpDate(HeaderNamed(headers, "date"), now).value_or(now);
  return std::max(Millis(0), std::chrono::duration_cast<Millis>(*until - from));
}

}  // namespace podium::agents
