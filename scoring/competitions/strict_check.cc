#include "scoring/competitions/strict_check.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/text.h"
#include "scoring/keyed_hash.h"
#include "scoring/metrics/inputs.h"

namespace podium::scoring {
namespace {

using Done = Graded<void>;
using Type = StrictColumn::Type;

std::string Place(const Column& column, std::size_t row) {
  return "column '" + Printable(column.name) + "', row " + std::to_string(row + 1) + ": ";
}

Done CheckNumber(const StrictColumn& rule, const Column& column) {
  auto values = FiniteNumbers(column, Side::kSubmission);
  if (!values) return Refused(values.error().code, values.error().detail);
  for (std::size_t row = 0; row < values->size(); ++row) {
    double v = (*values)[row];
    if (v < rule.min || v > rule.max)
      return Refused("out_of_range", Place(column, row) + PythonFloat(v) + " is not from " +
                                         PythonFloat(rule.min) + " to " + PythonFloat(rule.max));
  }
  return {};
}

Done CheckPresent(const Column& column) {
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (column.missing(row)) return Refused("missing_value", Place(column, row) + "empty");
  }
  return {};
}

// A label is a whole number where the answers have numbers, and a word where they have words.
Done CheckLabel(const StrictColumn& rule, const Column& column, const Column* truth) {
  GRADED_TRY(CheckPresent(column));
  bool words = truth != nullptr && !truth->numeric();
  if (column.size() == 0) return {};
  if (words != !column.numeric())
    return Refused("label_type",
                   "column '" + Printable(column.name) + "': " +
                       (words ? "numbers where words belong" : "words where numbers belong"));
  for (std::size_t row = 0; row < column.size() && !words; ++row) {
    double v = column.number(row);
    if (!std::isfinite(v) || v != std::trunc(v))
      return Refused("not_a_label", Place(column, row) + PythonFloat(v) + " is not a class");
    if (v < rule.min || v > rule.max)
      return Refused("out_of_range", Place(column, row) + PythonFloat(v) + " is no known class");
  }
  return {};
}

Done CheckColumns(const CompetitionSpec& spec, Tables& tables) {
  for (const StrictColumn& rule : spec.strict_columns) {
    const Column* column = tables.submission.Find(rule.name);
    if (column == nullptr)
      return Refused("missing_column", "there is no column '" + Printable(rule.name) + "'");
    if (rule.type == Type::kNumber) GRADED_TRY(CheckNumber(rule, *column));
    if (rule.type == Type::kLabel)
      GRADED_TRY(CheckLabel(rule, *column, tables.answers.Find(rule.name)));
    if (rule.type == Type::kText) GRADED_TRY(CheckPresent(*column));
  }
  return {};
}

// Rows by id; the key of several columns is their text, joined.
class IdIndex {
 public:
  IdIndex(const Frame& frame, const std::vector<std::string>& names) : frame_(frame) {
    for (const std::string& name : names) columns_.push_back(frame.Find(name));
  }
  [[nodiscard]] std::string Key(std::size_t row) const {
    std::string key;
    for (const Column* column : columns_) {
      if (!key.empty()) key += '\x1F';
      double whole = column->dtype == DType::kFloat64 ? column->number(row) : 0.5;
      bool integral = whole == std::trunc(whole) && std::abs(whole) < 9e15;
      key += integral ? std::to_string(static_cast<std::int64_t>(whole)) : column->Str(row);
    }
    return key;
  }
  [[nodiscard]] bool Missing(std::size_t row) const {
    return std::ranges::any_of(columns_, [&](const Column* c) { return c->missing(row); });
  }
  [[nodiscard]] std::size_t rows() const { return frame_.rows; }

 private:
  const Frame& frame_;
  std::vector<const Column*> columns_;
};

using RowOfKey = std::unordered_map<std::string, std::size_t, KeyedTextHash>;

tl::unexpected<Fault> MissingIds(const RowOfKey& rows, const IdIndex& answers) {
  std::size_t count = 0;
  std::string first;
  for (std::size_t row = 0; row < answers.rows(); ++row) {
    if (rows.contains(answers.Key(row))) continue;
    if (count++ == 0) first = answers.Key(row);
  }
  return Refused("missing_ids", std::to_string(count) + " ids are missing, the first is '" +
                                    Printable(first.substr(0, 60)) + "'");
}

// The submission's row of every answer; once where answers have several rows of an id.
Graded<std::vector<std::size_t>> MatchRows(const IdIndex& mine, const IdIndex& answers,
                                           bool may_have_more) {
  RowOfKey rows;
  rows.reserve(mine.rows());
  for (std::size_t row = 0; row < mine.rows(); ++row) {
    if (mine.Missing(row))
      return Refused("bad_id", "row " + std::to_string(row + 1) + " has no id");
    if (!rows.emplace(mine.Key(row), row).second)
      return Refused("duplicate_id", "row " + std::to_string(row + 1) + ": the id '" +
                                         Printable(mine.Key(row).substr(0, 60)) +
                                         "' occurs a second time");
  }
  std::vector<std::size_t> matched;
  std::vector<bool> used(mine.rows());
  for (std::size_t row = 0; row < answers.rows(); ++row) {
    auto found = rows.find(answers.Key(row));
    if (found == rows.end()) return MissingIds(rows, answers);
    if (!used[found->second]) matched.push_back(found->second);
    used[found->second] = true;
  }
  if (!may_have_more && matched.size() != rows.size())
    return Refused("extra_ids", std::to_string(rows.size() - matched.size()) +
                                    " ids are not among the answers'");
  return matched;
}

}  // namespace

ReadCsvOptions StrictOptions(const CompetitionSpec& spec) {
  ReadCsvOptions options;
  options.na = NaWords::kEmptyOnly;
  options.ragged = false;
  options.repeated_names = false;
  for (const StrictColumn& column : spec.strict_columns) {
    if (column.type == Type::kText || column.type == Type::kWords)
      options.text_columns.push_back(column.name);
  }
  return options;
}

Graded<void> CheckStrictly(const CompetitionSpec& spec, Tables& tables) {
  if (tables.submission.empty()) return Refused("empty", "there are no rows");
  for (const std::string& name : spec.id_columns) {
    if (!tables.answers.Has(name))
      return TaskFault("bad_answers", "the answers have no column '" + name + "'");
    if (!tables.submission.Has(name))
      return Refused("missing_column", "there is no column '" + Printable(name) + "'");
  }
  GRADED_TRY(CheckColumns(spec, tables));
  const IdRows* matched = spec.id_columns.size() == 1 ? MatchedRows(tables) : nullptr;
  if (matched != nullptr && matched->in_order) return {};
  if (matched != nullptr) {
    for (Column& column : tables.submission.columns) column = column.Take(matched->rows);
    tables.submission.rows = matched->rows.size();
    return {};
  }
  GRADED_ASSIGN(auto rows,
                MatchRows(IdIndex(tables.submission, spec.id_columns),
                          IdIndex(tables.answers, spec.id_columns), spec.strict.align == "cover"));
  tables.submission = tables.submission.Take(rows);
  return {};
}

}  // namespace podium::scoring
