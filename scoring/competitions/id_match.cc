#include "scoring/competitions/id_match.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace podium::scoring {
namespace {

constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15ull;

std::uint64_t Mix(std::uint64_t h) { return (h ^ (h >> 32)) * kPrime; }

std::uint64_t HashOf(std::string_view text) {
  std::uint64_t h = text.size() * kPrime;
  const char* p = text.data();
  std::size_t n = text.size();
  for (; n >= 8; p += 8, n -= 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    h = std::rotl((h ^ word) * kPrime, 29);
  }
  std::uint64_t tail = 0;
  std::memcpy(&tail, p, n);
  return Mix((h ^ tail) * kPrime);
}
std::uint64_t HashOf(std::int64_t value) { return Mix(static_cast<std::uint64_t>(value) * kPrime); }

bool Missing(std::string_view cell) { return IsMissing(cell); }
bool Missing(std::int64_t) { return false; }

// Rows by id, open addressing; a slot keeps half of the hash so that few ids are compared in vain.
template <class T>
class RowTable {
 public:
  explicit RowTable(const std::vector<T>& ids)
      : ids_(ids), mask_(std::bit_ceil(ids.size() * 2 + 2) - 1), slots_(mask_ + 1) {}

  // False where the id is there already, or missing.
  bool Insert(std::size_t row) {
    if (Missing(ids_[row])) return false;
    Slot& slot = Find(ids_[row]);
    if (slot.row != 0) return false;
    slot = {static_cast<std::uint32_t>(row + 1), Tag(HashOf(ids_[row]))};
    return true;
  }
  // The row of an id plus one, or 0.
  std::size_t RowOf(const T& id) { return Missing(id) ? 0 : Find(id).row; }

 private:
  struct Slot {
    std::uint32_t row = 0;
    std::uint32_t tag = 0;
  };
  static std::uint32_t Tag(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  Slot& Find(const T& id) {
    std::uint64_t hash = HashOf(id);
    std::size_t at = hash & mask_;
    while (slots_[at].row != 0 && (slots_[at].tag != Tag(hash) || ids_[slots_[at].row - 1] != id)) {
      at = (at + 1) & mask_;
    }
    return slots_[at];
  }
  const std::vector<T>& ids_;
  std::size_t mask_;
  std::vector<Slot> slots_;
};

template <class T>
std::optional<std::vector<std::size_t>> Match(const std::vector<T>& mine,
                                              const std::vector<T>& theirs, bool may_have_more) {
  if (mine.size() < theirs.size() || (mine.size() > theirs.size() && !may_have_more))
    return std::nullopt;
  if (mine.empty() || mine.size() > UINT32_MAX - 1) return std::nullopt;
  RowTable<T> table(theirs);
  for (std::size_t row = 0; row < theirs.size(); ++row) {
    if (!table.Insert(row)) return std::nullopt;
  }
  constexpr std::size_t kNone = SIZE_MAX;
  std::vector<std::size_t> rows(theirs.size(), kNone);
  std::size_t matched = 0;
  for (std::size_t row = 0; row < mine.size(); ++row) {
    std::size_t found = table.RowOf(mine[row]);
    if (found == 0 && may_have_more) continue;
    if (found == 0 || rows[found - 1] != kNone) return std::nullopt;
    rows[found - 1] = row;
    ++matched;
  }
  if (matched != rows.size()) return std::nullopt;
  return rows;
}

}  // namespace

std::optional<std::vector<std::size_t>> MatchUnique(const Column& submission, const Column& answers,
                                                    bool may_have_more) {
  bool bools = submission.python_bools || answers.python_bools;
  if (submission.dtype != answers.dtype || bools) return std::nullopt;
  if (answers.dtype == DType::kObject) return Match(submission.cells, answers.cells, may_have_more);
  if (answers.dtype == DType::kInt64) return Match(submission.ints, answers.ints, may_have_more);
  return std::nullopt;
}

}  // namespace podium::scoring
