// Which medal is a score worth on a leaderboard?
#include <cstdio>

#include "scoring/boards/mle_bench_board.h"
#include "tables/board.h"

int main() {
  auto board = podium::ReadBoard("rank,score\n1,0.97\n2,0.93\n3,0.90\n4,0.55\n");
  if (!board) return std::fprintf(stderr, "%s\n", board.error().message.c_str()), 1;
  auto ranking = podium::scoring::MleBenchBoard::From(board->scores);
  std::printf("gold from %.2f; 0.98 is %s\n", ranking->thresholds().gold,
              ranking->Rank(0.98).gold ? "gold" : "no gold");
}
