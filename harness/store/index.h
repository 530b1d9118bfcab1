#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/result.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// podium.db, an SQLite index (WAL) of a run: tables trials and nodes, for people's own queries and
// for `podium status` over many runs. Always made from the files and never the other way round. One
// thread at a time.
class Index {
 public:
  [[nodiscard]] static Result<Index> Open(const std::filesystem::path& run_dir);
  Index(Index&&) noexcept;
  ~Index();

  // Puts one trial's present state into it.
  [[nodiscard]] Status PutAll(const std::vector<TrialView>& trials);
  // Replaces all that it holds.
  [[nodiscard]] Status Rebuild(const std::vector<TrialView>& trials);

 private:
  class Database;
  explicit Index(std::unique_ptr<Database> db);
  std::unique_ptr<Database> db_;
};

}  // namespace podium::harness
