#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace podium::agents {

enum class ColumnKind { kInteger, kReal, kCategory, kText, kEmpty };

struct ColumnPreview {
  std::string name;
  ColumnKind kind = ColumnKind::kEmpty;
  std::vector<std::string> examples;  // at most 3 distinct values
};

struct FilePreview {
  std::string name;  // relative to the data folder
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;  // CSV only: estimated beyond the first MiB
  bool rows_exact = false;
  std::vector<ColumnPreview> columns;  // CSV only
};

// What lies in a task's public folder, as an agent would look at it first: names, sizes, columns.
// Only the first MiB of a file is read.
struct DataPreview {
  std::vector<FilePreview> files;
  [[nodiscard]] const FilePreview* Find(std::string_view name) const;
};

[[nodiscard]] Result<DataPreview> MakePreview(const std::filesystem::path& public_dir);

// For a prompt, at most about max_bytes: of wide tables the text columns and a selection of the
// numeric ones; of test.csv only what it lacks of train.csv's columns.
[[nodiscard]] std::string PreviewText(const DataPreview& preview, std::size_t max_bytes);

// Columns of `file` that `other` lacks, in order.
[[nodiscard]] std::vector<std::string> MissingFrom(const FilePreview& file,
                                                   const FilePreview& other);

// "grid" (numbered start_/stop_ cells), "image" (idx, png or jpg files), "text" (a column of prose
// in train.csv), "tabular" (a train.csv), else "generic".
[[nodiscard]] std::string Modality(const DataPreview& preview);

}  // namespace podium::agents
