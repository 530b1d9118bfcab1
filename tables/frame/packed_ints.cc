#include "tables/frame/packed_ints.h"

#include <algorithm>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace podium {
namespace {

// push_back writes eight bytes wherever the last number lies.
constexpr std::size_t kRoom = sizeof(std::int64_t);

template <class T>
bool Holds(std::int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

}  // namespace

PackedInts::PackedInts(std::span<const std::int64_t> values) {
  reserve(values.size());
  for (std::int64_t value : values) push_back(value);
}

PackedInts& PackedInts::operator=(const PackedInts& other) {
  if (this == &other) return *this;
  *this = PackedInts();
  Append(other);
  return *this;
}

PackedInts& PackedInts::operator=(PackedInts&& other) noexcept {
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  SetWidth(other.width_);
  other.SetWidth(1);
  return *this;
}

unsigned PackedInts::WidthOf(std::int64_t value) {
  return Holds<std::int8_t>(value)    ? 1
         : Holds<std::int16_t>(value) ? 2
         : Holds<std::int32_t>(value) ? 4
                                      : 8;
}

void PackedInts::SetWidth(unsigned width) {
  width_ = width;
  half_ = std::uint64_t{1} << (8 * width - 1);
  range_ = 2 * half_ - 1;  // for eight bytes 2^64 - 1 too
}

void PackedInts::Widen(unsigned width) {
  PackedInts wide;
  wide.SetWidth(width);
  wide.reserve(capacity_);
  Visit([&](auto values) {
    for (auto value : values) wide.push_back(value);
  });
  *this = std::move(wide);
}

void PackedInts::Grow(std::size_t capacity) {
  if (capacity > (SIZE_MAX - kRoom) / width_) throw std::bad_alloc();
  void* bytes = std::realloc(bytes_.get(), capacity * width_ + kRoom);
  if (bytes == nullptr) throw std::bad_alloc();
  (void)bytes_.release();
  bytes_.reset(static_cast<char*>(bytes));
  capacity_ = capacity;
}

void PackedInts::Append(const PackedInts& more) {
  if (more.width_ > width_) Widen(more.width_);
  reserve(size_ + more.size_);
  if (more.width_ == width_ && more.size_ > 0) {
    std::memcpy(bytes_.get() + size_ * width_, more.bytes_.get(), more.size_ * width_);
    size_ += more.size_;
    return;
  }
  more.Visit([&](auto values) {
    for (auto value : values) push_back(value);
  });
}

PackedInts PackedInts::Take(std::span<const RowIndex> picked) const {
  PackedInts out;
  out.SetWidth(width_);
  out.reserve(picked.size());
  out.size_ = picked.size();
  Visit([&](auto values) {
    using Number = std::remove_cv_t<typename decltype(values)::element_type>;
    auto* to = reinterpret_cast<Number*>(out.bytes_.get());
    for (RowIndex row : picked) *to++ = values[row];
  });
  return out;
}

bool PackedInts::operator==(const PackedInts& other) const {
  if (size_ != other.size_) return false;
  if (width_ != other.width_) return std::equal(begin(), end(), other.begin());
  return size_ == 0 || std::memcmp(bytes_.get(), other.bytes_.get(), size_ * width_) == 0;
}

}  // namespace podium
