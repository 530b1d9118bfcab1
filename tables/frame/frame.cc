#include "tables/frame/frame.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace podium {

std::string_view DTypeText(DType dtype) {
  static constexpr std::string_view kTexts[] = {"int64", "uint64", "float64", "bool", "object"};
  return kTexts[static_cast<std::size_t>(dtype)];
}

std::size_t Column::size() const {
  switch (dtype) {
    case DType::kInt64:
    case DType::kUInt64:
      return ints.size();
    case DType::kFloat64:
      return floats.size();
    case DType::kBool:
      return bools.size();
    case DType::kObject:
      return cells.size();
  }
  return 0;
}

bool Column::missing(std::size_t row) const {
  if (dtype == DType::kFloat64) return std::isnan(floats[row]);
  return dtype == DType::kObject && IsMissing(cells[row]);
}

std::size_t Column::CountMissing() const {
  std::size_t count = 0;
  for (std::size_t row = 0; row < size(); ++row) count += missing(row);
  return count;
}

double Column::number(std::size_t row) const {
  switch (dtype) {
    case DType::kInt64:
      return static_cast<double>(ints[row]);
    case DType::kUInt64:
      return static_cast<double>(static_cast<std::uint64_t>(ints[row]));
    case DType::kFloat64:
      return floats[row];
    case DType::kBool:
      return bools[row];
    case DType::kObject:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> Column::Numbers() const {
  if (dtype == DType::kFloat64) return floats;
  std::vector<double> out(size());
  if (dtype == DType::kInt64) {
    ints.Visit([&](auto values) { std::ranges::copy(values, out.begin()); });
    return out;
  }
  for (std::size_t row = 0; row < out.size(); ++row) out[row] = number(row);
  return out;
}

std::string Column::Str(std::size_t row) const {
  switch (dtype) {
    case DType::kInt64:
      return std::to_string(ints[row]);
    case DType::kUInt64:
      return std::to_string(static_cast<std::uint64_t>(ints[row]));
    case DType::kFloat64:
      return PythonFloat(floats[row]);
    case DType::kBool:
      return bools[row] ? "True" : "False";
    case DType::kObject:
      break;
  }
  return IsMissing(cells[row]) ? "nan" : std::string(cells[row]);
}

namespace {

template <class T>
std::vector<T> Pick(const std::vector<T>& values, std::span<const RowIndex> rows) {
  if (values.empty()) return {};
  std::vector<T> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i]];
  return out;
}

}  // namespace

Column Column::Take(std::span<const RowIndex> rows) const {
  Column out;
  out.name = name;
  out.dtype = dtype;
  out.python_bools = python_bools;
  if (!ints.empty()) out.ints = ints.Take(rows);
  out.floats = Pick(floats, rows);
  out.bools = Pick(bools, rows);
  if (!cells.empty()) out.cells = cells.Take(rows);
  return out;
}

const Column* Frame::Find(std::string_view name) const {
  for (const Column& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

Frame Frame::Select(std::span<const std::string> names) const {
  Frame out;
  out.rows = rows;
  out.index = index;
  out.owned = owned;
  for (const std::string& name : names) out.columns.push_back(*Find(name));
  return out;
}

Frame Frame::Take(std::span<const RowIndex> picked) const {
  Frame out;
  out.rows = picked.size();
  out.owned = owned;
  for (const Column& column : columns) out.columns.push_back(column.Take(picked));
  for (const Column& column : index) out.index.push_back(column.Take(picked));
  return out;
}

std::string PythonFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char digits[32];
  auto end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific);
  std::string_view text(digits, static_cast<std::size_t>(end.ptr - digits));
  std::size_t e = text.find('e');
  int exponent = 0;
  std::size_t sign = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + sign, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 16) return std::string(text);
  end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed);
  std::string out(digits, end.ptr);
  return out.find('.') == std::string::npos ? out + ".0" : out;
}

}  // namespace podium
