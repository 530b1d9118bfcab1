#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tables/frame/packed_ints.h"
#include "tables/frame/packed_texts.h"

namespace podium {

// What pandas makes of a column of text: the first of these that holds every cell.
enum class DType { kInt64, kUInt64, kFloat64, kBool, kObject };
std::string_view DTypeText(DType dtype);  // "int64", "uint64", "float64", "bool", "object"

// Called with bytes that have been read and are seldom looked at again; by several threads. For
// bytes of a mapped file: MappedFile::Release.
using ReleaseBytes = std::function<void(std::string_view bytes)>;

// One column. Text cells are views into the bytes that were read, or into `owned` of the frame.
struct Column {
  std::string name;
  DType dtype = DType::kObject;
  PackedInts ints;                  // kInt64; kUInt64 by its bits
  std::vector<double> floats;       // kFloat64, NaN where missing
  std::vector<std::uint8_t> bools;  // kBool
  PackedTexts cells;                // kObject; data() == nullptr where missing
  // kObject whose cells are all Python bools or missing, not text (bool with a missing value).
  bool python_bools = false;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool numeric() const { return dtype != DType::kObject; }  // bool counts, as NumPy
  [[nodiscard]] bool missing(std::size_t row) const;
  [[nodiscard]] std::size_t CountMissing() const;
  // The value of a numeric column as a double: bools as 0 and 1, missing as NaN.
  [[nodiscard]] double number(std::size_t row) const;
  [[nodiscard]] std::vector<double> Numbers() const;
  // Python's str() of a cell: "1", "1.0", "True", the text, "nan".
  [[nodiscard]] std::string Str(std::size_t row) const;
  // The column with rows picked and ordered by `rows`.
  [[nodiscard]] Column Take(std::span<const RowIndex> rows) const;
};

inline bool IsMissing(std::string_view cell) { return cell.data() == nullptr; }

// A table as pandas.read_csv returns it. Movable; text cells live as long as the bytes it was read
// from and the frame itself.
struct Frame {
  std::size_t rows = 0;
  std::vector<Column> columns;
  // Leading columns without a header, which pandas makes the index (rows longer than the header).
  std::vector<Column> index;
  std::shared_ptr<std::vector<std::unique_ptr<std::string>>> owned;

  [[nodiscard]] const Column* Find(std::string_view name) const;
  [[nodiscard]] bool Has(std::string_view name) const { return Find(name) != nullptr; }
  [[nodiscard]] bool empty() const { return rows == 0 || columns.empty(); }
  // Only the named columns, in that order; all must exist.
  [[nodiscard]] Frame Select(std::span<const std::string> names) const;
  [[nodiscard]] Frame Take(std::span<const RowIndex> rows) const;
};

// Python's repr() of a double: "1.0", "1e-05", "0.1", "nan", "inf".
[[nodiscard]] std::string PythonFloat(double value);

}  // namespace podium
