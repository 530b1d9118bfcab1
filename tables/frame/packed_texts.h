#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tables/frame/by_index.h"

namespace podium {

// Views of text in eight bytes each: an address of 48 bits and a length of 16. Texts that are
// longer, or lie higher, are kept beside. A missing text (data() == nullptr) stays one.
class PackedTexts {
 public:
  using value_type = std::string_view;
  using const_iterator = ByIndex<PackedTexts, std::string_view>;

  PackedTexts() = default;
  PackedTexts(std::size_t count, std::string_view text) { assign(count, text); }

  [[nodiscard]] std::size_t size() const { return words_.size(); }
  [[nodiscard]] bool empty() const { return words_.empty(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    std::uint64_t word = words_[i];
    std::uint64_t address = word & kAddress;
    std::size_t length = word >> kAddressBits;
    if (length == kBeside) return beside_[address];
    return {reinterpret_cast<const char*>(address), length};
  }
  [[nodiscard]] std::string_view back() const { return (*this)[size() - 1]; }
  [[nodiscard]] const_iterator begin() const { return {this, 0}; }
  [[nodiscard]] const_iterator end() const { return {this, size()}; }

  void push_back(std::string_view text) { words_.push_back(WordOf(text)); }
  void Set(std::size_t i, std::string_view text) { words_[i] = WordOf(text); }
  void assign(std::size_t count, std::string_view text) { words_.assign(count, WordOf(text)); }
  void reserve(std::size_t count) { words_.reserve(count); }
  void Append(const PackedTexts& more);
  [[nodiscard]] PackedTexts Take(std::span<const RowIndex> picked) const;

  // The bytes from the first to the last of some texts.
  [[nodiscard]] std::string_view Extent(std::size_t begin, std::size_t end) const;

 private:
  static constexpr unsigned kAddressBits = 48;
  static constexpr std::uint64_t kAddress = (std::uint64_t{1} << kAddressBits) - 1;
  static constexpr std::size_t kBeside = 0xFFFF;

  std::uint64_t WordOf(std::string_view text) {
    auto address = reinterpret_cast<std::uint64_t>(text.data());
    if (text.size() < kBeside && address <= kAddress) return address | text.size() << kAddressBits;
    beside_.push_back(text);
    return (beside_.size() - 1) | std::uint64_t{kBeside} << kAddressBits;
  }

  std::vector<std::uint64_t> words_;
  std::vector<std::string_view> beside_;
};

}  // namespace podium
