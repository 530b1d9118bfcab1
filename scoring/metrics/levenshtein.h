#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace podium::scoring {

// Edit distances (insert, delete, replace one symbol, each cost 1) by Myers' bit-parallel algorithm
// (1999) in Hyyro's blocked form (2003): O(|a| * |b| / 64) time, O(|a| + |b|) memory, which is kept
// from one pair to the next. One thread's.
class EditDistances {
 public:
  [[nodiscard]] std::size_t Of(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);
  // The same over the code points of valid UTF-8.
  [[nodiscard]] std::size_t OfTexts(std::string_view a, std::string_view b);

 private:
  struct Block {
    std::uint64_t up = ~std::uint64_t{0};  // vertical +1
    std::uint64_t down = 0;                // vertical -1
  };
  static int Advance(Block& block, std::uint64_t equal, int carry, unsigned last);
  template <class Symbol>
  std::size_t OfShorter(std::span<const Symbol> pattern, std::span<const Symbol> text);
  template <class Symbol>
  void SetPlaces(std::span<const Symbol> pattern);
  template <class Symbol>
  [[nodiscard]] const std::uint64_t* PlacesOf(Symbol symbol) const;

  static constexpr std::size_t kSmall = 256;
  // For each symbol and block of 64 places, the places where the pattern has it.
  std::vector<std::uint64_t> small_;
  std::vector<std::uint64_t> none_;
  std::unordered_map<std::uint32_t, std::vector<std::uint64_t>> large_;
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> left_;
  std::vector<std::uint32_t> right_;
};

}  // namespace podium::scoring
