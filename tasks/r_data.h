#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace podium::tasks {

struct RValue;
using RPtr = std::shared_ptr<const RValue>;

// One R object, as far as data frames need it. Plain value; children are shared.
struct RValue {
  enum class Kind { kNull, kLogical, kInteger, kDouble, kString, kList, kOther };
  Kind kind = Kind::kNull;
  std::vector<std::int32_t> integers;  // also logicals; kNaInteger is NA
  std::vector<double> doubles;         // NA is a NaN
  std::vector<std::optional<std::string>> strings;
  std::vector<RPtr> items;
  std::vector<std::pair<std::string, RPtr>> attributes;

  static constexpr std::int32_t kNaInteger = INT32_MIN;

  // Null when there is no such attribute.
  [[nodiscard]] const RValue* Attribute(std::string_view name) const;
};

// Reads R's serialization format, versions 2 and 3, big-endian XDR (R Internals, section 1.8
// "Serialization Formats"): compressed or not. Bounds-checked and depth-limited, so any bytes end
// in a value or an Error.
[[nodiscard]] Result<RPtr> ReadRds(std::string_view bytes);

// An .rda or .RData file: its objects by name.
[[nodiscard]] Result<std::map<std::string, RPtr>> ReadRda(std::string_view bytes);

// One object of a lazy-load database (a package's Rdata.rdx and Rdata.rdb).
[[nodiscard]] Result<RPtr> ReadLazyObject(std::string_view rdx, std::string_view rdb,
                                          std::string_view name);

// A data.frame seen as a table of text cells.
class RTable {
 public:
  // An error when the value is no data.frame of numbers, logicals, texts and factors with columns
  // of one length.
  [[nodiscard]] static Result<RTable> From(RPtr frame);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  // The column of a name, or an error that says which there are.
  [[nodiscard]] Result<std::size_t> Column(std::string_view name) const;
  // NA is empty; a factor is its level; a double is its shortest exact text; a logical is 1 or 0.
  // Not quoted for CSV.
  [[nodiscard]] std::string Cell(std::size_t row, std::size_t column) const;

 private:
  RPtr frame_;
  std::size_t rows_ = 0;
  std::vector<std::string> names_;
};

}  // namespace podium::tasks
