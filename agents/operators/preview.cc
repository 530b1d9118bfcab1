#include "agents/operators/preview.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <set>

#include "base/csv.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kHead = 1 << 20;
constexpr std::size_t kSampleRows = 200;

Result<std::string> ReadHead(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot open " + path.string(), errno);
  std::string out(kHead, '\0');
  std::size_t have = 0;
  while (have < kHead) {
    ssize_t n = ::read(fd.get(), out.data() + have, kHead - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(ErrorCode::kIo, "cannot read " + path.string(), errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

ColumnKind KindOf(std::string_view cell) {
  std::int64_t whole = 0;
  auto end = cell.data() + cell.size();
  if (auto r = std::from_chars(cell.data(), end, whole); r.ec == std::errc() && r.ptr == end)
    return ColumnKind::kInteger;
  double real = 0;
  if (auto r = std::from_chars(cell.data(), end, real); r.ec == std::errc() && r.ptr == end)
    return ColumnKind::kReal;
  return std::ranges::count(cell, ' ') >= 4 ? ColumnKind::kText : ColumnKind::kCategory;
}

void Observe(ColumnPreview& column, std::string_view cell) {
  if (cell.empty()) return;
  column.kind = std::max(column.kind == ColumnKind::kEmpty ? ColumnKind::kInteger : column.kind,
                         KindOf(cell));
  std::string shown(cell.substr(0, 40));
  if (column.examples.size() < 3 &&
      std::ranges::find(column.examples, shown) == column.examples.end()) {
    column.examples.push_back(shown);
  }
}

void PreviewCsv(const std::string& head, FilePreview& file) {
  CsvReader reader(head);
  std::vector<std::string_view> cells;
  auto more = reader.Next(cells);
  if (!more || !*more) return;
  for (auto name : cells) file.columns.push_back({std::string(name), ColumnKind::kEmpty, {}});
  std::size_t rows = 0;
  std::vector<std::set<std::string, std::less<>>> long_cells(file.columns.size());
  for (; rows < kSampleRows; ++rows) {
    more = reader.Next(cells);
    if (!more || !*more || cells.size() != file.columns.size()) break;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      Observe(file.columns[i], cells[i]);
      if (KindOf(cells[i]) == ColumnKind::kText) long_cells[i].emplace(cells[i]);
    }
  }
  // Long values that come again and again are the names of classes.
  for (std::size_t i = 0; i < file.columns.size(); ++i) {
    if (file.columns[i].kind == ColumnKind::kText && 2 * long_cells[i].size() < rows)
      file.columns[i].kind = ColumnKind::kCategory;
  }
  auto lines = static_cast<std::uint64_t>(std::ranges::count(head, '\n'));
  file.rows_exact = head.size() < kHead;
  if (!head.empty() && head.back() != '\n' && file.rows_exact) ++lines;
  if (!file.rows_exact) lines = lines * file.bytes / head.size();
  file.rows = lines > 0 ? lines - 1 : 0;
}

std::string ColumnText(const ColumnPreview& c) {
  static constexpr const char* kNames[] = {"integer", "real", "category", "text", "empty"};
  return c.name + " (" + kNames[static_cast<int>(c.kind)] + ", e.g. " + Join(c.examples, " | ") +
         ")";
}

// "a, b, c, ..., y, z": at most about max_bytes.
std::string NamesText(const std::vector<std::string>& names, std::size_t max_bytes) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    bool last = i + 1 == names.size();
    if (!last && out.size() + names[i].size() + names.back().size() + 10 > max_bytes)
      return out + "..., " + names.back();
    out += names[i] + (last ? "" : ", ");
  }
  return out;
}

// Of a wide table first what is not a number, for that has to be encoded, then the numbers by name.
std::string WideText(const FilePreview& file, std::size_t max_bytes) {
  std::string out;
  std::vector<std::string> numbers;
  for (const auto& c : file.columns) {
    bool is_number = c.kind == ColumnKind::kInteger || c.kind == ColumnKind::kReal ||
                     c.kind == ColumnKind::kEmpty;
    if (is_number) numbers.push_back(c.name);
    if (!is_number && out.size() < max_bytes / 2) out += "    " + ColumnText(c) + "\n";
  }
  std::size_t others = file.columns.size() - numbers.size();
  std::string head =
      others > 0 ? "  " + std::to_string(others) + " columns hold text:\n" + out : "";
  if (numbers.empty()) return head;
  return head + "  " + std::to_string(numbers.size()) +
         " columns are numeric: " + NamesText(numbers, max_bytes / 3) + "\n";
}

std::string ColumnsText(const FilePreview& file, std::size_t max_bytes) {
  std::string out;
  for (const auto& c : file.columns) {
    out += "    " + ColumnText(c) + "\n";
    if (out.size() > max_bytes) return WideText(file, max_bytes);
  }
  return out;
}

}  // namespace

