#include "agents/operators/read_score.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool DigitAt(std::string_view text, std::size_t at) {
  return at < text.size() && IsDigit(text[at]);
}

// What stands at the front of a text.
struct Number {
  enum class State {
    kNone,        // no number
    kUnreadable,  // something like one, of which only a part could be read
    kUnit,        // a number with letters behind it
    kRead
  };
  State state = State::kNone;
  double value = 0;
  std::size_t length = 0;  // of the text that was looked at

  [[nodiscard]] bool any() const { return state != State::kNone; }
};
using State = Number::State;

std::size_t Digits(std::string_view text, std::size_t at) {
  while (DigitAt(text, at)) ++at;
  return at;
}

// Digits behind which thousands may go on: "12,345". Nothing where the groups are none.
std::optional<std::string> WholePart(std::string_view text, std::size_t& at) {
  std::size_t end = Digits(text, at);
  std::string out(text.substr(at, end - at));
  bool grouped = false;
  while (end < text.size() && (text[end] == ',' || text[end] == '_') && DigitAt(text, end + 1)) {
    std::size_t next = Digits(text, end + 1);
    bool first_fits = grouped || (out.size() <= 3 && !out.starts_with('0'));
    if (next - end != 4 || !first_fits) return std::nullopt;
    out += text.substr(end + 1, 3);
    grouped = true;
    end = next;
  }
  at = end;
  return out;
}

// Whether what follows a number shows that it was a part of something else: another number, a date,
// a fraction, a power of ten.
bool GoesOn(std::string_view rest) {
  if (rest.size() >= 2 && std::string_view(",_./:+-'").find(rest[0]) != kNowhere &&
      IsDigit(rest[1]))
    return true;
  for (std::string_view space : {"\xC2\xA0", "\xE2\x80\xAF", "\xE2\x80\x89"}) {
    if (rest.starts_with(space) && DigitAt(rest, space.size())) return true;
  }
  std::string_view next = Trim(rest);
  for (std::string_view times : {"x", "*", "\xC3\x97"}) {
    if (next.starts_with(times) && Trim(next.substr(times.size())).starts_with("10")) return true;
  }
  return false;
}

// "nan", "inf": a score that is none.
Number NotFinite(std::string_view text, std::size_t at) {
  for (std::string_view word : {"nan", "infinity", "inf", "-nan", "-infinity", "-inf"}) {
    std::size_t end = at + word.size();
    bool ends = end >= text.size() || !std::isalnum(static_cast<unsigned char>(text[end]));
    if (text.substr(at).starts_with(word) && ends) return {State::kUnreadable, 0, end};
  }
  return {};
}

// The whole number at the front, "12,345.678" and "1e-3" included.
Number ReadNumber(std::string_view text) {
  std::size_t at = text.starts_with('+') ? 1 : 0;
  if (Number other = NotFinite(text, at); other.any()) return other;
  std::string plain;
  if (at < text.size() && text[at] == '-') plain += text[at++];
  if (!DigitAt(text, at) && !(text.substr(at).starts_with('.') && DigitAt(text, at + 1))) return {};
  auto whole = WholePart(text, at);
  if (!whole) return {State::kUnreadable, 0, Digits(text, at)};
  plain += *whole;
  std::size_t end = at;
  if (end < text.size() && text[end] == '.') end = Digits(text, end + 1);
  std::size_t power = end + 1;
  if (power < text.size() && (text[power] == '-' || text[power] == '+')) ++power;
  if (end < text.size() && text[end] == 'e' && DigitAt(text, power)) end = Digits(text, power);
  plain += text.substr(at, end - at);
  Number out{State::kRead, 0, end};
  auto read = std::from_chars(plain.data(), plain.data() + plain.size(), out.value);
  std::string_view rest = text.substr(end);
  bool bad = read.ec != std::errc() || read.ptr != plain.data() + plain.size() || GoesOn(rest);
  if (bad || !std::isfinite(out.value)) return {State::kUnreadable, 0, end};
  bool letters = !rest.empty() && (std::isalnum(static_cast<unsigned char>(rest[0])) != 0);
  if (letters) out.state = State::kUnit;
  std::string_view next = Trim(rest);
  if (next.starts_with('%') || next.starts_with("percent")) out.value /= 100;
  return out;
}

