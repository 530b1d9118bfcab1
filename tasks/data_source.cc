#include "tasks/data_source.h"

#include "base/files.h"

namespace podium::tasks {
namespace {

// By the package's place, so that its author may go on editing it.
fs::path NoteOf(const TaskPackage& task, const fs::path& cache) {
  std::error_code ec;
  fs::path place = fs::weakly_canonical(task.dir, ec);
  std::string key = task.id.str() + '\0' + (ec ? task.dir : place).string();
  return cache / "data-folders" / Digest::Of(key).hex();
}

}  // namespace

Status RememberDataFolder(const TaskPackage& task, const fs::path& cache, const fs::path& data) {
  PODIUM_TRY(MakeDirs(cache / "data-folders"));
  return WriteFileAtomic(NoteOf(task, cache), fs::absolute(data).string());
}

Result<ForeignFolder> OpenDataFolder(const TaskPackage& task, const fs::path& cache) {
  PODIUM_ASSIGN(auto package, ForeignFolder::Open(task.dir));
  auto own = package.Folder("data");
  if (own || own.error().code != ErrorCode::kNotFound) return own;
  std::error_code ec;
  if (!fs::exists(NoteOf(task, cache), ec))
    return Fail(ErrorCode::kConfig,
                task.id.str() + ": its data are not there (" + (task.dir / "data").string() +
                    "). Prepare them with mle-bench and import again with --data DIR");
  PODIUM_ASSIGN(auto place, ReadFile(NoteOf(task, cache), 1 << 16));
  auto folder = ForeignFolder::Open(place);
  if (folder) return folder;
  return Fail(ErrorCode::kConfig, task.id.str() + ": its data are not there any more: " +
                                      folder.error().message + ". Import again with --data DIR");
}

}  // namespace podium::tasks
