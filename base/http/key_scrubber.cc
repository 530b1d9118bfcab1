#include "base/http/key_scrubber.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/text.h"

namespace podium {
namespace {

constexpr std::size_t kShortest = 4;
constexpr std::size_t kShortestEncoded = 8;  // of a whole that is looked for in base64 and hex
constexpr std::size_t kTellingPart = 8;      // of a secret that the end cut off

// Base64 without padding, of so many bytes that nobody knows and then the secret: only the
// characters that the unknown and what follows do not touch.
std::string Base64Core(std::string_view secret, std::size_t unknown, std::string_view alphabet) {
  std::string bytes(unknown, '\0');
  bytes += secret;
  std::string out;
  for (std::size_t bit = 0; bit + 6 <= bytes.size() * 8; bit += 6) {
    unsigned value = 0;
    for (std::size_t i = bit; i < bit + 6; ++i)
      value = value * 2 + ((static_cast<unsigned char>(bytes[i / 8]) >> (7 - i % 8)) & 1U);
    if (bit >= unknown * 8) out += alphabet[value];
  }
  return out;
}

std::string Hex(std::string_view text, std::string_view digits) {
  std::string out;
  for (unsigned char c : text) {
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out;
}

void AddForms(const std::string& secret, std::vector<std::string>& out) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  out.push_back(secret);
  if (secret.size() < kShortestEncoded) return;
  for (const char* last : {"+/", "-_"}) {
    for (std::size_t unknown : {0U, 1U, 2U})
      out.push_back(Base64Core(secret, unknown, std::string(kLetters) + last));
  }
  out.push_back(Hex(secret, "0123456789abcdef"));
  out.push_back(Hex(secret, "0123456789ABCDEF"));
}

// One character of a text in one of the ways that it can be written. `length` 0: not this way;
// `open`: the text ends inside.
struct Written {
  char value = 0;
  std::size_t length = 0;
  bool open = false;
};

Written Digits(std::string_view text, std::string_view prefix, std::size_t digits) {
  std::size_t shared = std::min(text.size(), prefix.size());
  if (text.substr(0, shared) != prefix.substr(0, shared)) return {};
  if (text.size() < prefix.size() + digits) return {0, 0, true};
  unsigned value = 0;
  const char* begin = text.data() + prefix.size();
  auto [end, ec] = std::from_chars(begin, begin + digits, value, 16);
  if (ec != std::errc() || end != begin + digits || value > 255) return {};
  return {static_cast<char>(value), prefix.size() + digits, false};
}

// "&#47;", "&#x2f;"
Written Reference(std::string_view text) {
  if (!text.starts_with('&')) return {};
  std::size_t end = text.substr(0, 8).find(';');
  if (end == std::string_view::npos) return {0, 0, text.size() < 8};
  std::string_view number = text.substr(1, end - 1);
  if (!number.starts_with('#')) return {};
  number.remove_prefix(1);
  int base = number.starts_with('x') || number.starts_with('X') ? 16 : 10;
  if (base == 16) number.remove_prefix(1);
  unsigned value = 0;
  auto read = std::from_chars(number.data(), number.data() + number.size(), value, base);
  if (read.ec != std::errc() || value > 255) return {};
  return {static_cast<char>(value), end + 1, false};
}

Written NamedReference(std::string_view text) {
  constexpr std::pair<std::string_view, char> kNames[] = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  for (auto [name, value] : kNames) {
    if (text.starts_with(name)) return {value, name.size(), false};
  }
  return {};
}

// "\/", "\\", "\""
Written Escaped(std::string_view text) {
  if (!text.starts_with('\\')) return {};
  if (text.size() < 2) return {0, 0, true};
  return {text[1], 2, false};
}

// The ways in which the text can go on with `wanted`; lengths, or 0 with `open`.
Written Reads(std::string_view text, char wanted) {
  if (text[0] != '%' && text[0] != '\\' && text[0] != '&')
    return {wanted, text[0] == wanted ? std::size_t{1} : 0, false};
  Written best;
  for (const Written& way : {Digits(text, "%", 2), Digits(text, "%25", 2), Digits(text, "\\u00", 2),
                             Digits(text, "\\\\u00", 2), Digits(text, "\\x", 2), Reference(text),
                             NamedReference(text), Escaped(text)}) {
    if (way.length > 0 && way.value == wanted) return way;
    best.open = best.open || way.open;
  }
  if (text[0] == wanted) return {wanted, 1, false};
  return best;
}

}  // namespace

KeyScrubber::KeyScrubber(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    std::string trimmed(Trim(secret));
    if (trimmed.size() >= kShortest) AddForms(trimmed, needles_);
  }
  std::ranges::stable_sort(needles_, std::ranges::greater{}, &std::string::size);
  if (!needles_.empty()) first_ = "%\\&";
  for (const std::string& needle : needles_) {
    if (first_.find(needle[0]) == std::string::npos) first_ += needle[0];
  }
}

KeyScrubber::Found KeyScrubber::At(std::string_view text) const {
  Found out;
  for (const std::string& needle : needles_) {
    std::size_t at = 0, known = 0;
    bool open = false;
    for (; known < needle.size() && !open; ++known) {
      if (at == text.size()) {
        open = true;
        break;
      }
      Written next = Reads(text.substr(at), needle[known]);
      if (next.length == 0) {
        open = next.open;
        break;
      }
      at += next.length;
    }
    if (known == needle.size()) return {at, false, known};
    if (!open) continue;
    out.open = true;
    out.known = std::max(out.known, known);
  }
  return out;
}

std::string KeyScrubber::Take(bool last) {
  std::string out;
  std::string_view rest = waiting_;
  while (!rest.empty()) {
    std::size_t plain = std::min(rest.find_first_of(first_), rest.size());
    out += rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    Found found = At(rest);
    if (found.length > 0) {
      out += kMark;
      rest.remove_prefix(found.length);
    } else if (found.open && !last) {
      break;
    } else if (found.open && found.known >= kTellingPart) {
      out += kMark;
      rest = {};
    } else {
      out += rest[0];
      rest.remove_prefix(1);
    }
  }
  waiting_ = std::string(rest);
  return out;
}

std::string KeyScrubber::Add(std::string_view piece) {
  if (needles_.empty()) return std::string(piece);
  waiting_ += piece;
  return Take(false);
}

std::string KeyScrubber::End() { return Take(true); }

std::string KeyScrubber::Scrub(std::string_view text, const std::vector<std::string>& secrets) {
  KeyScrubber scrubber(secrets);
  std::string out = scrubber.Add(text);
  return out + scrubber.End();
}

}  // namespace podium
