#include "tables/id_match.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>
#include <utility>

#include "tables/keyed_hash.h"

namespace podium {
namespace {

bool Missing(std::string_view cell) { return IsMissing(cell); }
bool Missing(std::int64_t) { return false; }

// How many rows ahead memory is asked for: both tables are larger than the caches.
constexpr std::size_t kAhead = 16;

// Ids: the texts or the whole numbers of a column.
template <class Ids>
std::vector<std::uint64_t> Hashes(const Ids& ids) {
  std::vector<std::uint64_t> hashes(ids.size());
  for (std::size_t row = 0; row < ids.size(); ++row) hashes[row] = KeyedHash(ids[row]);
  return hashes;
}

// How many slots may be passed over a row, all in all; in a good table it is less than one. Beyond
// it the ids are not matched by hashing: no input makes this quadratic.
constexpr std::size_t kMaxSteps = 16;

// Rows by id, open addressing; a slot keeps half of the hash so that few ids are compared in vain.
template <class Ids>
class RowTable {
  using Id = typename Ids::value_type;

 public:
  explicit RowTable(const Ids& ids)
      : ids_(ids), mask_(std::bit_ceil(ids.size() * 2 + 2) - 1), slots_(mask_ + 1) {}

  // False where an id occurs twice or is missing.
  bool InsertAll() {
    auto hashes = Hashes(ids_);
    steps_ = 0;
    for (std::size_t row = 0; row < ids_.size(); ++row) {
      if (row + kAhead < ids_.size()) Prefetch(hashes[row + kAhead]);
      Slot& slot = slots_[Find(ids_[row], hashes[row])];
      if (slot.row != 0 || Missing(ids_[row]) || !good()) return false;
      slot = {static_cast<std::uint32_t>(row + 1), Tag(hashes[row])};
    }
    return true;
  }
  // For each id the row whose hash agrees plus one, or 0.
  std::vector<std::uint32_t> Candidates(const Ids& ids) {
    auto hashes = Hashes(ids);
    std::vector<std::uint32_t> rows(ids.size());
    steps_ = 0;
    for (std::size_t i = 0; i < ids.size() && good(); ++i) {
      if (i + kAhead < ids.size()) Prefetch(hashes[i + kAhead]);
      std::size_t at = hashes[i] & mask_;
      for (; slots_[at].row != 0 && slots_[at].tag != Tag(hashes[i]); ++steps_)
        at = (at + 1) & mask_;
      rows[i] = slots_[at].row;
    }
    return rows;
  }
  // Whether the last of the two above stayed within its steps.
  [[nodiscard]] bool good() const { return steps_ <= kMaxSteps * (ids_.size() + 64); }
  // The row of an id plus one, or 0.
  std::size_t RowOf(const Id& id) { return Missing(id) ? 0 : slots_[Find(id, KeyedHash(id))].row; }

