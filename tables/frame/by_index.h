#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace podium {

// Which row of a table, counted from 0. A table has at most 2^29 cells.
using RowIndex = std::uint32_t;

// Random access over something whose operator[] yields values, not references.
template <class Sequence, class Value>
class ByIndex {
 public:
  using value_type = Value;
  using reference = Value;
  using pointer = void;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::random_access_iterator_tag;

  ByIndex() = default;
  ByIndex(const Sequence* sequence, std::size_t at) : sequence_(sequence), at_(at) {}

  Value operator*() const { return (*sequence_)[at_]; }
  Value operator[](difference_type n) const { return *(*this + n); }
  ByIndex& operator+=(difference_type n) {
    at_ += static_cast<std::size_t>(n);
    return *this;
  }
  ByIndex& operator-=(difference_type n) { return *this += -n; }
  ByIndex& operator++() { return *this += 1; }
  ByIndex& operator--() { return *this -= 1; }
  ByIndex operator++(int) { return ByIndex(sequence_, at_++); }
  ByIndex operator--(int) { return ByIndex(sequence_, at_--); }
  friend ByIndex operator+(ByIndex i, difference_type n) { return i += n; }
  friend ByIndex operator+(difference_type n, ByIndex i) { return i += n; }
  friend ByIndex operator-(ByIndex i, difference_type n) { return i -= n; }
  friend difference_type operator-(ByIndex a, ByIndex b) {
    return static_cast<difference_type>(a.at_) - static_cast<difference_type>(b.at_);
  }
  friend bool operator==(ByIndex a, ByIndex b) { return a.at_ == b.at_; }
  friend std::strong_ordering operator<=>(ByIndex a, ByIndex b) { return a.at_ <=> b.at_; }

 private:
  const Sequence* sequence_ = nullptr;
  std::size_t at_ = 0;
};

}  // namespace podium
