#pragma once

#include <span>
#include <vector>

#include "tables/fault.h"
#include "tables/frame/frame.h"

namespace podium {

// Whose column it is decides whose fault a bad cell is.
enum class Side { kSubmission, kAnswers };

// A column's numbers: its own, or made from it. Moves, does not copy; where it did not make them
// the column must outlive it.
class NumberView {
 public:
  NumberView() = default;
  explicit NumberView(std::vector<double> made) : made_(std::move(made)), values_(made_) {}
  explicit NumberView(std::span<const double> values) : values_(values) {}
  NumberView(NumberView&&) = default;
  NumberView& operator=(NumberView&&) = default;

  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] double operator[](std::size_t row) const { return values_[row]; }
  [[nodiscard]] auto begin() const { return values_.begin(); }
  [[nodiscard]] auto end() const { return values_.end(); }
  operator std::span<const double>() const { return values_; }  // NOLINT: it is one

 private:
  std::vector<double> made_;
  std::span<const double> values_;
};

// A cell of any column as a number, NaN where it is missing, True and False as 1 and 0. False where
// it is text that is no number.
[[nodiscard]] bool CellNumber(const Column& column, std::size_t row, double& out);

// The fault of one cell: the task's where it is the answers'.
[[nodiscard]] tl::unexpected<Fault> BadCell(const Column& column, Side side, std::size_t row,
                                            std::string code, const std::string& what);

// The column as finite numbers, as scikit-learn's check_array demands: NaN, infinity and text are
// faults that name the row.
[[nodiscard]] Graded<NumberView> FiniteNumbers(const Column& column, Side side);
[[nodiscard]] Graded<NumberView> FiniteNumbers(Column&& column, Side side);
// The same without the demand: text is a fault, NaN and infinity stay.
[[nodiscard]] Graded<NumberView> AnyNumbers(const Column& column, Side side);
[[nodiscard]] Graded<NumberView> AnyNumbers(Column&& column, Side side) = delete;

}  // namespace podium
