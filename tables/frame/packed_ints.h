#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "tables/frame/by_index.h"

namespace podium {

// Whole numbers in the fewest bytes (1, 2, 4 or 8) that hold each of them; widened when a number
// needs it.
class PackedInts {
 public:
  using value_type = std::int64_t;
  using const_iterator = ByIndex<PackedInts, std::int64_t>;

  PackedInts() = default;
  explicit PackedInts(std::span<const std::int64_t> values);
  PackedInts(std::initializer_list<std::int64_t> values)
      : PackedInts(std::span<const std::int64_t>(values.begin(), values.size())) {}
  PackedInts(const PackedInts& other) { *this = other; }
  PackedInts& operator=(const PackedInts& other);
  PackedInts(PackedInts&& other) noexcept { *this = std::move(other); }
  PackedInts& operator=(PackedInts&& other) noexcept;
  ~PackedInts() = default;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] unsigned width() const { return width_; }  // bytes a number
  [[nodiscard]] std::int64_t operator[](std::size_t i) const {
    switch (width_) {
      case 1:
        return Of<std::int8_t>()[i];
      case 2:
        return Of<std::int16_t>()[i];
      case 4:
        return Of<std::int32_t>()[i];
      default:
        return Of<std::int64_t>()[i];
    }
  }
  [[nodiscard]] const_iterator begin() const { return {this, 0}; }
  [[nodiscard]] const_iterator end() const { return {this, size_}; }
  bool operator==(const PackedInts& other) const;

  // Calls `use` with the numbers as a span of the type that they are stored in.
  template <class Use>
  decltype(auto) Visit(const Use& use) const {
    switch (width_) {
      case 1:
        return use(std::span(Of<std::int8_t>(), size_));
      case 2:
        return use(std::span(Of<std::int16_t>(), size_));
      case 4:
        return use(std::span(Of<std::int32_t>(), size_));
      default:
        return use(std::span(Of<std::int64_t>(), size_));
    }
  }
  [[nodiscard]] std::vector<std::int64_t> Wide() const { return {begin(), end()}; }

  void push_back(std::int64_t value) {
    // Where the number lies in the range, moved to begin at 0.
    if (static_cast<std::uint64_t>(value) + half_ > range_) Widen(WidthOf(value));
    if (size_ == capacity_) Grow(2 * size_ + 64);
    // The low bytes come first; those that do not belong to this number are overwritten or lie in
    // the room behind the last.
    std::memcpy(bytes_.get() + size_ * width_, &value, sizeof value);
    ++size_;
  }
  void reserve(std::size_t count) {
    if (count > capacity_) Grow(count);
  }
  void Append(const PackedInts& more);
  [[nodiscard]] PackedInts Take(std::span<const RowIndex> picked) const;

 private:
  static_assert(std::endian::native == std::endian::little);
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  static unsigned WidthOf(std::int64_t value);
  template <class T>
  [[nodiscard]] const T* Of() const {
    return reinterpret_cast<const T*>(bytes_.get());
  }
  void SetWidth(unsigned width);
  void Widen(unsigned width);
  void Grow(std::size_t capacity);

  std::unique_ptr<char[], Free> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  unsigned width_ = 1;
  std::uint64_t half_ = 0x80;
  std::uint64_t range_ = 0xFF;
};

}  // namespace podium
