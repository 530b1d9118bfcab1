#include "scoring/metrics/python_token.h"

#include <charconv>
#include <cstdlib>
#include <limits>
#include <string>

#include "scoring/metrics/inputs.h"

namespace podium::scoring {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Removes underscores; false if one is not between two digits.
bool DropUnderscores(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    bool between = i > 0 && i + 1 < text.size() && IsDigit(text[i - 1]) && IsDigit(text[i + 1]);
    if (!between) return false;
  }
  return true;
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

std::optional<double> ParseMagnitude(std::string_view word) {
  if (EqualsIgnoringCase(word, "inf") || EqualsIgnoringCase(word, "infinity"))
    return std::numeric_limits<double>::infinity();
  if (EqualsIgnoringCase(word, "nan")) return std::numeric_limits<double>::quiet_NaN();
  bool decimal = !word.empty() &&
                 (IsDigit(word[0]) || (word[0] == '.' && word.size() > 1 && IsDigit(word[1])));
  if (!decimal) return std::nullopt;
  double value = 0;
  auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (end != word.data() + word.size()) return std::nullopt;
  // Too large is infinity and too small is zero, as strtod has it.
  if (ec == std::errc::result_out_of_range) return std::strtod(std::string(word).c_str(), nullptr);
  return ec == std::errc() ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<double> ParseFloatToken(std::string_view text) {
  std::string_view word = StripBlanks(text);
  std::string plain;
  if (word.find('_') != std::string_view::npos) {
    if (!DropUnderscores(word, plain)) return std::nullopt;
    word = plain;
  }
  bool negative = word.starts_with('-');
  if (negative || word.starts_with('+')) word.remove_prefix(1);
  auto value = ParseMagnitude(word);
  if (!value) return std::nullopt;
  return negative ? -*value : *value;
}

IntToken ParseIntToken(std::string_view text, std::int64_t& out) {
  std::string plain;
  if (!DropUnderscores(StripBlanks(text), plain)) return IntToken::kInvalid;
  std::string_view digits = plain;
  bool sign = digits.starts_with('-') || digits.starts_with('+');
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::string_view magnitude = std::string_view(plain).substr(sign ? 1 : 0);
  if (magnitude.empty()) return IntToken::kInvalid;
  for (char c : magnitude) {
    if (!IsDigit(c)) return IntToken::kInvalid;
  }
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return ec == std::errc() ? IntToken::kOk : IntToken::kTooLarge;
}

}  // namespace podium::scoring