std::vector<std::string> MissingFrom(const FilePreview& file, const FilePreview& other) {
  std::vector<std::string> out;
  for (const auto& c : file.columns) {
    if (std::ranges::find(other.columns, c.name, &ColumnPreview::name) == other.columns.end())
      out.push_back(c.name);
  }
  return out;
}

const FilePreview* DataPreview::Find(std::string_view name) const {
  auto it = std::ranges::find(files, name, &FilePreview::name);
  return it == files.end() ? nullptr : &*it;
}

Result<DataPreview> MakePreview(const fs::path& public_dir) {
  DataPreview preview;
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(public_dir, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (!it->is_regular_file() || preview.files.size() >= 200) continue;
    FilePreview file;
    file.name = it->path().lexically_relative(public_dir).string();
    file.bytes = it->file_size();
    if (it->path().extension() == ".csv") {
      PODIUM_ASSIGN(auto head, ReadHead(it->path()));
      PreviewCsv(head, file);
    }
    preview.files.push_back(std::move(file));
  }
  if (ec) return FailErrno(ErrorCode::kIo, "cannot look into " + public_dir.string(), ec.value());
  std::ranges::sort(preview.files, {}, &FilePreview::name);
  return preview;
}

std::string PreviewText(const DataPreview& preview, std::size_t max_bytes) {
  std::string out;
  std::size_t csv_files = 1;
  for (const auto& f : preview.files) csv_files += f.columns.empty() ? 0 : 1;
  const FilePreview* train = preview.Find("train.csv");
  for (const auto& f : preview.files) {
    if (out.size() > max_bytes) break;
    out += "- /home/data/" + f.name + " (" + FormatBytes(f.bytes);
    if (!f.columns.empty()) {
      out += std::string(", ") + (f.rows_exact ? "" : "about ") + std::to_string(f.rows) +
             " rows, " + std::to_string(f.columns.size()) + " columns";
    }
    out += ")\n";
    bool like_train = train && f.name == "test.csv" && MissingFrom(f, *train).empty();
    if (like_train) {
      out +=
          "    the columns of train.csv without: " + NamesText(MissingFrom(*train, f), 200) + "\n";
    } else {
      out += ColumnsText(f, max_bytes / csv_files);
    }
  }
  return out;
}

std::string Modality(const DataPreview& preview) {
  const FilePreview* train = preview.Find("train.csv");
  auto has_column = [&](std::string_view name) {
    return train &&
           std::ranges::find(train->columns, name, &ColumnPreview::name) != train->columns.end();
  };
  if (has_column("start_0") && has_column("stop_0") && has_column("delta")) return "grid";
  for (const auto& f : preview.files) {
    if (f.name.ends_with("-ubyte.gz") || f.name.ends_with("-ubyte") || f.name.ends_with(".png") ||
        f.name.ends_with(".jpg"))
      return "image";
  }
  if (!train) return "generic";
  for (const auto& c : train->columns) {
    if (c.kind == ColumnKind::kText) return "text";
  }
  return "tabular";
}

}  // namespace podium::agents
