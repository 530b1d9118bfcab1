#include "base/life.h"

#include <bit>

namespace podium {
namespace {

constexpr int kSide = LifeBoard::kSide;

std::uint32_t West(std::uint32_t row) {
  return ((row << 1) | (row >> (kSide - 1))) & LifeBoard::kMask;
}
std::uint32_t East(std::uint32_t row) {
  return ((row >> 1) | (row << (kSide - 1))) & LifeBoard::kMask;
}

// Two-bit sums, one a column.
struct Sum {
  std::uint32_t ones;
  std::uint32_t twos;
};

Sum AddThree(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  return {a ^ b ^ c, (a & b) | (c & (a ^ b))};
}

}  // namespace

bool LifeBoard::empty() const {
  std::uint32_t any = 0;
  for (std::uint32_t row : rows) any |= row;
  return any == 0;
}

LifeBoard LifeBoard::Step() const {
  LifeBoard out;
  for (int r = 0; r < kSide; ++r) {
    std::uint32_t above = rows[(r + kSide - 1) % kSide];
    std::uint32_t here = rows[r];
    std::uint32_t below = rows[(r + 1) % kSide];
    Sum a = AddThree(West(above), above, East(above));
    Sum b = AddThree(West(below), below, East(below));
    std::uint32_t sides_one = West(here) ^ East(here);
    std::uint32_t sides_two = West(here) & East(here);
    // Neighbour count = ones + 2 * (the four numbers of weight two); alive next when it is 3, or 2
    // and alive now. So exactly one of the weight-two numbers is set, and ones or the cell itself.
    Sum ones = AddThree(a.ones, b.ones, sides_one);
    std::uint32_t x = a.twos ^ b.twos;
    std::uint32_t y = sides_two ^ ones.twos;
    std::uint32_t pairs = (a.twos & b.twos) | (sides_two & ones.twos) | (x & y);
    out.rows[r] = (x ^ y) & ~pairs & (ones.ones | here) & kMask;
  }
  return out;
}

LifeBoard LifeBoard::Steps(int n) const {
  LifeBoard board = *this;
  for (int i = 0; i < n; ++i) board = board.Step();
  return board;
}

int LifeBoard::Distance(const LifeBoard& other) const {
  int count = 0;
  for (int r = 0; r < kSide; ++r) count += std::popcount(rows[r] ^ other.rows[r]);
  return count;
}

}  // namespace podium
