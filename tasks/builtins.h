#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/foreign_folder.h"
#include "base/result.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// What a builtin works with. `out` holds the empty folders public, private and board.
struct BuildContext {
  const TaskPackage& task;
  fs::path out;
  std::map<std::string, fs::path> debs;  // Debian package to the downloaded file
  std::function<void(std::string_view)> progress;
  fs::path cache;

  // The package's data, wherever they lie (tasks/data_source.h).
  [[nodiscard]] Result<ForeignFolder> OpenData() const;
  // A parameter of task.yaml's prepare.params that must be there and lie in [1, max].
  [[nodiscard]] Result<std::int64_t> Param(const std::string& name, std::int64_t max) const;
  // Writes out/<path>.
  [[nodiscard]] Status Write(const std::string& path, std::string_view bytes) const;
  // The bytes of some files inside a downloaded package; each must be there.
  [[nodiscard]] Result<std::map<std::string, std::string>> Unpack(
      const std::string& package, const std::vector<std::string>& paths) const;
};

// One way of making a task's tables; its function writes every file that task.yaml pins, and
// nothing else.
struct Builtin {
  std::string_view name;
  std::string_view what;
  Status (*build)(const BuildContext&);
};

// The catalogue, sorted by name.
[[nodiscard]] std::span<const Builtin> Builtins();

Status BuildConway(const BuildContext& context);
Status BuildPoker(const BuildContext& context);
Status BuildUnimelb(const BuildContext& context);
Status BuildFashion(const BuildContext& context);
Status BuildMleBench(const BuildContext& context);
Status BuildFiles(const BuildContext& context);
Status BuildCoil(const BuildContext& context);

}  // namespace podium::tasks
