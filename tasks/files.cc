#include "base/files.h"

#include <algorithm>

#include "tasks/builtins.h"

namespace podium::tasks {

// A task whose tables lie in its own package, under data/public, data/private and (where the board
// is prepared) data/board.
Status BuildFiles(const BuildContext& context) {
  const fs::path data = context.task.dir / "data";
  std::error_code ec;
  for (const auto& entry : fs::recursive_directory_iterator(data, ec)) {
    fs::file_status status = entry.symlink_status();
    if (fs::is_directory(status)) continue;
    std::string path = entry.path().lexically_relative(data).generic_string();
    bool known =
        path.starts_with("public/") || path.starts_with("private/") || path.starts_with("board/");
    if (!known || !fs::is_regular_file(status)) {
      return Fail(ErrorCode::kConfig, entry.path().string() +
                                          ": only regular files under public/, private/ and board/ "
                                          "belong in a package's data folder");
    }
    context.progress("copying " + path);
    PODIUM_ASSIGN(auto bytes, ReadFile(entry.path()));
    PODIUM_TRY(context.Write(path, bytes));
  }
  if (ec)
    return Fail(ErrorCode::kConfig,
                "cannot read the task's folder " + data.string() + ": " + ec.message());
  return {};
}

}  // namespace podium::tasks
