#include "tables/id_match.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "tables/beside.h"
#include "tables/keyed_hash.h"
#include "tables/row_ranges.h"

namespace podium {
namespace {

bool Missing(std::string_view cell) { return IsMissing(cell); }
bool Missing(std::int64_t) { return false; }

// Both ends: a text of 64 bytes lies in two lines of the cache most often.
void PrefetchText(std::string_view text) {
  __builtin_prefetch(text.data());
  if (text.size() > 32) __builtin_prefetch(text.data() + text.size() - 1);
}
void PrefetchText(std::int64_t) {}

// How many rows ahead memory is asked for: both tables are larger than the caches.
constexpr std::size_t kAhead = 16;
constexpr std::size_t kWorthAThread = 1 << 16;  // rows

// How many slots may be passed over a row, all in all; in a good table it is less than one. Beyond
// it the ids are not matched by hashing: no input makes this quadratic.
constexpr std::size_t kMaxSteps = 16;

// A row and half of its id's hash, so that few ids are compared in vain; the other half says in
// which part it lies.
struct Entry {
  std::uint32_t tag = 0;
  std::uint32_t row = 0;
};

// The rows of a column in parts by hash, so small that a table of one stays in the cache. Rows
// without an id are in none.
template <class Ids>
class Parts {
 public:
  Parts(const Ids& ids, unsigned bits) : bits_(bits), end_(std::size_t{1} << bits) {
    // Hashes of ids that differ fill parts evenly: eight deviations more are never needed.
    std::size_t mean = ids.size() / count();
    room_ = bits == 0 ? ids.size() : mean + 8 * static_cast<std::size_t>(std::sqrt(mean)) + 64;
    entries_ = std::make_unique_for_overwrite<Entry[]>(room_ * count());
    for (std::size_t row = 0; row < ids.size(); ++row) {
      auto id = ids[row];
      std::uint64_t hash = KeyedHash(id);
      std::size_t part = bits_ == 0 ? 0 : hash >> (64 - bits_);
      if (Missing(id)) {
        ++missing_;
      } else if (end_[part] == room_) {
        full_ = true;
        return;
      } else {
        entries_[part * room_ + end_[part]++] = {static_cast<std::uint32_t>(hash),
                                                 static_cast<std::uint32_t>(row)};
      }
    }
  }
  [[nodiscard]] std::size_t count() const { return end_.size(); }
  [[nodiscard]] std::span<const Entry> part(std::size_t i) const {
    return {entries_.get() + i * room_, end_[i]};
  }
  // Many ids are the same: not all rows were taken.
  [[nodiscard]] bool full() const { return full_; }
  [[nodiscard]] std::size_t missing() const { return missing_; }

 private:
  unsigned bits_;
  std::size_t room_ = 0;
  std::vector<std::size_t> end_;
  std::unique_ptr<Entry[]> entries_;
  std::size_t missing_ = 0;
  bool full_ = false;
};

// So many that a part has 4,096 rows or so; 256 are as many streams as can be written at once.
unsigned PartBits(std::size_t rows) {
  return std::min(8u, static_cast<unsigned>(std::bit_width(rows >> 12)));
}

// The entries of a part by tag, open addressing.
class PartTable {
 public:
  void Clear(std::size_t rows) {
    mask_ = std::bit_ceil(2 * rows + 2) - 1;
    slots_.assign(mask_ + 1, {});
    steps_ = 0;
    most_steps_ = kMaxSteps * (rows + 64);
  }
  void AllowLookups(std::size_t rows) { most_steps_ += kMaxSteps * rows; }
  // Calls `use` with the rows of that tag until it returns false, then gives false; a row that is
  // to be added is put behind them. False too where the table does badly.
  template <class Use>
  bool Each(const Entry& entry, bool add, const Use& use) {
    for (std::size_t at = entry.tag & mask_;; at = (at + 1) & mask_) {
      Entry& slot = slots_[at];
      if (slot.row == 0) {
        if (add) slot = {entry.tag, entry.row + 1};
        return true;
      }
      if (slot.tag == entry.tag && !use(std::size_t{slot.row} - 1)) return false;
      if (++steps_ > most_steps_) return false;
    }
  }

