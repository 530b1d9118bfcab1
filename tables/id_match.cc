#include "tables/id_match.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "tables/beside.h"
#include "tables/keyed_hash.h"
#include "tables/row_ranges.h"

namespace podium {
namespace {

constexpr std::size_t kWorthAThread = 1 << 16;  // rows
constexpr std::size_t kMaxRows = INT32_MAX;
constexpr std::size_t kRowsAtATime = 1 << 16;

bool Missing(std::string_view cell) { return IsMissing(cell); }
bool Missing(std::int64_t) { return false; }

// What stands for an id: a whole number itself, a text's fingerprint.
std::uint64_t Word(std::string_view text) { return Fingerprint(text); }
std::uint64_t Word(std::int64_t value) { return static_cast<std::uint64_t>(value); }

// Where a word goes: the upper bits say in which part, the lower ones where in its table.
std::uint64_t Place(std::uint64_t word) { return KeyedHash(static_cast<std::int64_t>(word)); }

void ReleaseRows(const PackedTexts& texts, std::size_t begin, std::size_t end,
                 const ReleaseBytes& release) {
  if (release) release(texts.Extent(begin, end));
}
void ReleaseRows(const PackedInts&, std::size_t, std::size_t, const ReleaseBytes&) {}

// A row and the word of its id, in 12 bytes.
class Entry {
 public:
  Entry() = default;
  Entry(std::uint64_t word, std::size_t row)
      : low_(static_cast<std::uint32_t>(word)),
        high_(static_cast<std::uint32_t>(word >> 32)),
        row_(static_cast<RowIndex>(row)) {}
  [[nodiscard]] std::uint64_t word() const { return low_ | std::uint64_t{high_} << 32; }
  [[nodiscard]] RowIndex row() const { return row_; }

