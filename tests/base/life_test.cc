#include "base/life.h"

#include <gtest/gtest.h>

#include <random>

namespace podium {
namespace {

// The rule as Gardner states it, cell by cell.
LifeBoard SlowStep(const LifeBoard& board) {
  LifeBoard out;
  for (int r = 0; r < LifeBoard::kSide; ++r) {
    for (int c = 0; c < LifeBoard::kSide; ++c) {
      int neighbours = 0;
      for (int dr = -1; dr <= 1; ++dr) {
        for (int dc = -1; dc <= 1; ++dc) {
          int nr = (r + dr + LifeBoard::kSide) % LifeBoard::kSide;
          int nc = (c + dc + LifeBoard::kSide) % LifeBoard::kSide;
          if (dr != 0 || dc != 0) neighbours += board.at(nr * LifeBoard::kSide + nc);
        }
      }
      int cell = r * LifeBoard::kSide + c;
      if (neighbours == 3 || (neighbours == 2 && board.at(cell))) out.Set(cell);
    }
  }
  return out;
}

TEST(LifeBoardTest, StepsAsTheRuleSays) {
  std::mt19937 random(7);
  for (int density = 1; density < 100; density += 7) {
    LifeBoard board;
    for (int cell = 0; cell < LifeBoard::kCells; ++cell) {
      if (static_cast<int>(random() % 100) < density) board.Set(cell);
    }
    ASSERT_EQ(board.Step(), SlowStep(board)) << "density " << density;
    ASSERT_EQ(board.Steps(3), SlowStep(SlowStep(SlowStep(board))));
  }
}

TEST(LifeBoardTest, AGliderComesBackAcrossTheEdges) {
  LifeBoard glider;
  for (int cell : {1, 27, 50, 51, 52}) glider.Set(cell);
  EXPECT_EQ(glider.Steps(4 * LifeBoard::kSide), glider);
  EXPECT_NE(glider.Steps(4), glider);
}

TEST(LifeBoardTest, DistanceCountsDifferingCells) {
  LifeBoard a, b;
  a.Set(0);
  b.Set(0);
  b.Set(624);
  EXPECT_EQ(a.Distance(b), 1);
  EXPECT_FALSE(b.empty());
  EXPECT_TRUE(LifeBoard{}.empty());
}

}  // namespace
}  // namespace podium
