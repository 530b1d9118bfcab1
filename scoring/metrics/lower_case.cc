#include "scoring/metrics/lower_case.h"

#include <cstdint>

#include "tables/frame/utf8.h"

namespace podium::scoring {
namespace {

// Capitals first ... last move by `shift`; where `pairs`, only every second one does (capital and
// small letter alternate). From the Unicode character database, UnicodeData.txt.
struct CaseRange {
  char32_t first;
  char32_t last;
  std::int32_t shift;
  bool pairs;
};

constexpr CaseRange kRanges[] = {
    {0x41, 0x5A, 32, false},        {0xC0, 0xD6, 32, false},       {0xD8, 0xDE, 32, false},
    {0x100, 0x12E, 1, true},        {0x132, 0x136, 1, true},       {0x139, 0x147, 1, true},
    {0x14A, 0x176, 1, true},        {0x178, 0x178, -121, false},   {0x179, 0x17D, 1, true},
    {0x18F, 0x18F, 202, false},     {0x1A0, 0x1A4, 1, true},       {0x1AF, 0x1AF, 1, false},
    {0x1CD, 0x1DB, 1, true},        {0x1DE, 0x1EE, 1, true},       {0x1F8, 0x21E, 1, true},
    {0x222, 0x232, 1, true},        {0x386, 0x386, 38, false},     {0x388, 0x38A, 37, false},
    {0x38C, 0x38C, 64, false},      {0x38E, 0x38F, 63, false},     {0x391, 0x3A1, 32, false},
    {0x3A3, 0x3AB, 32, false},      {0x3D8, 0x3EE, 1, true},       {0x400, 0x40F, 80, false},
    {0x410, 0x42F, 32, false},      {0x460, 0x480, 1, true},       {0x48A, 0x4BE, 1, true},
    {0x4C0, 0x4C0, 15, false},      {0x4C1, 0x4CD, 1, true},       {0x4D0, 0x52E, 1, true},
    {0x531, 0x556, 48, false},      {0x10A0, 0x10C5, 7264, false}, {0x1E00, 0x1E94, 1, true},
    {0x1E9E, 0x1E9E, -7615, false}, {0x1EA0, 0x1EFE, 1, true},     {0x2160, 0x216F, 16, false},
    {0x24B6, 0x24CF, 26, false},    {0xFF21, 0xFF3A, 32, false},
};

char32_t LowerPoint(char32_t c) {
  for (const CaseRange& range : kRanges) {
    if (c < range.first) return c;
    if (c > range.last) continue;
    bool small = range.pairs && (c - range.first) % 2 != 0;
    return small ? c : static_cast<char32_t>(static_cast<std::int32_t>(c) + range.shift);
  }
  return c;
}

void AppendUtf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

}  // namespace

namespace {

bool IsLetter(char32_t c) {
  return (c >= 'a' && c <= 'z') || LowerPoint(c) != c || (c >= 0xDF && c <= 0x24F && c != 0xF7) ||
         (c >= 0x3AC && c <= 0x481) || (c >= 0x561 && c <= 0x587) || (c >= 0x1E00 && c <= 0x1FFF);
}

// Marks within a word, which a capital sigma looks past: apostrophes, full stop, accents.
bool IsIgnored(char32_t c) {
  return c == '\'' || c == '.' || c == ':' || c == '^' || c == '`' || c == 0xAD || c == 0xB7 ||
         c == 0x2019 || (c >= 0x300 && c <= 0x36F);
}

// Whether the capital sigma that ends at `i` ends a word (Unicode 15, SpecialCasing.txt,
// Final_Sigma); `after_letter`: a letter stands before it.
bool IsFinalSigma(std::string_view text, std::size_t i, bool after_letter) {
  while (after_letter && i < text.size()) {
    char32_t c = NextCodePoint(text, i);
    if (!IsIgnored(c)) return !IsLetter(c);
  }
  return after_letter;
}

constexpr char32_t kCapitalSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool after_letter = false;
  for (std::size_t i = 0; i < text.size();) {
    char32_t c = NextCodePoint(text, i);
    if (c == kCapitalSigma && IsFinalSigma(text, i, after_letter)) {
      AppendUtf8(out, kFinalSigma);
    } else if (c == 0x130) {  // capital I with dot: i and a combining dot
      out += "i\xCC\x87";
    } else {
      AppendUtf8(out, LowerPoint(c));
    }
    if (!IsIgnored(c)) after_letter = IsLetter(c);
  }
  return out;
}

}  // namespace podium::scoring
