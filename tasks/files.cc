#include "base/foreign_folder.h"
#include "tasks/builtins.h"

namespace podium::tasks {

// A task whose tables lie in its own package, under data/public, data/private and (where the board
// is prepared) data/board.
Status BuildFiles(const BuildContext& context) {
  PODIUM_ASSIGN(auto package, ForeignFolder::Open(context.task.dir));
  PODIUM_ASSIGN(auto data, package.Folder("data"));
  PODIUM_ASSIGN(auto entries, data.List());
  for (const auto& entry : entries) {
    if (entry.folder) continue;
    const std::string& path = entry.name;
    bool known =
        path.starts_with("public/") || path.starts_with("private/") || path.starts_with("board/");
    if (!known)
      return Fail(ErrorCode::kConfig, (data.path() / path).string() +
                                          ": only regular files under public/, private/ and board/ "
                                          "belong in a package's data folder");
    context.progress("copying " + path);
    PODIUM_ASSIGN(auto bytes, data.Read(path, std::uint64_t{1} << 32));
    PODIUM_TRY(context.Write(path, bytes));
  }
  return {};
}

}  // namespace podium::tasks
