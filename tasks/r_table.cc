#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "tasks/r_data.h"

namespace podium::tasks {
namespace {

std::size_t LengthOf(const RValue& column) {
  switch (column.kind) {
    case RValue::Kind::kLogical:
    case RValue::Kind::kInteger:
      return column.integers.size();
    case RValue::Kind::kDouble:
      return column.doubles.size();
    case RValue::Kind::kString:
      return column.strings.size();
    default:
      return 0;
  }
}

bool IsCells(const RValue& column) {
  return column.kind >= RValue::Kind::kLogical && column.kind <= RValue::Kind::kString;
}

std::string IntegerCell(const RValue& column, std::int32_t value) {
  if (value == RValue::kNaInteger) return "";
  const RValue* levels = column.Attribute("levels");
  if (!levels) return std::to_string(value);
  bool known = value >= 1 && static_cast<std::size_t>(value) <= levels->strings.size();
  return known ? levels->strings[static_cast<std::size_t>(value) - 1].value_or("") : "";
}

}  // namespace

Result<RTable> RTable::From(RPtr frame) {
  const RValue* names = frame->Attribute("names");
  if (frame->kind != RValue::Kind::kList || !names ||
      names->strings.size() != frame->items.size()) {
    return Fail(ErrorCode::kIo, "R data: the object is not a data frame");
  }
  RTable table;
  for (std::size_t i = 0; i < frame->items.size(); ++i) {
    const RValue& column = *frame->items[i];
    std::string name = names->strings[i].value_or("");
    if (!IsCells(column))
      return Fail(ErrorCode::kIo, "R data: column '" + name + "' holds no plain values");
    if (i == 0) table.rows_ = LengthOf(column);
    if (LengthOf(column) != table.rows_)
      return Fail(ErrorCode::kIo,
                  "R data: column '" + name + "' has another length than the first");
    table.names_.push_back(std::move(name));
  }
  table.frame_ = std::move(frame);
  return table;
}

Result<std::size_t> RTable::Column(std::string_view name) const {
  auto found = std::ranges::find(names_, name);
  if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
  return Fail(ErrorCode::kNotFound, "R data: the table has no column '" + std::string(name) + "'." +
                                        Suggest(name, names_));
}

std::string RTable::Cell(std::size_t row, std::size_t column) const {
  const RValue& values = *frame_->items[column];
  switch (values.kind) {
    case RValue::Kind::kDouble:
      return std::isnan(values.doubles[row]) ? "" : FormatDouble(values.doubles[row]);
    case RValue::Kind::kString:
      return values.strings[row].value_or("");
    default:
      return IntegerCell(values, values.integers[row]);
  }
}

}  // namespace podium::tasks
