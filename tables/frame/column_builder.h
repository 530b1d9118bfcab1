#pragma once

#include <cstdint>
#include <string_view>

#include "tables/frame/frame.h"
#include "tables/frame/parse_number.h"
#include "tables/frame/plain_block.h"

namespace podium {

// Which cells are missing.
enum class NaWords {
  kPandas,     // pandas' list of words: "NA", "None", "null", ...
  kEmptyOnly,  // the empty cell alone
};

// Finds one column's type while its cells arrive, in the order of pandas' C engine: whole numbers,
// then floats, then bools, then text; integers with missing cells become floats. Keeps numbers, not
// text: when a column turns out to be something that needs text already gone, `again()` says what
// the cells must be fed to once more.
class ColumnBuilder {
 public:
  enum class State { kInt, kUInt, kFloat, kBool, kText, kGivenUp };

  explicit ColumnBuilder(NaWords na, State start = State::kInt) : na_(na), state_(start) {}

  void Reserve(std::size_t rows);
  void Add(std::string_view cell) {
    std::int64_t whole = 0;
    double number = 0;
    if (state_ == State::kInt && ParsePlainInt(cell, whole)) {
      column_.ints.push_back(whole);
      ++count_;
    } else if (state_ == State::kFloat && ParsePlainDecimal(cell, number)) {
      column_.floats.push_back(number);
      ++count_;
    } else if (state_ == State::kText && !cell.empty() && !MayBeNaWord(cell[0])) {
      column_.cells.push_back(cell);
      ++count_;
    } else {
      AddOther(cell);
    }
  }

  // Adds the cell that begins at `p` in a plain block and returns its end: the comma or line feed
  // behind it. `end` is where the bytes end.
  const char* AddFrom(const char* p, const char* end) {
    std::int64_t whole = 0;
    double number = 0;
    const char* behind = nullptr;
    if (state_ == State::kInt && (behind = ScanPlainInt(p, whole)) != nullptr) {
      column_.ints.push_back(whole);
      ++count_;
    } else if (state_ == State::kFloat && (behind = ScanPlainDecimal(p, number)) != nullptr) {
      column_.floats.push_back(number);
      ++count_;
    } else {
      behind = FindCellEnd(p, end);
      Add({p, static_cast<std::size_t>(behind - p)});
    }
    return behind;
  }

  // The start of a builder that must read the cells again, or kGivenUp when this one is good.
  [[nodiscard]] State again() const { return state_ == State::kGivenUp ? again_ : State::kGivenUp; }
  // A cell was a whole number that would be -0.0 had the column begun as floats.
  [[nodiscard]] bool negative_zero() const { return negative_zero_; }
  // To be called once, behind the last cell. May set again(); the column is then empty.
  [[nodiscard]] Column Finish(std::string name);

 private:
  static bool MayBeNaWord(char first) {
    return first == 'N' || first == 'n' || first == '#' || first == '-' || first == '<' ||
           first == '1';
  }
  void AddOther(std::string_view cell);
  [[nodiscard]] bool Missing(std::string_view cell) const;
  void AddInt(std::string_view cell);
  void AddUInt(std::string_view cell);
  void AddFloat(std::string_view cell);
  void AddBool(std::string_view cell);
  void AddMissing();
  void IntsToUInts();
  void IntsToFloats();
  void GiveUp(State again);

  NaWords na_;
  State state_;
  State again_ = State::kText;
  std::size_t count_ = 0;
  std::size_t missing_ = 0;
  bool seen_negative_ = false;
  bool seen_large_ = false;
  bool negative_zero_ = false;
  Column column_;
};

}  // namespace podium
