#include "tables/frame/column_builder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "tables/frame/parse_number.h"

namespace podium {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Stands for a missing cell among integers until Finish makes them floats, as in pandas.
constexpr std::int64_t kNaInt = std::numeric_limits<std::int64_t>::min();
constexpr std::uint8_t kNaBool = 255;

}  // namespace

void ColumnBuilder::Reserve(std::size_t rows) {
  if (state_ == State::kText) {
    column_.cells.reserve(rows);
  } else if (state_ == State::kInt) {
    column_.ints.reserve(rows);
  }
}

bool ColumnBuilder::Missing(std::string_view cell) const {
  return cell.empty() || (na_ == NaWords::kPandas && IsNaWord(cell));
}

void ColumnBuilder::AddOther(std::string_view cell) {
  if (state_ == State::kGivenUp) return;
  if (Missing(cell)) {
    AddMissing();
  } else if (state_ == State::kInt) {
    AddInt(cell);
  } else if (state_ == State::kFloat) {
    AddFloat(cell);
  } else if (state_ == State::kText) {
    column_.cells.push_back(cell);
  } else if (state_ == State::kUInt) {
    AddUInt(cell);
  } else {
    AddBool(cell);
  }
  ++count_;
}

void ColumnBuilder::AddMissing() {
  ++missing_;
  switch (state_) {
    case State::kInt:
    case State::kUInt:
      column_.ints.push_back(kNaInt);
      break;
    case State::kFloat:
      column_.floats.push_back(kNaN);
      break;
    case State::kBool:
      column_.bools.push_back(kNaBool);
      break;
    case State::kText:
      column_.cells.push_back({});
      break;
    case State::kGivenUp:
      break;
  }
}

void ColumnBuilder::AddInt(std::string_view cell) {
  std::int64_t value = 0;
  ParseState parsed = ParseInt64(cell, value);
  if (parsed == ParseState::kOk) {
    negative_zero_ |= value == 0 && cell.find('-') != std::string_view::npos;
    column_.ints.push_back(value);
  } else if (parsed == ParseState::kOverflow) {
    IntsToUInts();
    AddUInt(cell);
  } else if (negative_zero_) {
    GiveUp(State::kFloat);
  } else {
    IntsToFloats();
    AddFloat(cell);
  }
}

void ColumnBuilder::AddUInt(std::string_view cell) {
  std::uint64_t value = 0;
  ParseState parsed = ParseUInt64(cell, value, seen_negative_);
  if (parsed == ParseState::kOk) {
    seen_large_ |= value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    column_.ints.push_back(static_cast<std::int64_t>(value));
  } else {
    GiveUp(parsed == ParseState::kOverflow ? State::kText : State::kFloat);
  }
}

void ColumnBuilder::AddFloat(std::string_view cell) {
  double value = 0;
  if (ParsePandasDouble(cell, value)) {
    column_.floats.push_back(value);
  } else if (missing_ == count_ && ParsePandasBool(cell) >= 0) {
    state_ = State::kBool;
    column_.floats = {};
    column_.bools.assign(count_, kNaBool);
    AddBool(cell);
  } else {
    GiveUp(State::kText);
  }
}

void ColumnBuilder::AddBool(std::string_view cell) {
  int value = ParsePandasBool(cell);
  if (value < 0) return GiveUp(State::kText);
  column_.bools.push_back(static_cast<std::uint8_t>(value));
}

void ColumnBuilder::IntsToUInts() {
  state_ = State::kUInt;
  seen_negative_ |= negative_zero_;  // by its sign
  PackedInts ints;
  ints.reserve(column_.ints.capacity());
  for (std::int64_t value : column_.ints) {
    seen_negative_ |= value < 0 && value != kNaInt;
    ints.push_back(std::max(value, std::int64_t{0}));
  }
  column_.ints = std::move(ints);
}

void ColumnBuilder::IntsToFloats() {
  state_ = State::kFloat;
  column_.floats.reserve(column_.ints.capacity());
  for (std::int64_t value : column_.ints)
    column_.floats.push_back(value == kNaInt ? kNaN : static_cast<double>(value));
  column_.ints = {};
}

void ColumnBuilder::GiveUp(State again) {
  state_ = State::kGivenUp;
  again_ = again;
  column_ = {};
}

Column ColumnBuilder::Finish(std::string name) {
  if (state_ == State::kInt && count_ > 0 && missing_ > 0) IntsToFloats();
  if (state_ == State::kUInt && seen_large_ && (seen_negative_ || missing_ > 0))
    GiveUp(State::kText);
  if (state_ == State::kBool && missing_ > 0) GiveUp(State::kText);
  static constexpr DType kTypes[] = {DType::kInt64, DType::kUInt64, DType::kFloat64,
                                     DType::kBool,  DType::kObject, DType::kObject};
  column_.dtype = count_ == 0 ? DType::kObject : kTypes[static_cast<std::size_t>(state_)];
  column_.name = std::move(name);
  return std::move(column_);
}

}  // namespace podium
