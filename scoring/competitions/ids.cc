#include "scoring/competitions/ids.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <variant>

namespace podium::scoring {
namespace {

bool BothText(const Column& a, const Column& b) {
  return a.dtype == DType::kObject && b.dtype == DType::kObject;
}
bool Comparable(const Column& a, const Column& b) {
  return (a.dtype == DType::kObject) == (b.dtype == DType::kObject);
}
bool BothWhole(const Column& a, const Column& b) {
  return a.dtype == DType::kInt64 && b.dtype == DType::kInt64;
}

bool Equal(std::string_view a, std::string_view b) {
  return !IsMissing(a) && !IsMissing(b) && a == b;
}
bool Equal(double a, double b) { return a == b; }
bool Equal(std::int64_t a, std::int64_t b) { return a == b; }

bool Before(std::string_view a, std::string_view b) {
  if (IsMissing(a) || IsMissing(b)) return !IsMissing(a) && IsMissing(b);
  return a < b;
}
bool Before(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  return a < b;
}
bool Before(std::int64_t a, std::int64_t b) { return a < b; }

// Calls `use` with both columns' values in the widest type that either needs.
template <class Use>
auto WithValues(const Column& a, const Column& b, const Use& use) {
  if (BothText(a, b)) return use(a.cells, b.cells);
  if (BothWhole(a, b)) return use(a.ints, b.ints);
  return use(a.Numbers(), b.Numbers());
}

template <class Values>
std::vector<RowIndex> Sorted(const Values& values) {
  std::vector<RowIndex> rows(values.size());
  std::iota(rows.begin(), rows.end(), RowIndex{0});
  auto before = [&](RowIndex i, RowIndex k) { return Before(values[i], values[k]); };
  if (!std::ranges::is_sorted(rows, before)) std::ranges::stable_sort(rows, before);
  return rows;
}

template <class Values>
auto SortedUnique(const Values& unsorted) {
  using T = typename Values::value_type;
  std::vector<T> values(unsorted.begin(), unsorted.end());
  auto before = [](const T& x, const T& y) { return Before(x, y); };
  if (!std::ranges::is_sorted(values, before)) std::ranges::sort(values, before);
  auto same = [](const T& x, const T& y) { return Equal(x, y); };
  values.erase(std::unique(values.begin(), values.end(), same), values.end());
  return values;
}

}  // namespace

std::vector<RowIndex> RowsById(const Column& ids) {
  if (ids.dtype == DType::kObject) return Sorted(ids.cells);
  if (ids.dtype == DType::kInt64) return Sorted(ids.ints);
  return Sorted(ids.Numbers());
}

namespace {

constexpr std::size_t kRowsAtATime = 1 << 14;

bool SameText(const PackedTexts& a, const PackedTexts& b, const ReleaseBytes& release) {
  for (std::size_t begin = 0; begin < a.size(); begin += kRowsAtATime) {
    std::size_t end = std::min(begin + kRowsAtATime, a.size());
    for (std::size_t row = begin; row < end; ++row) {
      if (!Equal(a[row], b[row])) return false;
    }
    if (release) release(a.Extent(begin, end));
    if (release) release(b.Extent(begin, end));
  }
  return true;
}

}  // namespace

bool SameRowByRow(const Column& a, const Column& b, const ReleaseBytes& release) {
  if (a.size() != b.size() || !Comparable(a, b)) return false;
  if (BothText(a, b)) return SameText(a.cells, b.cells, release);
  if (BothWhole(a, b)) return a.ints == b.ints;
  return WithValues(a, b, [](const auto& x, const auto& y) {
    return std::ranges::equal(x, y, [](const auto& u, const auto& v) { return Equal(u, v); });
  });
}

IdMatch CompareSorted(const Column& submission, const Column& answers) {
  std::size_t n = submission.size();
  if (n != answers.size() && n != 1 && answers.size() != 1) return IdMatch::kOtherLength;
  if (n == 0 || answers.size() == 0) return IdMatch::kSame;
  if (SameRowByRow(submission, answers)) return IdMatch::kSame;
  if (n != answers.size() || !Comparable(submission, answers)) return IdMatch::kDiffer;
  auto rows = RowsById(submission);
  auto true_rows = RowsById(answers);
  bool same = SameRowByRow(submission.Take(rows), answers.Take(true_rows));
  return same ? IdMatch::kSame : IdMatch::kDiffer;
}

bool SameSet(const Column& a, const Column& b) {
  if (a.size() == 0 || b.size() == 0) return a.size() == b.size();
  if (SameRowByRow(a, b)) return true;
  return Comparable(a, b) && WithValues(a, b, [](const auto& x, const auto& y) {
           return std::ranges::equal(SortedUnique(x), SortedUnique(y),
                                     [](const auto& u, const auto& v) { return Equal(u, v); });
         });
}

bool Covers(const Column& a, const Column& b) {
  if (b.size() == 0 || SameRowByRow(a, b)) return true;
  return a.size() > 0 && Comparable(a, b) && WithValues(a, b, [](const auto& x, const auto& y) {
           auto whole = SortedUnique(x);
           auto part = SortedUnique(y);
           auto before = [](const auto& u, const auto& v) { return Before(u, v); };
           return std::ranges::includes(whole, part, before);
         });
}

bool HasDuplicates(const Column& ids) {
  return WithValues(ids, ids,
                    [](const auto& x, const auto&) { return SortedUnique(x).size() != x.size(); });
}

RowPairs MergeRows(const Column& submission, const Column& answers) {
  RowPairs pairs;
  if (!Comparable(submission, answers)) return pairs;
  auto rows = RowsById(submission);
  WithValues(submission, answers, [&](const auto& mine, const auto& theirs) {
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      auto at = std::ranges::lower_bound(
          rows, theirs[i], [](const auto& u, const auto& v) { return Before(u, v); },
          [&](RowIndex row) { return mine[row]; });
      for (; at != rows.end() && Equal(mine[*at], theirs[i]); ++at) {
        pairs.submission.push_back(*at);
        pairs.answers.push_back(static_cast<RowIndex>(i));
      }
    }
    return 0;
  });
  return pairs;
}

}  // namespace podium::scoring