 private:
  struct Slot {
    std::uint32_t row = 0;
    std::uint32_t tag = 0;
  };
  static std::uint32_t Tag(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  void Prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }
  std::size_t Find(const Id& id, std::uint64_t hash) {
    std::size_t at = hash & mask_;
    while (slots_[at].row != 0 && (slots_[at].tag != Tag(hash) || ids_[slots_[at].row - 1] != id)) {
      at = (at + 1) & mask_;
      ++steps_;
    }
    return at;
  }
  const Ids& ids_;
  std::size_t mask_;
  std::vector<Slot> slots_;
  std::size_t steps_ = 0;
};

void PrefetchText(std::string_view text) { __builtin_prefetch(text.data()); }
void PrefetchText(std::int64_t) {}

template <class Ids>
std::optional<std::vector<std::size_t>> Match(const Ids& mine, const Ids& theirs,
                                              bool may_have_more) {
  if (mine.size() < theirs.size() || (mine.size() > theirs.size() && !may_have_more))
    return std::nullopt;
  if (mine.empty() || mine.size() > UINT32_MAX - 1) return std::nullopt;
  RowTable<Ids> table(theirs);
  if (!table.InsertAll()) return std::nullopt;
  auto candidates = table.Candidates(mine);
  if (!table.good()) return std::nullopt;
  constexpr std::size_t kNone = SIZE_MAX;
  std::vector<std::size_t> rows(theirs.size(), kNone);
  std::size_t matched = 0;
  for (std::size_t row = 0; row < mine.size(); ++row) {
    if (row + 2 * kAhead < mine.size() && candidates[row + 2 * kAhead] != 0)
      theirs.PrefetchView(candidates[row + 2 * kAhead] - 1);
    if (row + kAhead < mine.size() && candidates[row + kAhead] != 0)
      PrefetchText(theirs[candidates[row + kAhead] - 1]);
    std::size_t found = candidates[row];
    bool other = found != 0 && theirs[found - 1] != mine[row];
    if (other || Missing(mine[row])) found = table.RowOf(mine[row]);
    if (!table.good()) return std::nullopt;
    if (found == 0 && may_have_more) continue;
    if (found == 0 || rows[found - 1] != kNone) return std::nullopt;
    rows[found - 1] = row;
    ++matched;
  }
  if (matched != rows.size()) return std::nullopt;
  return rows;
}

// Whole numbers from a narrow range need no hashing.
std::optional<std::vector<std::size_t>> MatchNarrow(const PackedInts& mine,
                                                    const PackedInts& theirs, std::int64_t low,
                                                    std::size_t range) {
  std::vector<std::uint32_t> row_of(range);
  for (std::size_t row = 0; row < theirs.size(); ++row) {
    auto& slot = row_of[static_cast<std::size_t>(theirs[row] - low)];
    if (slot != 0) return std::nullopt;
    slot = static_cast<std::uint32_t>(row + 1);
  }
  std::vector<std::size_t> rows(theirs.size());
  for (std::size_t row = 0; row < mine.size(); ++row) {
    auto at = static_cast<std::uint64_t>(mine[row]) - static_cast<std::uint64_t>(low);
    if (at >= range || row_of[at] == 0) return std::nullopt;
    rows[row_of[at] - 1] = row;
    row_of[at] = 0;  // a second row of this id finds nothing
  }
  return rows;
}

std::optional<std::vector<std::size_t>> MatchInts(const PackedInts& mine, const PackedInts& theirs,
                                                  bool may_have_more) {
  if (mine.size() == theirs.size() && !mine.empty() && mine.size() < UINT32_MAX) {
    auto [low, high] = std::ranges::minmax(theirs);
    std::uint64_t width = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    if (width < 8 * theirs.size() + 1024) return MatchNarrow(mine, theirs, low, width + 1);
  }
  return Match(mine, theirs, may_have_more);
}

template <class Ids>
bool AllDiffer(const Ids& ids) {
  auto rises = [](const auto& a, const auto& b) { return !(a < b); };
  if (std::ranges::adjacent_find(ids, rises) == ids.end() && !Missing(ids[0])) return true;
  return ids.size() < UINT32_MAX - 1 && RowTable<Ids>(ids).InsertAll();
}

}  // namespace

std::optional<IdRows> MatchUnique(const Column& submission, const Column& answers, bool same_order,
                                  bool may_have_more) {
  bool bools = submission.python_bools || answers.python_bools;
  if (submission.dtype != answers.dtype || bools || answers.size() == 0) return std::nullopt;
  bool text = answers.dtype == DType::kObject;
  if (!text && answers.dtype != DType::kInt64) return std::nullopt;
  if (same_order) {
    bool unique = text ? AllDiffer(answers.cells) : AllDiffer(answers.ints);
    return unique ? std::optional(IdRows{true, {}}) : std::nullopt;
  }
  auto rows = text ? Match(submission.cells, answers.cells, may_have_more)
                   : MatchInts(submission.ints, answers.ints, may_have_more);
  if (!rows) return std::nullopt;
  return IdRows{false, std::move(*rows)};
}

}  // namespace podium
