#include "tasks/hidden_split.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "base/csv.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "tasks/split_maker.h"
#include "tasks/split_rows.h"

namespace podium::tasks {
namespace {

HeldPart PartAt(const TaskPackage& task, const PreparedTask& prepared, const fs::path& dir,
                std::size_t rows) {
  HeldPart out{task, {}, rows};
  for (const auto& [name, share] : task.split->params_per_row)
    out.task.grader.params[name] =
        std::max<std::int64_t>(1, std::llround(share * static_cast<double>(rows)));
  out.prepared.public_dir = dir / "public";
  out.prepared.private_dir = dir / "private";
  out.prepared.board_file = prepared.board_file;  // no grading goes without; its places say nothing
  out.prepared.task_digest = task.digest;
  return out;
}

Result<HiddenSplit> SplitAt(const TaskPackage& task, const PreparedTask& prepared,
                            const fs::path& dir) {
  PODIUM_ASSIGN(auto text, ReadFile(dir / kSplitMark, 1 << 20));
  PODIUM_ASSIGN(auto mark, ParseJson(text, (dir / kSplitMark).string()));
  HiddenSplit out;
  out.agent.public_dir = dir / "agent";
  out.agent.private_dir = dir / "private";
  out.agent.task_digest = task.digest;
  out.search = PartAt(task, prepared, dir / "search", JsonOr<std::size_t>(mark, "search_rows", 0));
  out.choice = PartAt(task, prepared, dir / "choice", JsonOr<std::size_t>(mark, "choice_rows", 0));
  PODIUM_ASSIGN(out.digest, Digest::Parse(JsonOr<std::string>(mark, "digest", "")));
  return out;
}

// By what it was made with: another word in task.yaml makes another.
fs::path SplitDir(const TaskPackage& task, const PreparedTask& prepared) {
  const SplitSpec& s = *task.split;
  std::string all = s.table + "\n" + s.test + "\n" + s.id + "\n" + s.target + "\n" +
                    FormatDouble(s.fraction) + "\n" + s.group + "\n" + s.time + "\n" +
                    task.digest.hex();
  return prepared.public_dir.parent_path().string() + "-split-" +
         Digest::Of(all).hex().substr(0, 8);
}

}  // namespace

Status CheckSplittable(const TaskPackage& task) {
  if (!task.split)
    return Fail(ErrorCode::kConfig,
                (task.dir / "task.yaml").string() + ": task '" + task.id.str() +
                    "' does not say how its training rows can be split, so none can be hidden from "
                    "an agent: leave search.feedback and search.selection at something else than "
                    "hidden, or give it `split: {table: train.csv, id: id, target: COLUMN, "
                    "fraction: 0.2}` (docs/agents.md)");
  if (!task.grader.competition.empty())
    return UnfitForSplit(task,
                         "a competition's own grader cannot grade a part of the training rows");
  return {};
}

Result<HiddenSplit> PrepareHiddenSplit(const TaskPackage& task, const PreparedTask& prepared,
                                       Deadline deadline) {
  PODIUM_TRY(CheckSplittable(task));
  fs::path dir = SplitDir(task, prepared);
  std::optional<FileLock> lock;
  for (;;) {
    PODIUM_ASSIGN(lock, FileLock::TryTake(dir.string() + ".lock"));
    if (lock) break;
    if (deadline.expired())
      return Fail(ErrorCode::kTimeout, "another process makes " + dir.string());
    std::this_thread::sleep_for(kPreparePoll);
  }
  std::error_code ec;
  if (fs::exists(dir / kSplitMark, ec)) return SplitAt(task, prepared, dir);
  fs::path part = dir.string() + ".part";
  PODIUM_TRY(RemoveTree(part));
  PODIUM_TRY(MakeSplit(task, prepared, part));
  PODIUM_TRY(RemoveTree(dir));
  fs::rename(part, dir, ec);
  if (ec) return Fail(ErrorCode::kIo, "cannot rename " + part.string() + ": " + ec.message());
  return SplitAt(task, prepared, dir);
}

namespace {

struct OwnId {
  SplitPart part;
  std::string id;
};

Result<std::vector<OwnId>> ReadIds(const HiddenSplit& split) {
  PODIUM_ASSIGN(auto text, ReadFile(split.agent.private_dir / kSplitIds));
  CsvReader reader(text);
  std::vector<std::string_view> cells;
  std::vector<OwnId> out;
  for (;;) {
    PODIUM_ASSIGN(bool more, reader.Next(cells));
    if (!more) return out;
    if (cells.size() != 2 || cells[0].size() != 1)
      return Fail(ErrorCode::kIo, (split.agent.private_dir / kSplitIds).string() + " is damaged");
    out.push_back({static_cast<SplitPart>(cells[0][0]), std::string(cells[1])});
  }
}

// The place that an id names, from 0; "12" and "12.0" are one.
std::optional<std::size_t> PlaceOf(std::string_view id, std::size_t count) {
  std::string text(id);
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  bool whole = !text.empty() && *end == 0 && value >= 1 && value <= static_cast<double>(count) &&
               std::floor(value) == value;
  if (!whole) return std::nullopt;
  return static_cast<std::size_t>(value) - 1;
}

}  // namespace

Status TakeHeldRows(const HiddenSplit& split, const fs::path& file, const fs::path& search,
                    const fs::path& choice) {
  PODIUM_ASSIGN(auto ids, ReadIds(split));
  PODIUM_ASSIGN(auto rows, SplitRows::Open(split.search.task, file));
  PODIUM_ASSIGN(std::size_t id, rows.Need(split.search.task.split->id));
  std::map<SplitPart, std::string> out;
  for (SplitPart part : {SplitPart::kTest, SplitPart::kSearch, SplitPart::kChoice})
    out[part] = SplitLine(rows.names());
  std::vector<std::string_view> cells;
  for (;;) {
    PODIUM_ASSIGN(bool more, rows.Next(cells));
    if (!more) break;
    auto place = PlaceOf(cells[id], ids.size());
    if (!place)
      return Fail(ErrorCode::kUsage, "id '" + Printable(cells[id].substr(0, 40)) +
                                         "' is none of sample_submission.csv");
    std::vector<std::string> line(cells.begin(), cells.end());
    const OwnId& own = ids[*place];
    if (own.part == SplitPart::kTest) line[id] = own.id;
    out[own.part] += SplitLine(line);
  }
  PODIUM_TRY(WriteFileAtomic(search, out[SplitPart::kSearch]));
  PODIUM_TRY(WriteFileAtomic(choice, out[SplitPart::kChoice]));
  return WriteFileAtomic(file, out[SplitPart::kTest]);
}

}  // namespace podium::tasks
