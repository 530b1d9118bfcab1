#include "scoring/metrics/inputs.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/text.h"
#include "tables/frame/parse_number.h"

namespace podium::scoring {

Graded<NumberPair> FinitePair(const MetricInput& in, std::size_t target) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted(target));
  GRADED_ASSIGN(const Column* truth, in.Truth(target));
  if (predicted->size() != truth->size())
    return Raised("row_count", std::to_string(predicted->size()) + " rows, the answers have " +
                                   std::to_string(truth->size()));
  NumberPair pair;
  GRADED_ASSIGN(pair.predicted, FiniteNumbers(*predicted, Side::kSubmission));
  GRADED_ASSIGN(pair.truth, FiniteNumbers(*truth, Side::kAnswers));
  if (pair.truth.empty()) return TaskFault("bad_answers", "the answers have no rows");
  return pair;
}

Graded<TextView> TextCells(const Column& column, Side side) {
  if (column.dtype == DType::kObject && !column.python_bools) return TextView(column.cells);
  if (column.size() == 0) return TextView();
  return BadCell(column, side, 0, "not_text", "a number where text belongs");
}

namespace {

bool IsUnicodeSpace(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F) || c == 0x85 ||
         c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

// The length in bytes of a whitespace character at `i`, or 0.
std::size_t SpaceAt(std::string_view text, std::size_t i) {
  auto byte = [&](std::size_t k) {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
  };
  if (byte(0) < 0x80) return IsUnicodeSpace(byte(0)) ? 1 : 0;
  if (byte(0) == 0xC2) return IsUnicodeSpace((byte(0) & 0x1F) << 6 | (byte(1) & 0x3F)) ? 2 : 0;
  if (byte(0) < 0xE1 || byte(0) > 0xE3) return 0;
  char32_t point = (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  return IsUnicodeSpace(point) ? 3 : 0;
}

}  // namespace

void SplitWordsInto(std::string_view text, std::vector<std::string_view>& words) {
  words.clear();
  std::size_t start = 0;
  std::size_t i = 0;
  while (i <= text.size()) {
    std::size_t space = i < text.size() ? SpaceAt(text, i) : 1;
    if (space == 0) {
      ++i;
      continue;
    }
    if (i > start) words.push_back(text.substr(start, i - start));
    i += space;
    start = i;
  }
}

void SplitBlanksInto(std::string_view text, std::vector<std::string_view>& words) {
  words.clear();
  std::size_t start = 0;
  std::size_t i = 0;
  auto cut = [&](std::size_t at) {
    words.push_back(text.substr(start, at - start));
    start = at + 1;
  };
#if defined(__SSE2__)
  const __m128i blank = _mm_set1_epi8(' ');
  for (; i + 16 <= text.size(); i += 16) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, blank)));
    for (; mask != 0; mask &= mask - 1) cut(i + static_cast<std::size_t>(std::countr_zero(mask)));
  }
#endif
  for (; i < text.size(); ++i) {
    if (text[i] == ' ') cut(i);
  }
  words.push_back(text.substr(start));
}

std::vector<std::string_view> SplitWords(std::string_view text) {
  std::vector<std::string_view> words;
  SplitWordsInto(text, words);
  return words;
}

std::vector<std::string_view> SplitBlanks(std::string_view text) {
  std::vector<std::string_view> words;
  SplitBlanksInto(text, words);
  return words;
}

std::string_view StripBlanks(std::string_view text) {
  auto words = SplitWords(text);
  if (words.empty()) return text.substr(0, 0);
  auto begin = static_cast<std::size_t>(words.front().data() - text.data());
  auto end = static_cast<std::size_t>(words.back().data() - text.data()) + words.back().size();
  return text.substr(begin, end - begin);
}

std::optional<std::string> PythonInt(std::string_view text) {
  text = StripBlanks(text);
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::string digits;
  bool after_digit = false;
  for (char c : text) {
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    after_digit = true;
    if (!digits.empty() || c != '0') digits += c;
  }
  if (!after_digit) return std::nullopt;
  if (digits.empty()) return "0";
  return negative ? "-" + digits : digits;
}

double NumpySum(std::span<const double> values) {
  std::size_t n = values.size();
  if (n < 8) {
    double sum = n == 0 ? 0.0 : values[0];
    for (std::size_t i = 1; i < n; ++i) sum += values[i];
    return sum;
  }
  if (n > 128) {
    std::size_t half = n / 2;
    half -= half % 8;
    return NumpySum(values.first(half)) + NumpySum(values.subspan(half));
  }
  double r[8];
  for (std::size_t k = 0; k < 8; ++k) r[k] = values[k];
  std::size_t i = 8;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t k = 0; k < 8; ++k) r[k] += values[i + k];
  }
  double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
  for (; i < n; ++i) sum += values[i];
  return sum;
}

double NumpyMean(std::span<const double> values) {
  return NumpySum(values) / static_cast<double>(values.size());
}

}  // namespace podium::scoring
