#include "tasks/board_check.h"

#include "base/files.h"
#include "base/foreign_folder.h"
#include "tables/board.h"

namespace podium::tasks {
namespace {

constexpr std::uint64_t kMaxBoardBytes = std::uint64_t{64} << 20;

Status CheckBytes(const TaskPackage& task, std::string_view bytes) {
  bool strict = task.grader.competition.empty() || task.grader.mode == "strict";
  PODIUM_ASSIGN(auto board,
                ReadBoard(bytes, strict ? BoardRules::kStrict : BoardRules::kAsMleBench));
  if (task.grader.competition.empty()) return {};
  const auto& lines = task.leaderboard.lines;
  return CheckWholeBoard(board, lines ? static_cast<std::size_t>(lines->rows) : 0);
}

Status Checked(const TaskPackage& task, const fs::path& file, const Result<std::string>& bytes) {
  if (!bytes) return tl::unexpected(bytes.error());
  if (auto good = CheckBytes(task, *bytes); !good)
    return Fail(ErrorCode::kConfig, file.string() + ": " + good.error().message);
  return {};
}

}  // namespace

Status CheckBoard(const TaskPackage& task, const fs::path& board) {
  if (board.empty()) return {};
  return Checked(task, board, ReadFile(board, kMaxBoardBytes));
}

Status CheckShippedBoard(const TaskPackage& task) {
  if (task.leaderboard.prepared || task.leaderboard.file.empty()) return {};
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(task.dir));
  return Checked(task, task.dir / task.leaderboard.file,
                 folder.Read(task.leaderboard.file, kMaxBoardBytes));
}

}  // namespace podium::tasks
