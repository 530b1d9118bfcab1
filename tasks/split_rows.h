#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/csv.h"
#include "base/result.h"
#include "tasks/task_package.h"

namespace podium::tasks {

// Where a row of a hidden split belongs (hidden_split.h).
enum class SplitPart : char { kTrain = 'r', kTest = 't', kSearch = 's', kChoice = 'c' };

// The private folder's file that says of each mixed row its part, and a test row's own id.
inline constexpr const char* kSplitIds = "ids.csv";

// A text that depends on purpose, task and text alone: the same everywhere.
[[nodiscard]] std::string SplitHash(std::string_view purpose, const TaskPackage& task,
                                    std::string_view text);

// "DIR/task.yaml: split: WHY" (kConfig).
[[nodiscard]] tl::unexpected<Error> UnfitForSplit(const TaskPackage& task, const std::string& why);

// A table of the task's, read row by row.
class SplitRows {
 public:
  static Result<SplitRows> Open(const TaskPackage& task, const std::filesystem::path& file);
  // False at its end. A row of another width than the head is an error.
  Result<bool> Next(std::vector<std::string_view>& cells);

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::optional<std::size_t> Find(std::string_view name) const;
  [[nodiscard]] Result<std::size_t> Need(std::string_view name) const;

 private:
  explicit SplitRows(const TaskPackage& task) : task_(&task) {}
  const TaskPackage* task_;
  std::string file_;
  std::unique_ptr<std::string> text_;
  std::optional<CsvReader> reader_;
  std::vector<std::string> names_;
};

// A row of CSV with its line end.
[[nodiscard]] std::string SplitLine(const std::vector<std::string>& cells);

// Each training row's part, by the hash of its number, or of its group or time: rows of one key
// stay together, and keys go to the two held parts in turn.
[[nodiscard]] Result<std::vector<SplitPart>> AssignParts(const TaskPackage& task,
                                                         const std::filesystem::path& table);

}  // namespace podium::tasks
