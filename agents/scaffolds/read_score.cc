#include "agents/scaffolds/read_score.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// The number at the front of `text` after separators such as " : ", " = ", " is ", "[0.91]".
std::optional<double> NumberAfter(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && (std::isspace(static_cast<unsigned char>(text[i])) ||
                             std::string_view(":=([*`").find(text[i]) != kNone))
    ++i;
  text.remove_prefix(i);
  if (text.starts_with("is ")) return NumberAfter(text.substr(3));
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || !std::isfinite(value)) return std::nullopt;
  std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (!rest.empty() && std::isalnum(static_cast<unsigned char>(rest[0]))) return std::nullopt;
  if (Trim(rest).starts_with('%')) value /= 100;
  return value;
}

// The last number that follows the last occurrence of `word` on the line with at most 40 characters
// between.
std::optional<double> NumberFor(std::string_view line, std::string_view word) {
  std::size_t at = line.rfind(word);
  if (at == kNone) return std::nullopt;
  std::string_view rest = line.substr(at + word.size());
  if (auto direct = NumberAfter(rest)) return direct;
  for (char separator : {':', '='}) {
    std::size_t colon = rest.find(separator);
    if (colon == kNone || colon > 40) continue;
    if (auto value = NumberAfter(rest.substr(colon + 1))) return value;
  }
  return std::nullopt;
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
  std::string text = Lower(output);
  for (const auto& tier : kTiers) {
    std::optional<double> found;
    for (auto line : Split(text, '\n')) {
      for (auto word : tier) {
        auto value = NumberFor(line, word);
        if (!value) continue;
        found = value;
        break;
      }
    }
    if (found) return found;
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
  for (std::size_t i = 0; i < output.size(); ++i) {
    bool starts = std::isdigit(static_cast<unsigned char>(output[i])) &&
                  (i == 0 || (!std::isalnum(static_cast<unsigned char>(output[i - 1])) &&
                              output[i - 1] != '.'));
    if (!starts) continue;
    double printed = 0;
    auto [end, ec] = std::from_chars(output.data() + i, output.data() + output.size(), printed);
    if (ec != std::errc()) continue;
    if (i > 0 && output[i - 1] == '-') printed = -printed;
    if (std::abs(printed - value) <= 5e-5 * std::max(1.0, std::abs(value))) return true;
    i = static_cast<std::size_t>(end - output.data());
  }
  return false;
}

}  // namespace podium::agents
