#pragma once

#include <array>
#include <cstdint>

namespace podium {

// A board of Conway's Life (B3/S23) on a torus of 25 by 25 cells, one bit a cell: bit c of rows[r]
// is row r, column c. Cell number i of a table is row i / 25, column i % 25.
struct LifeBoard {
  static constexpr int kSide = 25;
  static constexpr int kCells = kSide * kSide;
  static constexpr std::uint32_t kMask = (1u << kSide) - 1;

  std::array<std::uint32_t, kSide> rows{};

  [[nodiscard]] bool at(int cell) const { return (rows[cell / kSide] >> (cell % kSide)) & 1u; }
  void Set(int cell) { rows[cell / kSide] |= 1u << (cell % kSide); }
  [[nodiscard]] bool empty() const;

  // The board one generation later; all cells of a row at once, by bitwise addition of neighbour
  // counts.
  [[nodiscard]] LifeBoard Step() const;
  [[nodiscard]] LifeBoard Steps(int n) const;

  // How many cells differ.
  [[nodiscard]] int Distance(const LifeBoard& other) const;

  friend bool operator==(const LifeBoard&, const LifeBoard&) = default;
};

}  // namespace podium