 private:
  std::size_t mask_ = 0;
  std::size_t steps_ = 0;
  std::size_t most_steps_ = 0;
  std::vector<Entry> slots_;  // rows count from 1, 0 is free
};

// Adds a part's rows to a table. False where an id occurs twice.
template <class Ids>
bool AddPart(const Ids& ids, std::span<const Entry> part, PartTable& table) {
  table.Clear(part.size());
  return std::ranges::all_of(part, [&](const Entry& entry) {
    return table.Each(entry, true, [&](std::size_t other) { return ids[other] != ids[entry.row]; });
  });
}

// Calls `work` with every part on some threads; whether all gave true.
template <class Work>
bool InParts(std::size_t parts, std::size_t rows, const Work& work) {
  std::size_t worth = std::max<std::size_t>(1, parts * kWorthAThread / std::max(rows, parts));
  return InRowRanges(parts, worth,
                     [&](RowRange range) -> Graded<void> {
                       PartTable table;
                       for (std::size_t i = range.begin; i < range.end; ++i) {
                         if (!work(i, table)) return Refused("", "");
                       }
                       return {};
                     })
      .has_value();
}

constexpr std::uint32_t kNone = UINT32_MAX;

// Finds the row of each of the answers' ids.
template <class Ids>
class Matcher {
 public:
  Matcher(const Ids& mine, const Ids& theirs, bool may_have_more)
      : mine_(mine), theirs_(theirs), may_have_more_(may_have_more), rows_(theirs.size(), kNone) {}

  std::optional<std::vector<std::size_t>> Match() {
    unsigned bits = PartBits(theirs_.size());
    Beside<Parts<Ids>> beside([&] { return Parts<Ids>(theirs_, bits); },
                              theirs_.size() >= kWorthAThread);
    Parts<Ids> my_parts(mine_, bits);
    Parts<Ids> their_parts = beside.Get();
    if (my_parts.full() || their_parts.full() || their_parts.missing() > 0) return std::nullopt;
    if (my_parts.missing() > 0 && !may_have_more_) return std::nullopt;
    bool good = InParts(my_parts.count(), mine_.size(), [&](std::size_t i, PartTable& table) {
      return MatchPart(my_parts.part(i), their_parts.part(i), table);
    });
    if (!good || !AllAreTheSame()) return std::nullopt;
    return std::vector<std::size_t>(rows_.begin(), rows_.end());
  }

 private:
  bool MatchPart(std::span<const Entry> my_part, std::span<const Entry> their_part,
                 PartTable& table) {
    if (!AddPart(theirs_, their_part, table)) return false;
    table.AllowLookups(my_part.size());
    return std::ranges::all_of(my_part, [&](const Entry& entry) { return Place(entry, table); });
  }
  // One row of that tag is taken to be the right one, which AllAreTheSame looks at in the end;
  // where there are several, or it is taken, the ids are compared at once.
  bool Place(const Entry& entry, PartTable& table) {
    std::size_t found = kNone;
    bool several = false;
    bool good = table.Each(entry, false, [&](std::size_t row) {
      several |= found != kNone;
      found = row;
      return true;
    });
    if (!good) return false;
    if (found == kNone) return may_have_more_;
    if (!several && rows_[found] == kNone) {
      rows_[found] = entry.row;
      return true;
    }
    return PlaceExactly(entry, table);
  }
  bool PlaceExactly(const Entry& entry, PartTable& table) {
    std::size_t found = kNone;
    bool good = table.Each(entry, false, [&](std::size_t row) {
      if (theirs_[row] == mine_[entry.row]) found = row;
      return true;
    });
    if (!good) return false;
    if (found == kNone) return may_have_more_;
    std::uint32_t& place = rows_[found];
    bool repeated = place != kNone && mine_[place] == theirs_[found];
    bool wrong = place != kNone && !repeated;
    place = entry.row;
    return !repeated && (!wrong || may_have_more_);
  }
  bool AllAreTheSame() const {
    return InRowRanges(theirs_.size(), kWorthAThread,
                       [&](RowRange range) -> Graded<void> {
                         for (std::size_t row = range.begin; row < range.end; ++row) {
                           Ahead(row, range.end);
                           if (rows_[row] == kNone || mine_[rows_[row]] != theirs_[row])
                             return Refused("", "");
                         }
                         return {};
                       })
        .has_value();
  }
  void Ahead(std::size_t row, std::size_t end) const {
    if (row + 2 * kAhead < end && rows_[row + 2 * kAhead] != kNone)
      mine_.PrefetchView(rows_[row + 2 * kAhead]);
    if (row + kAhead < end && rows_[row + kAhead] != kNone)
      PrefetchText(mine_[rows_[row + kAhead]]);
  }

  const Ids& mine_;
  const Ids& theirs_;
  bool may_have_more_;
  std::vector<std::uint32_t> rows_;
};

template <class Ids>
std::optional<std::vector<std::size_t>> Match(const Ids& mine, const Ids& theirs,
                                              bool may_have_more) {
  if (mine.size() < theirs.size() || (mine.size() > theirs.size() && !may_have_more))
    return std::nullopt;
  if (mine.empty() || mine.size() > UINT32_MAX - 1) return std::nullopt;
  return Matcher<Ids>(mine, theirs, may_have_more).Match();
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
  if (ids.size() > UINT32_MAX - 1) return false;
  Parts<Ids> parts(ids, PartBits(ids.size()));
  if (parts.full() || parts.missing() > 0) return false;
  return InParts(parts.count(), ids.size(), [&](std::size_t i, PartTable& table) {
    return AddPart(ids, parts.part(i), table);
  });
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
