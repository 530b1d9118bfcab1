#include "scoring/metrics/python_token.h"

#include <charconv>
#include <cstdlib>
#include <limits>
#include <string>

#include "scoring/frame/utf8.h"

namespace podium::scoring {
namespace {

// str.isspace() of one code point.
bool IsSpace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// The bytes of the white space that begins `text`, 0 if none does.
std::size_t SpaceAtStart(std::string_view text) {
  if (text.empty()) return 0;
  auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return IsSpace(lead) ? 1 : 0;
  if (lead < 0xC2) return 0;  // inside a sequence
  std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (text.size() < length) return 0;
  std::size_t pos = 0;
  return IsSpace(NextCodePoint(text, pos)) ? pos : 0;
}

std::size_t SkipSpace(std::string_view text, std::size_t at) {
  while (std::size_t n = SpaceAtStart(text.substr(at))) at += n;
  return at;
}

std::size_t SkipWord(std::string_view text, std::size_t at) {
  while (at < text.size() && SpaceAtStart(text.substr(at)) == 0) ++at;
  return at;
}

// The text without white space around it. A number has no white space inside, so the first word
// must be all there is.
std::optional<std::string_view> OnlyWord(std::string_view text) {
  std::size_t begin = SkipSpace(text, 0);
  std::size_t end = SkipWord(text, begin);
  if (begin == end || SkipSpace(text, end) != text.size()) return std::nullopt;
  return text.substr(begin, end - begin);
}

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

std::vector<std::string_view> CutWords(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = SkipSpace(text, 0); at < text.size();) {
    std::size_t end = SkipWord(text, at);
    words.push_back(text.substr(at, end - at));
    at = SkipSpace(text, end);
  }
  return words;
}

std::vector<std::string_view> CutAtSpaces(std::string_view text) {
  std::vector<std::string_view> pieces;
  for (;;) {
    std::size_t space = text.find(' ');
    pieces.push_back(text.substr(0, space));
    if (space == std::string_view::npos) return pieces;
    text.remove_prefix(space + 1);
  }
}

bool IsBlankText(std::string_view text) { return SkipSpace(text, 0) == text.size(); }

std::optional<double> ParseFloatToken(std::string_view text) {
  auto word = OnlyWord(text);
  if (!word) return std::nullopt;
  std::string plain;
  if (word->find('_') != std::string_view::npos) {
    if (!DropUnderscores(*word, plain)) return std::nullopt;
    word = plain;
  }
  bool negative = word->starts_with('-');
  if (negative || word->starts_with('+')) word->remove_prefix(1);
  auto value = ParseMagnitude(*word);
  if (!value) return std::nullopt;
  return negative ? -*value : *value;
}

IntToken ParseIntToken(std::string_view text, std::int64_t& out) {
  auto word = OnlyWord(text);
  std::string plain;
  if (!word || !DropUnderscores(*word, plain)) return IntToken::kInvalid;
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
