#include "tables/board.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "base/csv.h"
#include "base/text.h"
#include "tables/frame/unpack.h"
#include "tables/pandas_number.h"

namespace podium {
namespace {

constexpr std::size_t kMaxEntries = 10'000'000;
constexpr std::size_t kApiPage = 20;
constexpr std::string_view kLfsHead = "version https://git-lfs.github.com/spec/";

// Where the columns that matter are.
struct Columns {
  BoardFormat format = BoardFormat::kMleBench;
  std::size_t score = 0;
  std::optional<std::size_t> count;
  std::optional<std::size_t> team;
  BoardRules rules = BoardRules::kAsMleBench;
};

tl::unexpected<Error> Complain(std::string message) {
  return Fail(ErrorCode::kGrader, std::move(message));
}

Result<Columns> FindColumns(const std::vector<std::string_view>& header) {
  auto where = [&](std::string_view name) -> std::optional<std::size_t> {
    auto found = std::ranges::find(header, name);
    if (found == header.end()) return std::nullopt;
    return static_cast<std::size_t>(found - header.begin());
  };
  auto first = [&](std::string_view a, std::string_view b) {
    return where(a) ? where(a) : where(b);
  };
  auto score = first("score", "Score");
  if (!score) {
    std::string seen;
    for (std::string_view name : header)
      seen += (seen.empty() ? "" : ", ") + Printable(name.substr(0, 40));
    return Complain("the leaderboard has no column 'score' (or Kaggle's 'Score'); its columns: " +
                    seen.substr(0, 400));
  }
  Columns columns{BoardFormat::kMleBench, *score, where("count"), first("TeamId", "teamId")};
  if (columns.count) {
    columns.format = BoardFormat::kPodium;
  } else if (!where("score")) {
    columns.format = BoardFormat::kKaggle;
  } else if (header.size() == 2 && where("rank")) {
    columns.format = BoardFormat::kRankScore;
  }
  return columns;
}

// How many entries a row stands for.
Result<std::size_t> CountOf(const Columns& columns, const std::vector<std::string_view>& cells,
                            std::size_t so_far, const std::string& place) {
  if (!columns.count) return 1;
  auto count = PandasDefaultNumber(cells[*columns.count]);
  bool whole = count && *count >= 1 && *count == std::floor(*count);
  if (!whole) return Complain(place + ": expected a whole count of 1 or more");
  if (*count > static_cast<double>(kMaxEntries - so_far))
    return Complain(place + ": the board has more than " + std::to_string(kMaxEntries) +
                    " entries");
  return static_cast<std::size_t>(*count);
}

Status AddRow(const Columns& columns, const std::vector<std::string_view>& cells,
              const std::string& place, Board& board) {
  if (cells.size() <= std::max(columns.score, columns.count.value_or(0)))
    return Complain(place + " is too short");
  std::string_view cell = cells[columns.score];
  double score = std::numeric_limits<double>::quiet_NaN();
  if (IsPandasMissing(cell) && columns.rules == BoardRules::kStrict)
    return Complain(place + " has no score");
  if (!IsPandasMissing(cell)) {
    auto number = PandasDefaultNumber(cell);
    if (!number)
      return Complain(place + ": '" + Printable(cell.substr(0, 60)) + "' is not a finite score");
    score = *number;
  }
  PODIUM_ASSIGN(auto count, CountOf(columns, cells, board.scores.size(), place));
  if (board.scores.size() + count > kMaxEntries)
    return Complain(place + ": the board has more than " + std::to_string(kMaxEntries) +
                    " entries");
  board.scores.insert(board.scores.end(), count, score);
  return {};
}

Status CheckIsTable(std::string_view bytes) {
  if (IsLfsPointer(bytes)) return Complain(ExplainLfsPointer(bytes, "the leaderboard"));
  auto start = bytes.find_first_not_of(" \r\n\t");
  if (start != std::string_view::npos && bytes[start] == '<')
    return Complain("the leaderboard is a web page, not a table: the download needed a login");
  if (IsPacked(bytes))
    return Complain("the leaderboard is a gzip or ZIP file, not a table: unpack it");
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF"))
    return Complain("the leaderboard is text in UTF-16, not in UTF-8");
  return {};
}

}  // namespace

std::string_view BoardFormatText(BoardFormat format) {
  static constexpr std::string_view kTexts[] = {"podium", "mle-bench", "kaggle", "rank-score"};
  return kTexts[static_cast<std::size_t>(format)];
}

bool IsLfsPointer(std::string_view bytes) { return bytes.starts_with(kLfsHead); }

std::string ExplainLfsPointer(std::string_view bytes, std::string_view what) {
  std::string promised;
  if (auto at = bytes.find("\nsize "); at != std::string_view::npos) {
    std::string_view size = bytes.substr(at + 6);
    size = size.substr(0, size.find_first_not_of("0123456789"));
    if (!size.empty()) promised = " (" + std::string(size.substr(0, 20)) + " bytes)";
  }
  return std::string(what) + " is a Git-LFS pointer, not the file" + promised +
         ": run `git lfs install && git lfs pull` in the checkout";
}

bool AllEqual(const Board& board) {
  return board.scores.size() > 1 &&
         std::ranges::all_of(board.scores, [&](double s) { return s == board.scores.front(); });
}

Result<Board> ReadBoard(std::string_view bytes, BoardRules rules) {
  PODIUM_TRY(CheckIsTable(bytes));
  CsvReader reader(bytes);
  std::vector<std::string_view> cells;
  PODIUM_ASSIGN(bool any, reader.Next(cells));
  if (!any) return Complain("the leaderboard is empty");
  PODIUM_ASSIGN(auto columns, FindColumns(cells));
  columns.rules = rules;
  Board board;
  board.format = columns.format;
  std::set<std::string, std::less<>> teams;
  for (;;) {
    PODIUM_ASSIGN(bool more, reader.Next(cells));
    if (!more) break;
    std::string place = "line " + std::to_string(reader.line()) + " of the leaderboard";
    PODIUM_TRY(AddRow(columns, cells, place, board));
    if (!columns.team || *columns.team >= cells.size() || cells[*columns.team].empty()) continue;
    if (!teams.emplace(cells[*columns.team]).second)
      return Complain(place + ": team " + Printable(cells[*columns.team].substr(0, 40)) +
                      " is there twice: this is a history of submissions, not a leaderboard");
  }
  if (board.scores.empty()) return Complain("the leaderboard has no rows");
  if (rules == BoardRules::kStrict && AllEqual(board))
    return Complain("every line of the leaderboard has the same score, " +
                    FormatDouble(board.scores.front()) + ": whoever reaches it would have gold");
  return board;
}

Status CheckWholeBoard(const Board& board, std::size_t known_rows) {
  bool page = board.scores.size() == kApiPage;
  bool suspect =
      known_rows > kApiPage || (known_rows == 0 && board.format == BoardFormat::kMleBench);
  if (!page || !suspect) return {};
  return Complain(
      "the leaderboard has 20 rows" +
      (known_rows ? " where the whole one has about " + std::to_string(known_rows)
                  : std::string()) +
      ": Kaggle's API gives only the 20 best teams when a board is downloaded anew, and "
      "every medal line of such a board is too hard. Use the one in the checkout (git lfs pull)");
}

}  // namespace podium
