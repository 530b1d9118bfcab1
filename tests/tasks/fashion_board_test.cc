#include "tasks/fashion_board.h"

#include <gtest/gtest.h>

namespace podium::tasks {
namespace {

std::string Readme(int rows) {
  std::string out =
      "# Fashion\n| Classifier | Preprocessing | Fashion test accuracy | MNIST | Submitter | Code "
      "|\n| --- | --- | --- | --- | --- | --- |\n";
  for (int i = 0; i < rows; ++i)
    out += "|Net " + std::to_string(i) + ", \"v2\" | None | 0.9" + std::to_string(10 + i) +
           "| - | x | y |\n";
  return out;
}

TEST(FashionBoardTest, ReadsRowsBestFirstAndKeepsTheCrowdApart) {
  auto board = FashionBoard(Readme(20) + "|Human Performance| crowd | 0.835 | - | Leo | - |\n");
  ASSERT_TRUE(board) << board.error().message;
  EXPECT_TRUE(board->starts_with("score,count,kind,source,verified\n0.929,1,published-result,"));
  EXPECT_NE(board->find("\"README of dataset-fashion-mnist: Net 19, \"\"v2\"\"\",no"),
            std::string::npos)
      << *board;
  EXPECT_TRUE(board->ends_with("majority\",no\n")) << *board;
}

TEST(FashionBoardTest, AReadmeWithoutTheTableIsAnError) {
  EXPECT_FALSE(FashionBoard("nothing here"));
  EXPECT_FALSE(FashionBoard(Readme(20)));  // no crowd
  EXPECT_FALSE(FashionBoard(Readme(5) + "|Human Performance| crowd | 0.835 | - | Leo | - |\n"));
}

}  // namespace
}  // namespace podium::tasks