// Behind "np.float64(", "tensor(", "decimal('": where the number begins.
std::size_t WrapperLength(std::string_view text) {
  std::size_t open = text.find('(');
  if (open == kNowhere || open > 24) return 0;
  std::string_view name = text.substr(0, open);
  for (std::string_view module : {"np.", "numpy.", "jnp.", "torch.", "decimal."}) {
    if (name.starts_with(module)) name.remove_prefix(module.size());
  }
  bool known = name.starts_with("float") || name.starts_with("int") || name == "tensor" ||
               name == "array" || name == "decimal" || name == "longdouble" || name == "fraction";
  return known ? open + 1 : 0;
}

// The number at the front of `text` after separators such as " : ", " = ", " is ", "[0.91]".
Number NumberAfter(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && (std::isspace(static_cast<unsigned char>(text[i])) ||
                             std::string_view(":=([*`'\"").find(text[i]) != kNowhere))
    ++i;
  text.remove_prefix(i);
  if (text.starts_with("is ")) return NumberAfter(text.substr(3));
  if (std::size_t n = WrapperLength(text); n > 0) return NumberAfter(text.substr(n));
  return ReadNumber(text);
}

// The number that follows the last occurrence of `word` on the line that one follows, with at most
// 40 characters between.
Number NumberFor(std::string_view line, std::string_view word) {
  for (std::size_t at = line.rfind(word); at != kNowhere; at = line.rfind(word, at - 1)) {
    std::string_view rest = line.substr(at + word.size());
    if (Number direct = NumberAfter(rest); direct.any()) return direct;
    for (char separator : {':', '='}) {
      std::size_t colon = rest.find(separator);
      if (colon == kNowhere || colon > 40) continue;
      if (Number value = NumberAfter(rest.substr(colon + 1)); value.any()) return value;
    }
    if (at == 0) break;
  }
  return {};
}

// In lower case, with ASCII's minus for Unicode's, without colours, a line for each state of a
// progress bar.
std::string Plain(std::string_view output) {
  std::string out;
  for (std::size_t i = 0; i < output.size(); ++i) {
    bool sequence = output[i] == '\x1b' && i + 1 < output.size() && output[i + 1] == '[';
    if (sequence) {
      i += 2;
      while (i < output.size() && (output[i] < 0x40 || output[i] > 0x7E)) ++i;
    } else if (output.substr(i).starts_with("\xE2\x88\x92")) {
      out += '-';
      i += 2;
    } else {
      out += output[i] == '\r' ? '\n' : output[i];
    }
  }
  return Lower(out);
}

}  // namespace

std::optional<double> ScoreFromOutput(std::string_view output) {
  static const std::vector<std::vector<std::string_view>> kTiers = {
      {"validation score", "validation_score"},
      {"cv score", "mean score", "average score", "validation auc", "validation accuracy",
       "validation roc auc", "validation metric", "validation mae", "val score",
       "cross-validation score"},
      {"roc auc", "roc_auc", "auc-roc", "auc", "accuracy", "mae", "mean absolute error", "hits",
       "score"}};
  std::string text = Plain(output);
  auto lines = Split(text, '\n');
  for (const auto& tier : kTiers) {
    Number found;
    for (auto line : lines) {
      for (auto word : tier) {
        Number value = NumberFor(line, word);
        if (!value.any()) continue;
        found = value;
        break;
      }
    }
    if (found.state == State::kRead) return found.value;
    if (found.any()) return std::nullopt;  // a lesser line does not stand in for it
  }
  return std::nullopt;
}

std::string FailureLine(std::string_view output) {
  auto lines = Split(Trim(output), '\n');
  std::string_view line = lines.back();
  bool inside = false;
  for (auto l : lines) {
    if (l.starts_with("Traceback (most recent call last)")) {
      inside = true;
    } else if (inside && !l.empty() && l[0] != ' ') {
      line = l;
      inside = false;
    }
  }
  return std::string(line.substr(0, 300));
}

bool NumberIsPrinted(std::string_view output, double value) {
  std::string text = Plain(output);
  auto near = [&](double printed) {
    return std::abs(printed - value) <= 5e-5 * std::max(1.0, std::abs(value));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool inside = i > 0 && (std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0 ||
                            text[i - 1] == '.' || text[i - 1] == '_');
    if (!IsDigit(text[i]) || inside) continue;
    std::size_t begin = i > 0 && text[i - 1] == '-' ? i - 1 : i;
    Number number = ReadNumber(std::string_view(text).substr(begin));
    bool read = number.state == State::kRead || number.state == State::kUnit;
    if (read && near(number.value)) return true;
    i = std::max(i, begin + number.length - 1);
  }
  return false;
}

}  // namespace podium::agents
