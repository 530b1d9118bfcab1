#include "tasks/builtins.h"

#include "base/files.h"
#include "tasks/data_source.h"
#include "tasks/deb_package.h"

namespace podium::tasks {

Result<std::int64_t> BuildContext::Param(const std::string& name, std::int64_t max) const {
  auto found = task.prepare.params.find(name);
  if (found != task.prepare.params.end() && found->second >= 1 && found->second <= max)
    return found->second;
  return Fail(ErrorCode::kConfig, (task.dir / "task.yaml").string() + ": prepare.params." + name +
                                      " must be a whole number from 1 to " + std::to_string(max));
}

Result<ForeignFolder> BuildContext::OpenData() const { return OpenDataFolder(task, cache); }

Status BuildContext::Write(const std::string& path, std::string_view bytes) const {
  PODIUM_TRY(MakeDirs((out / path).parent_path()));
  return WriteFileAtomic(out / path, bytes);
}

Result<std::map<std::string, std::string>> BuildContext::Unpack(
    const std::string& package, const std::vector<std::string>& paths) const {
  auto found = debs.find(package);
  if (found == debs.end()) {
    return Fail(ErrorCode::kConfig,
                (task.dir / "task.yaml").string() + ": prepare.packages does not list " + package);
  }
  return ReadDebFiles(found->second, paths);
}

std::span<const Builtin> Builtins() {
  static constexpr Builtin kBuiltins[] = {
      {"coil2000", "ticdata of r-cran-kernlab in the challenge's split", BuildCoil},
      {"conway", "games of Life, generated", BuildConway},
      {"fashion", "dataset-fashion-mnist in its official split", BuildFashion},
      {"files", "tables that lie in the package itself, under data/", BuildFiles},
      {"mle-bench", "a folder that mle-bench prepared, as `podium tasks import --data` was told",
       BuildMleBench},
      {"poker", "poker hands, generated", BuildPoker},
      {"unimelb", "the grants tables of r-cran-modeldata", BuildUnimelb},
  };
  return kBuiltins;
}

}  // namespace podium::tasks
