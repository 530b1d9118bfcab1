#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace podium {

enum class BoardFormat {
  kPodium,     // "podium": score,count and more; a row stands for `count` entries
  kMleBench,   // "mle-bench": leaderboard.csv of a checkout; a row a team, best first
  kKaggle,     // "kaggle": a download of a finished competition's leaderboard; column Score
  kRankScore,  // "rank-score": MLE-Dojo's rank,score
};
std::string_view BoardFormatText(BoardFormat format);

// A leaderboard as it lies in a file.
struct Board {
  BoardFormat format = BoardFormat::kMleBench;
  std::vector<double> scores;  // one an entry, in the file's order; NaN where the cell is missing
};

// What a board must be. Own tasks are strict, and so are competitions in that mode.
enum class BoardRules {
  kAsMleBench,  // a missing score is NaN, and all scores may be the same
  kStrict,      // neither
};

// Reads any of the four, told apart by their columns. Numbers are read as pandas' default converter
// reads them. Errors (kGrader) name the line; a Git-LFS pointer, a web page, a compressed file,
// text that is not UTF-8 and a history of submissions instead of a board are recognised and
// explained.
[[nodiscard]] Result<Board> ReadBoard(std::string_view bytes,
                                      BoardRules rules = BoardRules::kAsMleBench);

// Whether there are several entries and all have one score: every medal line is then the same, and
// whoever reaches it has gold.
[[nodiscard]] bool AllEqual(const Board& board);

// Whether the bytes are a Git-LFS pointer instead of the file that it points to.
[[nodiscard]] bool IsLfsPointer(std::string_view bytes);
// What to do about a pointer: names `what` ("leaderboard.csv") and the size that it promises.
[[nodiscard]] std::string ExplainLfsPointer(std::string_view bytes, std::string_view what);

// Refuses the 20 best rows that Kaggle's API gives when a board is downloaded anew: every medal
// line of such a board is too hard. `known_rows` is how many the full board has, 0 if unknown (then
// only the API's own column set is suspect).
[[nodiscard]] Status CheckWholeBoard(const Board& board, std::size_t known_rows);

}  // namespace podium