 private:
  std::uint32_t low_, high_;
  RowIndex row_;
};

// The rows of a column in parts by their words, so small that a table of one stays in the cache.
// Rows without an id are in none. Memory: 12 bytes a row.
class Parts {
 public:
  template <class Ids>
  Parts(const Ids& ids, unsigned bits, const ReleaseBytes& release = {})
      : shift_(64 - bits), end_(std::size_t{1} << bits) {
    // Words that differ fill parts evenly: six deviations more are never needed.
    std::size_t mean = ids.size() / count();
    room_ = bits == 0 ? ids.size() : mean + 6 * static_cast<std::size_t>(std::sqrt(mean)) + 64;
    entries_.reset(Allocate(room_ * count()));
    for (std::size_t begin = 0; begin < ids.size() && !full_; begin += kRowsAtATime) {
      std::size_t end = std::min(begin + kRowsAtATime, ids.size());
      AddRows(ids, begin, end);
      ReleaseRows(ids, begin, end, release);
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
  struct Free {
    void operator()(Entry* entries) const { std::free(entries); }
  };
  // Large pages where the kernel has some: parts are written at many places at once.
  static Entry* Allocate(std::size_t count) {
    constexpr std::size_t kPage = 2 << 20;
    std::size_t bytes = count * sizeof(Entry);
    void* memory = nullptr;
    bool large = bytes >= kPage;
    if (::posix_memalign(&memory, large ? kPage : alignof(std::max_align_t), bytes) != 0)
      throw std::bad_alloc();
    if (large) (void)::madvise(memory, bytes, MADV_HUGEPAGE);  // a hint
    return static_cast<Entry*>(memory);
  }

  // First words, then places: neither waits for the memory of the other.
  template <class Ids>
  void AddRows(const Ids& ids, std::size_t begin, std::size_t end) {
    std::array<Entry, 128> some;
    while (begin < end && !full_) {
      std::size_t count = 0;
      for (; begin < end && count < some.size(); ++begin) {
        auto id = ids[begin];
        some[count] = Entry(Missing(id) ? 0 : Word(id), begin);
        (Missing(id) ? missing_ : count) += 1;
      }
      for (std::size_t i = 0; i < count; ++i) Put(some[i]);
    }
  }
  void Put(const Entry& entry) {
    std::size_t part = shift_ == 64 ? 0 : Place(entry.word()) >> shift_;
    full_ |= end_[part] == room_;
    if (!full_) entries_[part * room_ + end_[part]++] = entry;
  }

  unsigned shift_;
  std::size_t room_ = 0;
  std::vector<std::size_t> end_;
  std::unique_ptr<Entry[], Free> entries_;
  std::size_t missing_ = 0;
  bool full_ = false;
};

// So many that a part has 4,096 rows or so; 256 are as many streams as can be written at once.
unsigned PartBits(std::size_t rows) {
  return std::min(8u, static_cast<unsigned>(std::bit_width(rows >> 12)));
}

// The entries of a part by word, open addressing.
class PartTable {
 public:
  // Takes the entries, which must outlive it. False where a word occurs twice or the table does
  // badly.
  bool Fill(std::span<const Entry> part) {
    part_ = part;
    steps_left_ = kMaxSteps * (part.size() + 64);
    mask_ = std::bit_ceil(3 * part.size() + 1) - 1;
    slots_.assign(mask_ + 1, 0);
    for (std::size_t i = 0; i < part.size(); ++i) {
      std::uint32_t* slot = Slot(part[i].word());
      if (slot == nullptr || *slot != 0) return false;
      *slot = static_cast<std::uint32_t>(i + 1);
    }
    return true;
  }
  void AllowLookups(std::size_t rows) { steps_left_ += kMaxSteps * rows; }
  enum class Found { kRow, kNothing, kTakenBefore };
  // Takes the row of a word, once.
  Found Take(std::uint64_t word, RowIndex& row) {
    std::uint32_t* slot = Slot(word);
    if (slot == nullptr) return Found::kTakenBefore;
    if (*slot == 0) return Found::kNothing;
    if (*slot & kTaken) return Found::kTakenBefore;
    row = part_[*slot - 1].row();
    *slot |= kTaken;
    return Found::kRow;
  }

 private:
  // How many slots may be passed over a row, all in all; in a good table it is less than one.
  // Beyond it the ids are not matched by hashing: no input makes this quadratic.
  static constexpr std::size_t kMaxSteps = 16;
  static constexpr std::uint32_t kTaken = std::uint32_t{1} << 31;

  // The slot of a word, or a free one, or nullptr where the table does badly.
  std::uint32_t* Slot(std::uint64_t word) {
    for (std::size_t at = Place(word) & mask_;; at = (at + 1) & mask_) {
      std::uint32_t& slot = slots_[at];
      if (slot == 0 || part_[(slot & ~kTaken) - 1].word() == word) return &slot;
      if (steps_left_-- == 0) return nullptr;
    }
  }

  std::span<const Entry> part_;
  std::size_t mask_ = 0;
  std::size_t steps_left_ = 0;
  std::vector<std::uint32_t> slots_;  // places in the part from 1 on, 0 is free
};

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

// Writes my row of each of their ids of a part to `rows`. False where one has none, or two.
bool MatchPart(std::span<const Entry> mine, std::span<const Entry> theirs, bool may_have_more,
               PartTable& table, std::span<RowIndex> rows) {
  if (mine.size() < theirs.size() || !table.Fill(theirs)) return false;
  table.AllowLookups(mine.size());
  std::size_t matched = 0;
  for (const Entry& entry : mine) {
    RowIndex row = 0;
    switch (table.Take(entry.word(), row)) {
      case PartTable::Found::kRow:
        rows[row] = entry.row();
        ++matched;
        break;
      case PartTable::Found::kNothing:
        if (!may_have_more) return false;
        break;
      case PartTable::Found::kTakenBefore:
        return false;
    }
  }
  return matched == theirs.size();
}

using Rows = std::optional<std::vector<RowIndex>>;

template <class Ids>
Rows Match(const Ids& mine, const Ids& theirs, bool may_have_more, const ReleaseBytes& release) {
  if (mine.size() < theirs.size() || (mine.size() > theirs.size() && !may_have_more))
    return std::nullopt;
  if (mine.size() > kMaxRows) return std::nullopt;
  unsigned bits = PartBits(theirs.size());
  Beside<Parts> beside([&] { return Parts(theirs, bits, release); },
                       theirs.size() >= kWorthAThread);
  Parts my_parts(mine, bits, release);
  Parts their_parts = beside.Get();
  if (my_parts.full() || their_parts.full() || their_parts.missing() > 0) return std::nullopt;
  if (my_parts.missing() > 0 && !may_have_more) return std::nullopt;
  std::vector<RowIndex> rows(theirs.size());
  bool good = InParts(my_parts.count(), mine.size(), [&](std::size_t i, PartTable& table) {
    return MatchPart(my_parts.part(i), their_parts.part(i), may_have_more, table, rows);
  });
  if (!good) return std::nullopt;
  return rows;
}

// Whole numbers from a narrow range need no hashing: my rows lie in a table by id, and theirs,
// which mostly rise, are looked up in their order. Both have as many rows.
Rows MatchNarrow(const PackedInts& mine, const PackedInts& theirs, std::int64_t low,
                 std::size_t range) {
  std::vector<RowIndex> row_of(range);  // from 1 on, 0 is none
  auto place = [&](std::int64_t id) {
    return static_cast<std::uint64_t>(id) - static_cast<std::uint64_t>(low);
  };
  bool good = mine.Visit([&](auto ids) {
    for (std::size_t row = 0; row < ids.size(); ++row) {
      if (place(ids[row]) >= range) return false;
      row_of[place(ids[row])] = static_cast<RowIndex>(row + 1);
    }
    return true;
  });
  if (!good) return std::nullopt;
  std::vector<RowIndex> rows(theirs.size());
  good = theirs.Visit([&](auto ids) {
    for (std::size_t row = 0; row < ids.size(); ++row) {
      // An id that occurs twice finds nothing the second time; one of mine that does leaves another
      // of theirs without a row.
      RowIndex found = std::exchange(row_of[place(ids[row])], 0);
      if (found == 0) return false;
      rows[row] = found - 1;
    }
    return true;
  });
  return good ? Rows(std::move(rows)) : std::nullopt;
}

Rows MatchInts(const PackedInts& mine, const PackedInts& theirs, bool may_have_more) {
  if (mine.size() == theirs.size() && mine.size() <= kMaxRows) {
    auto [low, high] = theirs.Visit([](auto ids) {
      auto [least, most] = std::ranges::minmax(ids);
      return std::pair<std::int64_t, std::int64_t>(least, most);
    });
    std::uint64_t width = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    if (width < 8 * theirs.size() + 1024) return MatchNarrow(mine, theirs, low, width + 1);
  }
  return Match(mine, theirs, may_have_more, {});
}

template <class Ids>
bool AllDiffer(const Ids& ids) {
  auto rises = [](const auto& a, const auto& b) { return !(a < b); };
  if (std::ranges::adjacent_find(ids, rises) == ids.end() && !Missing(ids[0])) return true;
  if (ids.size() > kMaxRows) return false;
  Parts parts(ids, PartBits(ids.size()));
  if (parts.full() || parts.missing() > 0) return false;
  return InParts(parts.count(), ids.size(),
                 [&](std::size_t i, PartTable& table) { return table.Fill(parts.part(i)); });
}

}  // namespace

std::optional<IdRows> MatchUnique(const Column& submission, const Column& answers, bool same_order,
                                  bool may_have_more, const ReleaseBytes& release) {
  bool bools = submission.python_bools || answers.python_bools;
  if (submission.dtype != answers.dtype || bools || answers.size() == 0) return std::nullopt;
  bool text = answers.dtype == DType::kObject;
  if (!text && answers.dtype != DType::kInt64) return std::nullopt;
  if (same_order) {
    bool unique = text ? AllDiffer(answers.cells) : AllDiffer(answers.ints);
    return unique ? std::optional(IdRows{true, {}}) : std::nullopt;
  }
  auto rows = text ? Match(submission.cells, answers.cells, may_have_more, release)
                   : MatchInts(submission.ints, answers.ints, may_have_more);
  if (!rows) return std::nullopt;
  return IdRows{false, std::move(*rows)};
}

}  // namespace podium
