#include "agents/models/wire/foreign_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr double kMostCounted = 1e12;

// The length of the UTF-8 character at the front; 0 where there is none (Unicode, table 3-7).
std::size_t CharacterLength(std::string_view s) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  unsigned char c = byte(0);
  std::size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : 4;
  if ((c >= 0x80 && c < 0xC2) || c > 0xF4 || s.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if ((c == 0xE0 && byte(1) < 0xA0) || (c == 0xED && byte(1) > 0x9F)) return 0;
  if ((c == 0xF0 && byte(1) < 0x90) || (c == 0xF4 && byte(1) > 0x8F)) return 0;
  return n;
}

// The value of the \uXXXX at the front; -1 where there is none.
int Escape(std::string_view s) {
  if (s.size() < 6 || !s.starts_with("\\u")) return -1;
  int value = 0;
  auto [end, ec] = std::from_chars(s.data() + 2, s.data() + 6, value, 16);
  return ec == std::errc() && end == s.data() + 6 && value >= 0 ? value : -1;
}

bool High(int unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool Low(int unit) { return unit >= 0xDC00 && unit < 0xE000; }

class Mender {
 public:
  explicit Mender(std::string_view text) : rest_(text) {}

  std::string Run() {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
    out_.reserve(rest_.size());
    while (!rest_.empty()) {
      if (in_text_) {
        TextCharacter();
      } else if (rest_[0] == '"') {
        in_text_ = true;
        Keep(1);
      } else if (!Number()) {
        Keep(1);
      }
    }
    return std::move(out_);
  }

 private:
  void Keep(std::size_t n) {
    out_ += rest_.substr(0, n);
    rest_.remove_prefix(std::min(n, rest_.size()));
  }
  void Replace(std::size_t n, std::string_view by) {
    out_ += by;
    rest_.remove_prefix(n);
  }

  void TextCharacter() {
    if (rest_[0] == '\\') return Backslash();
    if (rest_[0] == '"') in_text_ = false;
    auto c = static_cast<unsigned char>(rest_[0]);
    if (c < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      std::string escaped = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
      return Replace(1, escaped);
    }
    std::size_t n = CharacterLength(rest_);
    if (n == 0) return Replace(1, kReplacement);
    Keep(n);
  }

  void Backslash() {
    int unit = Escape(rest_);
    if (High(unit) && Low(Escape(rest_.substr(6)))) return Keep(12);
    if (High(unit) || Low(unit)) return Replace(6, kReplacement);
    Keep(2);
  }

  // A number or a word that stands for one, at its beginning; false where there is none.
  bool Number() {
    for (std::string_view word : {"-Infinity", "Infinity", "NaN", "-NaN"}) {
      if (!rest_.starts_with(word)) continue;
      Replace(word.size(), "null");
      return true;
    }
    std::size_t n = rest_.find_first_not_of("0123456789+-.eE");
    n = std::min(n, rest_.size());
    if (n == 0 || (rest_[0] != '-' && (rest_[0] < '0' || rest_[0] > '9'))) return false;
    double value = 0;
    auto read = std::from_chars(rest_.data(), rest_.data() + n, value);
    if (read.ec == std::errc::result_out_of_range)
      Replace(n, "null");
    else
      Keep(n);
    return true;
  }

  std::string_view rest_;
  std::string out_;
  bool in_text_ = false;
};

}  // namespace

std::string MendJson(std::string_view text) { return Mender(text).Run(); }

Result<Json> ParseForeignJson(std::string_view text, std::string_view name) {
  auto parsed = ParseJson(text, name);
  return parsed ? std::move(parsed) : ParseJson(MendJson(text), name);
}

std::optional<Json> ObjectInText(std::string_view text) {
  auto whole = ParseForeignJson(text, "a text");
  if (whole && whole->is_string()) return ObjectInText(whole->get<std::string>());
  std::size_t open = text.find('{'), close = text.rfind('}');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::nullopt;
  auto json = ParseForeignJson(text.substr(open, close - open + 1), "a text");
  return json && json->is_object() ? std::optional(std::move(*json)) : std::nullopt;
}

std::optional<std::int64_t> ForeignCount(const Json& object, const char* key) {
  auto it = object.is_object() ? object.find(key) : object.end();
  if (it == object.end()) return std::nullopt;
  double value = -1;
  if (it->is_number()) value = it->get<double>();
  if (it->is_string()) {
    const auto& text = it->get_ref<const std::string&>();
    std::string_view digits = Trim(text);
    auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  }
  if (!(value >= 0 && value <= kMostCounted) || value != std::floor(value)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::string ForeignText(const Json& object, const char* key) {
  auto it = object.is_object() ? object.find(key) : object.end();
  if (it == object.end()) return {};
  if (it->is_string()) return it->get<std::string>();
  return it->is_number() ? DumpJson(*it) : std::string();
}

}  // namespace podium::agents
