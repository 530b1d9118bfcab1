#include "tasks/prepare.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "tasks/builtins.h"
#include "tasks/deb_package.h"
#include "tasks/version_history.h"

namespace podium::tasks {
namespace {

constexpr const char* kMark = "prepared.json";
constexpr const char* kBoard = "package.csv";  // the package's own board, as it was when prepared

fs::path TaskDir(const TaskPackage& task, const fs::path& cache) {
  return cache / "tasks" / task.id.str() / task.digest.hex().substr(0, 16);
}

PreparedTask At(const TaskPackage& task, const fs::path& dir) {
  PreparedTask out;
  out.public_dir = dir / "public";
  out.private_dir = dir / "private";
  if (!task.leaderboard.file.empty())
    out.board_file = dir / "board" / (task.leaderboard.prepared ? task.leaderboard.file : kBoard);
  out.task_digest = task.digest;
  return out;
}

Result<const Builtin*> FindBuiltin(const TaskPackage& task) {
  std::vector<std::string> names;
  for (const Builtin& builtin : Builtins()) {
    if (builtin.name == task.prepare.builtin) return &builtin;
    names.emplace_back(builtin.name);
  }
  return Fail(ErrorCode::kConfig, (task.dir / "task.yaml").string() + ": no builtin '" +
                                      task.prepare.builtin + "' makes tables." +
                                      Suggest(task.prepare.builtin, names) +
                                      " There are: " + Join(names, ", ") + ".");
}

Result<FileLock> WaitForLock(const fs::path& path,
                             const std::function<void(std::string_view)>& progress,
                             Deadline deadline) {
  for (bool told = false;;) {
    PODIUM_ASSIGN(auto lock, FileLock::TryTake(path));
    if (lock) return std::move(*lock);
    if (!told) progress("another process is preparing this task; waiting for it");
    told = true;
    if (deadline.expired())
      return Fail(ErrorCode::kTimeout,
                  "another process has been preparing the task too long (" + path.string() + ")");
    std::this_thread::sleep_for(kPreparePoll);
  }
}

// Downloads the packages into `context.debs`. Says which of them are not the pinned bytes.
Result<std::vector<std::string>> FetchPackages(BuildContext& context, const fs::path& cache,
                                               Deadline deadline) {
  std::vector<std::string> rebuilt;
  for (const DataPackage& package : context.task.prepare.packages) {
    context.progress("fetching the Debian package " + package.name + " " + package.version);
    PODIUM_ASSIGN(auto deb, FetchDeb(package, cache, deadline));
    context.debs[package.name] = deb.path;
    if (!deb.pinned) rebuilt.push_back(package.name);
  }
  return rebuilt;
}

tl::unexpected<Error> NotPinned(const TaskPackage& task, const std::string& what) {
  return Fail(ErrorCode::kConfig, (task.dir / "task.yaml").string() + ": " + what +
                                      " not pinned yet. `podium tasks pin " + task.dir.string() +
                                      "` makes the tables and writes their digests.");
}

Status CheckTables(const TaskPackage& task, const fs::path& dir) {
  if (task.tables.empty()) return NotPinned(task, "the tables are");
  for (const auto& [path, pinned] : task.tables) {
    if (!fs::is_regular_file(dir / path)) {
      return Fail(ErrorCode::kConfig, (task.dir / "task.yaml").string() + ": tables names " + path +
                                          ", which its builtin '" + task.prepare.builtin +
                                          "' does not make");
    }
    PODIUM_ASSIGN(auto digest, DigestFile(dir / path));
    if (digest == pinned) continue;
    if (pinned == Digest()) return NotPinned(task, path + " is");
    return Fail(ErrorCode::kDigest, task.id.str() + ": the table " + path + " has digest " +
                                        digest.hex() + ", task.yaml pins " + pinned.hex() +
                                        ". The data differ from those of the task, so scores would "
                                        "not compare; nothing was kept.");
  }
  return {};
}

// Every file that the builtin made must be pinned: nothing unchecked reaches an agent.
Status CheckNothingElse(const TaskPackage& task, const fs::path& dir) {
  std::error_code ec;
  for (const auto& entry : fs::recursive_directory_iterator(dir, ec)) {
    if (entry.is_directory()) continue;
    std::string path = entry.path().lexically_relative(dir).generic_string();
    if (task.tables.contains(path)) continue;
    PODIUM_ASSIGN(auto digest, DigestFile(entry.path()));
    return Fail(ErrorCode::kConfig, (task.dir / "task.yaml").string() + ": tables does not pin " +
                                        path + ", which preparation makes; add \"" + path +
                                        "\": " + digest.hex());
  }
  if (ec) return Fail(ErrorCode::kIo, "cannot list " + dir.string() + ": " + ec.message());
  return {};
}

Status MakeTables(const BuildContext& context, const Builtin& builtin) {
  for (const char* sub : {"public", "private", "board"}) PODIUM_TRY(MakeDirs(context.out / sub));
  return builtin.build(context);
}

Status CopyBoard(const BuildContext& context) {
  const LeaderboardSpec& board = context.task.leaderboard;
  if (board.file.empty() || board.prepared) return {};
  PODIUM_ASSIGN(auto package, ForeignFolder::Open(context.task.dir));
  PODIUM_ASSIGN(auto csv, package.Read(board.file, 64 << 20));
  return context.Write(std::string("board/") + kBoard, csv);
}

// Whatever the umask was: what an agent is given can be read by its user, the answers by their
// owner alone. Files that have a second name elsewhere keep their modes.
Status SetModes(const fs::path& dir) {
  std::error_code ec;
  auto set = [&](const fs::path& path, int mode) {
    if (!ec) fs::permissions(path, fs::perms(mode), ec);
  };
  set(dir, 0755);
  set(dir / "public", 0755);
  for (auto it = fs::recursive_directory_iterator(dir / "public", ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    bool folder = it->is_directory(ec);
    if (folder || (!ec && it->hard_link_count(ec) == 1)) set(it->path(), folder ? 0755 : 0644);
  }
  set(dir / "private", 0700);
  if (ec)
    return Fail(ErrorCode::kIo, "cannot set the modes in " + dir.string() + ": " + ec.message());
  return {};
}

Status Build(const BuildContext& context, const Builtin& builtin) {
  PODIUM_TRY(MakeTables(context, builtin));
  PODIUM_TRY(CheckTables(context.task, context.out));
  // A competition's images are too many to pin: only its tables are.
  if (context.task.grader.competition.empty())
    PODIUM_TRY(CheckNothingElse(context.task, context.out));
  PODIUM_TRY(context.Write("public/description.md", context.task.description));
  PODIUM_ASSIGN(auto made, ForeignFolder::Open(context.out / "public"));
  PODIUM_TRY(RefuseVersionHistory(made));
  PODIUM_TRY(CopyBoard(context));
  return SetModes(context.out);
}

// A cache whose modes were changed since: the host's failure, found before an agent meets it.
Status CheckReadable(const PreparedTask& task) {
  std::error_code ec;
  for (const fs::path& path :
       {task.public_dir, task.public_dir / "description.md", task.sample_submission()}) {
    auto perms = fs::status(path, ec).permissions();
    bool folder = path == task.public_dir;
    auto wanted = folder ? fs::perms::others_read | fs::perms::others_exec : fs::perms::others_read;
    if (!ec && (perms & wanted) == wanted) continue;
    return Fail(ErrorCode::kUnavailable,
                path.string() + " cannot be read by the agent's user" +
                    (ec ? " (" + ec.message() + ")" : "") + ": chmod -R a+rX " +
                    task.public_dir.string() + ", or remove " +
                    task.public_dir.parent_path().string() + " and it is made again");
  }
  return {};
}

Status Publish(const fs::path& staging, const fs::path& dir,
               const std::vector<std::string>& notes) {
  Json mark = {{"schema", "podium-prepared/1"}, {"notes", notes}};
  PODIUM_TRY(WriteFileAtomic(staging / kMark, DumpJson(mark) + "\n", 0444));
  PODIUM_TRY(RemoveTree(dir));
  std::error_code ec;
  fs::rename(staging, dir, ec);
  if (ec)
    return Fail(ErrorCode::kIo,
                "cannot rename " + staging.string() + " to " + dir.string() + ": " + ec.message());
  return {};
}

}  // namespace

Result<std::optional<PreparedTask>> FindPrepared(const TaskPackage& task, const fs::path& cache) {
  fs::path dir = TaskDir(task, cache);
  PreparedTask out = At(task, dir);
  std::error_code ec;
  // A cache of an earlier Podium lacks the board: it is prepared again.
  bool whole = out.board_file.empty() || fs::exists(out.board_file, ec);
  if (!whole || !fs::exists(dir / kMark, ec)) return std::nullopt;
  PODIUM_ASSIGN(auto text, ReadFile(dir / kMark, 1 << 20));
  PODIUM_ASSIGN(auto mark, ParseJson(text, (dir / kMark).string()));
  PODIUM_TRY(CheckReadable(out));
  out.notes = JsonOr<std::vector<std::string>>(mark, "notes", {});
  return out;
}

Result<PreparedTask> Prepare(const TaskPackage& task, const fs::path& cache,
                             const std::function<void(std::string_view)>& progress,
                             Deadline deadline) {
  PODIUM_ASSIGN(auto there, FindPrepared(task, cache));
  if (there) return std::move(*there);
  PODIUM_ASSIGN(const Builtin* builtin, FindBuiltin(task));
  fs::path dir = TaskDir(task, cache);
  PODIUM_TRY(MakeDirs(dir.parent_path()));
  PODIUM_ASSIGN(auto lock, WaitForLock(dir.string() + ".lock", progress, deadline));
  PODIUM_ASSIGN(there, FindPrepared(task, cache));
  if (there) return std::move(*there);

  BuildContext context{task, dir.string() + ".part", {}, progress, cache};
  PODIUM_TRY(RemoveTree(context.out));  // of a preparation that was killed
  PODIUM_ASSIGN(auto rebuilt, FetchPackages(context, cache, deadline));
  auto built = Build(context, *builtin);
  if (!built) {
    (void)RemoveTree(context.out);
    return tl::unexpected(built.error());
  }
  std::vector<std::string> notes;
  for (const std::string& name : rebuilt) {
    notes.push_back(
        "the Debian package " + name +
        " is another build than the pinned one; its tables are the same, so it is accepted");
  }
  PODIUM_TRY(Publish(context.out, dir, notes));
  PreparedTask out = At(task, dir);
  out.notes = std::move(notes);
  return out;
}

Result<std::map<std::string, Digest>> MeasureTables(
    const TaskPackage& task, const fs::path& cache,
    const std::function<void(std::string_view)>& progress, Deadline deadline) {
  PODIUM_ASSIGN(const Builtin* builtin, FindBuiltin(task));
  PODIUM_ASSIGN(auto temp, TempDir::Make("podium-tables"));
  BuildContext context{task, temp.path(), {}, progress, cache};
  PODIUM_TRY(FetchPackages(context, cache, deadline));
  PODIUM_TRY(MakeTables(context, *builtin));
  std::map<std::string, Digest> out;
  for (const auto& entry : fs::recursive_directory_iterator(temp.path())) {
    if (entry.is_directory()) continue;
    std::string path = entry.path().lexically_relative(temp.path()).generic_string();
    PODIUM_ASSIGN(out[path], DigestFile(entry.path()));
  }
  return out;
}

}  // namespace podium::tasks
