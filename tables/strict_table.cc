#include "tables/strict_table.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "tables/frame/csv_scanner.h"
#include "tables/id_texts.h"
#include "tables/numbers.h"
#include "tables/take_rows.h"

namespace podium {
namespace {

using Type = StrictColumn::Type;
using Done = Strictly<void>;

tl::unexpected<StrictFault> Refuse(std::string code, std::string detail) {
  return tl::unexpected(StrictFault{std::move(code), std::move(detail)});
}

// "line 7": where a row of the table lies in its file. Reads the file again.
std::string LineOf(const StrictTables& tables, std::size_t row) {
  TextBlocks blocks;
  CsvScanner scanner(tables.submission_text, static_cast<std::size_t>(-1), blocks);
  std::vector<std::string_view> cells;
  for (std::size_t i = 0; i <= row + 1; ++i) {
    if (scanner.Next(cells) != CsvScanner::Step::kRow) return "row " + std::to_string(row + 1);
    blocks.clear();
  }
  return "line " + std::to_string(scanner.line());
}

// A column while it is checked.
struct Checked {
  const StrictTables& tables;
  const StrictColumn& rule;
  const Column& column;

  [[nodiscard]] std::string Cell(std::size_t row) const {
    if (column.missing(row)) return "";
    return column.Str(row);
  }
  [[nodiscard]] tl::unexpected<StrictFault> Refuse(std::size_t row, std::string code,
                                                   const std::string& what) const {
    std::string cell = Cell(row);
    std::string shown =
        cell.empty() ? "the cell "
                     : "'" + Printable(cell.substr(0, 60)) + (cell.size() > 60 ? "...' " : "' ");
    return tl::unexpected(StrictFault{
        std::move(code),
        LineOf(tables, row) + ", column '" + Printable(column.name) + "': " + shown + what,
        std::move(cell)});
  }
};

std::string Wanted(const StrictColumn& rule) {
  return std::string(rule.integer ? "is not a whole number from " : "is not from ") +
         FormatDouble(rule.min) + " to " + FormatDouble(rule.max);
}

Done CheckNumber(const Checked& c) {
  for (std::size_t row = 0; row < c.column.size(); ++row) {
    double v = 0;
    if (!CellNumber(c.column, row, v)) return c.Refuse(row, "not_a_number", "is not a number");
    if (std::isnan(v)) return c.Refuse(row, "missing_value", "is empty");
    if (!std::isfinite(v)) return c.Refuse(row, "not_finite", "is not finite");
    bool inside = v >= c.rule.min && v <= c.rule.max && (!c.rule.integer || v == std::floor(v));
    if (!inside) return c.Refuse(row, "out_of_range", Wanted(c.rule));
  }
  return {};
}

Done CheckPresent(const Checked& c) {
  for (std::size_t row = 0; row < c.column.size(); ++row) {
    if (c.column.missing(row)) return c.Refuse(row, "missing_value", "is empty");
  }
  return {};
}

// A label is a whole number where the answers have numbers, and a word where they have words.
Done CheckLabel(const Checked& c) {
  if (auto done = CheckPresent(c); !done) return done;
  const Column* truth = c.tables.answers->Find(c.rule.name);
  bool words = truth != nullptr && !truth->numeric();
  if (c.column.size() == 0) return {};
  if (words != !c.column.numeric())
    return Refuse("label_type",
                  "column '" + Printable(c.column.name) + "': " +
                      (words ? "numbers where words belong" : "words where numbers belong"));
  for (std::size_t row = 0; row < c.column.size() && !words; ++row) {
    double v = c.column.number(row);
    if (!std::isfinite(v) || v != std::trunc(v))
      return c.Refuse(row, "not_a_label", "is not a class");
    if (v < c.rule.min || v > c.rule.max) return c.Refuse(row, "out_of_range", "is no known class");
  }
  return {};
}

Done CheckColumns(const StrictRules& rules, const StrictTables& tables) {
  for (const StrictColumn& rule : rules.columns) {
    const Column* column = tables.submission->Find(rule.name);
    if (column == nullptr)
      return Refuse("missing_column", "there is no column '" + Printable(rule.name) + "'");
    Checked c{tables, rule, *column};
    Done done;
    if (rule.type == Type::kNumber) done = CheckNumber(c);
    if (rule.type == Type::kLabel) done = CheckLabel(c);
    if (rule.type == Type::kText) done = CheckPresent(c);
    if (!done) return done;
  }
  return {};
}

Done RefuseMismatch(const StrictTables& tables, const IdMatching& match, const IdTexts& mine,
                    const IdTexts& theirs, bool may_have_more) {
  if (match.empty) return Refuse("bad_id", LineOf(tables, *match.empty) + ": the id is empty");
  if (match.repeated)
    return Refuse("duplicate_id", LineOf(tables, *match.repeated) + ": the id " +
                                      mine.Shown(*match.repeated) + " occurs a second time");
  std::string extra;
  if (match.extra)
    extra = LineOf(tables, *match.extra) + ": the id " + mine.Shown(*match.extra) +
            " is not among those that are asked for";
  if (match.missing) {
    std::string missing = std::to_string(match.missing_count) + " of " +
                          std::to_string(match.rows.size()) + " ids are missing, the first is " +
                          theirs.Shown(*match.missing);
    return tl::unexpected(StrictFault{"missing_ids", missing + (extra.empty() ? "" : "; " + extra),
                                      std::nullopt, false, may_have_more ? "" : extra});
  }
  if (match.extra && !may_have_more)
    return Refuse("extra_ids",
                  extra + (match.extra_count == 1
                               ? ""
                               : ", nor are " + std::to_string(match.extra_count - 1) + " more"));
  return {};
}

Done MatchTables(const StrictRules& rules, const StrictTables& tables) {
  if (tables.matched != nullptr) {
    if (!tables.matched->in_order) TakeRows(*tables.submission, tables.matched->rows);
    return {};
  }
  IdTexts mine(*tables.submission, rules.id_columns, tables.submission_text);
  IdTexts theirs(*tables.answers, rules.id_columns, tables.answers_text);
  IdMatching match = MatchIds(mine, theirs);
  if (auto done = RefuseMismatch(tables, match, mine, theirs, rules.may_have_more); !done)
    return done;
  TakeRows(*tables.submission, match.rows);
  return {};
}

}  // namespace

ReadCsvOptions StrictOptions(const StrictRules& rules) {
  ReadCsvOptions options;
  options.na = NaWords::kEmptyOnly;
  options.ragged = false;
  options.repeated_names = false;
  for (const StrictColumn& column : rules.columns) {
    if (column.type == Type::kText || column.type == Type::kWords)
      options.text_columns.push_back(column.name);
  }
  return options;
}

tl::expected<std::string_view, ReadFault> UnpackStrictly(std::string_view bytes,
                                                         const UnpackLimits& limits,
                                                         std::string& unpacked) {
  if (!IsPacked(bytes)) return bytes;
  auto whole = Unpack(bytes, limits);
  if (!whole) return tl::unexpected(whole.error());
  unpacked = std::move(*whole);
  return unpacked;
}

Strictly<void> CheckStrictTable(const StrictRules& rules, const StrictTables& tables) {
  if (tables.submission->empty()) return Refuse("empty", "there are no rows");
  for (const std::string& name : rules.id_columns) {
    if (!tables.answers->Has(name))
      return tl::unexpected(StrictFault{"bad_answers", "the answers have no column '" + name + "'",
                                        std::nullopt, true});
    if (!tables.submission->Has(name))
      return Refuse("missing_column", "there is no column '" + Printable(name) + "'");
  }
  if (auto done = CheckColumns(rules, tables); !done) return done;
  return MatchTables(rules, tables);
}

}  // namespace podium
