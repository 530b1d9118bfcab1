#include "scoring/competitions/columns.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <string>

#include "base/text.h"
#include "scoring/competitions/rounding.h"
#include "scoring/metrics/inputs.h"

namespace podium::scoring {
namespace {

using Done = Graded<void>;

Column* FindMutable(Frame& frame, std::string_view name) {
  for (Column& column : frame.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

// Calls `change` with each of the rule's columns of both tables; one that the submission lacks
// raises.
template <class Change>
Done ChangeColumns(const Rule& rule, Tables& tables, const Change& change) {
  const auto& names = rule.columns.empty() ? tables.targets : rule.columns;
  for (const std::string& name : names) {
    Column* column = FindMutable(tables.submission, name);
    if (column == nullptr)
      return Raised("missing_column", "there is no column '" + Printable(name) + "'");
    if (name == tables.id) {
      tables.same_order.reset();
      tables.matched.reset();
    }
    GRADED_TRY(change(*column, tables.submission, Side::kSubmission));
    Column* truth = FindMutable(tables.answers, name);
    if (truth != nullptr) GRADED_TRY(change(*truth, tables.answers, Side::kAnswers));
  }
  return {};
}

// Keeps text that was made here as long as the frame.
std::string_view Own(Frame& frame, std::string text) {
  frame.owned->push_back(std::make_unique<std::string>(std::move(text)));
  return *frame.owned->back();
}

void FillText(Column& column, std::string_view text) {
  for (std::size_t row = 0; row < column.cells.size(); ++row) {
    if (IsMissing(column.cells[row])) column.cells.Set(row, text);
  }
}

tl::unexpected<Fault> NoInt(const Column& column, Side side, std::size_t row) {
  std::string detail = "column '" + Printable(column.name) + "', row " + std::to_string(row + 1) +
                       ": not a whole number";
  return side == Side::kAnswers ? TaskFault("bad_answers", detail)
                                : Raised("not_an_integer", detail);
}

// A number that int64 cannot hold is a label of its own: its hash stands for it.
std::int64_t IntOf(const std::string& digits) {
  std::int64_t value = 0;
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return ec == std::errc() ? value : static_cast<std::int64_t>(std::hash<std::string>{}(digits));
}

// Turns text into whole numbers; `pick` takes the part of a cell that must be one.
template <class Pick>
Done TextToInts(Column& column, Side side, const Pick& pick) {
  PackedInts ints;
  for (std::size_t row = 0; row < column.cells.size(); ++row) {
    std::string_view cell = column.cells[row];
    if (column.python_bools && !IsMissing(cell)) cell = ParsePythonBool(cell) ? "1" : "0";
    auto number = IsMissing(cell) ? std::nullopt : PythonInt(pick(cell));
    if (!number) return NoInt(column, side, row);
    ints.push_back(IntOf(*number));
  }
  column.dtype = DType::kInt64;
  column.ints = std::move(ints);
  column.cells = {};
  return {};
}

void BoolsToInts(Column& column) {
  column.ints = {};
  for (std::uint8_t value : column.bools) column.ints.push_back(value);
  column.dtype = DType::kInt64;
}

Done FloatsToInts(Column& column, Side side) {
  PackedInts ints;
  for (std::size_t row = 0; row < column.floats.size(); ++row) {
    double value = std::trunc(column.floats[row]);
    if (!std::isfinite(value)) return NoInt(column, side, row);
    bool fits = std::abs(value) < 9e18;
    ints.push_back(fits ? static_cast<std::int64_t>(value) : IntOf(PythonFloat(value)));
  }
  column.ints = std::move(ints);
  column.dtype = DType::kInt64;
  return {};
}

}  // namespace

bool ParsePythonBool(std::string_view cell) {
  return cell.starts_with('T') || cell.starts_with('t');
}

Graded<void> FillEmpty(const Rule& rule, Tables& tables) {
  std::string_view text = rule.how == "dash" ? "-" : "";
  return ChangeColumns(rule, tables, [&](Column& column, Frame&, Side) -> Done {
    if (column.dtype == DType::kFloat64 && column.CountMissing() == column.size()) {
      column.cells.assign(column.size(), std::string_view());
      column.floats = {};
      column.dtype = DType::kObject;
    }
    if (column.dtype == DType::kObject && !column.python_bools) FillText(column, text);
    return {};
  });
}

Graded<void> FillZero(const Rule& rule, Tables& tables) {
  return ChangeColumns(rule, tables, [](Column& column, Frame&, Side side) -> Done {
    for (double& value : column.floats) {
      if (side == Side::kSubmission && std::isnan(value)) value = 0;
    }
    return {};
  });
}

Graded<void> AsText(const Rule& rule, Tables& tables) {
  bool empty = rule.how == "empty";
  return ChangeColumns(rule, tables, [&](Column& column, Frame& frame, Side) -> Done {
    if (rule.how == "text" && column.dtype != DType::kObject) return {};
    if (column.dtype == DType::kObject && !column.python_bools) {
      FillText(column, empty ? "" : "nan");
      return {};
    }
    PackedTexts cells;
    cells.reserve(column.size());
    for (std::size_t row = 0; row < column.size(); ++row) {
      if (column.missing(row)) {
        cells.push_back(empty ? "" : "nan");
      } else if (column.python_bools) {
        cells.push_back(ParsePythonBool(column.cells[row]) ? "True" : "False");
      } else {
        cells.push_back(Own(frame, column.Str(row)));
      }
    }
    Column text{.name = column.name, .dtype = DType::kObject};
    text.cells = std::move(cells);
    column = std::move(text);
    return {};
  });
}

Graded<void> AsInt(const Rule& rule, Tables& tables) {
  return ChangeColumns(rule, tables, [](Column& column, Frame&, Side side) -> Done {
    if (column.dtype == DType::kFloat64) return FloatsToInts(column, side);
    if (column.dtype == DType::kBool) BoolsToInts(column);
    if (column.dtype != DType::kObject) return {};
    return TextToInts(column, side, [](std::string_view cell) { return cell; });
  });
}

Graded<void> AsClassId(const Rule& rule, Tables& tables) {
  return ChangeColumns(rule, tables, [](Column& column, Frame&, Side side) -> Done {
    if (column.dtype == DType::kFloat64 && side == Side::kAnswers)
      return FloatsToInts(column, side);
    if (column.dtype == DType::kFloat64 && column.size() > 0) return NoInt(column, side, 0);
    if (column.dtype == DType::kBool) BoolsToInts(column);
    if (column.dtype != DType::kObject) return {};
    return TextToInts(column, side, [](std::string_view cell) {
      auto words = SplitWords(cell);
      return words.empty() ? std::string_view() : words[0];
    });
  });
}

Graded<void> RenameColumn(const Rule& rule, Tables& tables) {
  Column* from = FindMutable(tables.submission, rule.columns[0]);
  if (from == nullptr) return {};
  if (tables.submission.Has(rule.columns[1]))
    return Raised("repeated_column", "there are both columns " + Join(rule.columns, " and "));
  from->name = rule.columns[1];
  return {};
}

Graded<void> HasRunLengths(const Rule& rule, Tables& tables) {
  for (const std::string& name : rule.columns.empty() ? tables.targets : rule.columns) {
    const Column* column = tables.submission.Find(name);
    if (column == nullptr) return Raised("missing_column", "there is no column '" + name + "'");
    GRADED_ASSIGN(auto cells, TextCells(*column, Side::kSubmission));
    for (std::size_t row = 0; row < cells.size(); ++row) {
      auto words = SplitWords(cells[row]);
      if (rule.how == "dash" && words.size() == 1 && words[0] == "-") continue;
      bool whole = std::ranges::all_of(words, [](std::string_view word) {
        return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
      });
      if (!whole || words.size() % 2 != 0)
        return Refused("bad_mask", "column '" + Printable(name) + "', row " +
                                       std::to_string(row + 1) + ": not pairs of start and length");
    }
  }
  return {};
}

namespace {

// Adds the named columns up, row by row; text raises as a sum of str and float does.
Graded<std::vector<double>> SumRows(const Rule& rule, Tables& tables) {
  std::vector<double> sums(tables.submission.rows);
  std::vector<std::string> names = rule.columns.empty() ? tables.targets : rule.columns;
  if (rule.how == "all" || names == std::vector<std::string>{"*"}) {
    names.clear();
    for (std::size_t c = 0; c < tables.submission.columns.size(); ++c) {
      const std::string& name = tables.submission.columns[c].name;
      if (rule.how == "all" ? name != tables.id : c > 0) names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    const Column* column = tables.submission.Find(name);
    if (column == nullptr) return Raised("missing_column", "there is no column '" + name + "'");
    if (!column->numeric() && !column->python_bools && column->size() > 0)
      return Raised("not_a_number", "the column '" + Printable(name) + "' holds text");
    GRADED_ASSIGN(auto values, AnyNumbers(*column, Side::kSubmission));
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (rule.how == "all" && (values[row] < 0 || values[row] > 1))
        return Raised("out_of_range", "column '" + Printable(name) + "', row " +
                                          std::to_string(row + 1) + ": not from 0 to 1");
      if (!std::isnan(values[row])) sums[row] += values[row];
    }
  }
  return sums;
}

bool SumIsOne(double sum, std::string_view how) {
  if (how == "round5") return RoundPython(sum, 5) == 1;
  if (how == "round6") return RoundNumpy(sum, 6) == 1;
  return std::abs(sum - 1) <= (how == "all" ? 1e-8 : 1e-6) + 1e-5;
}

}  // namespace

Graded<void> HasRowSums(const Rule& rule, Tables& tables) {
  GRADED_ASSIGN(auto sums, SumRows(rule, tables));
  for (std::size_t row = 0; row < sums.size(); ++row) {
    if (SumIsOne(sums[row], rule.how)) continue;
    std::string detail = "row " + std::to_string(row + 1) + " adds to " + PythonFloat(sums[row]);
    if (rule.how == "all" || rule.raises) return Raised("row_sum", detail);
    return Refused("row_sum", detail);
  }
  return {};
}

}  // namespace podium::scoring
