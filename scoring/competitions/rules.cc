#include "scoring/competitions/rules.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "scoring/competitions/columns.h"
#include "scoring/competitions/ids.h"
#include "scoring/metrics/inputs.h"
#include "tables/frame/parse_number.h"

namespace podium::scoring {
namespace {

using Done = Graded<void>;

tl::unexpected<Fault> FailRule(const Rule& rule, std::string code, std::string detail) {
  return rule.raises ? Raised(std::move(code), std::move(detail))
                     : Refused(std::move(code), std::move(detail));
}

std::string Quoted(std::string_view name) { return "'" + Printable(name.substr(0, 60)) + "'"; }

// A column that the original would look up: a KeyError where it is missing.
Graded<const Column*> Lookup(const Frame& frame, std::string_view name) {
  if (const Column* found = frame.Find(name)) return found;
  return Raised("missing_column", "there is no column " + Quoted(name));
}

const std::vector<std::string>& ColumnsOf(const Rule& rule, const Tables& tables) {
  return rule.columns.empty() ? tables.targets : rule.columns;
}

// Calls `check` with each of the rule's columns in the submission.
template <class Check>
Done EachColumn(const Rule& rule, Tables& tables, const Check& check) {
  for (const std::string& name : ColumnsOf(rule, tables)) {
    GRADED_ASSIGN(const Column* column, Lookup(tables.submission, name));
    GRADED_TRY(check(*column));
  }
  return {};
}

// --- which columns there are

Done HasColumns(const Rule& rule, Tables& tables) {
  for (const std::string& name : ColumnsOf(rule, tables)) {
    if (!tables.submission.Has(name))
      return FailRule(rule, "missing_column", "there is no column " + Quoted(name));
  }
  return {};
}

Done HasOneOfColumns(const Rule& rule, Tables& tables) {
  for (const std::string& name : rule.columns) {
    if (tables.submission.Has(name)) return {};
  }
  return FailRule(rule, "missing_column",
                  "there is none of the columns " + Join(rule.columns, ", "));
}

Done HasExactlyColumns(const Rule& rule, Tables& tables) {
  GRADED_TRY(HasColumns(rule, tables));
  for (const Column& column : tables.submission.columns) {
    if (std::ranges::find(rule.columns, column.name) == rule.columns.end())
      return FailRule(rule, "extra_column",
                      "the column " + Quoted(column.name) + " is not expected");
  }
  return {};
}

Done HasColumnCount(const Rule& rule, Tables& tables) {
  std::size_t count = tables.submission.columns.size();
  if (static_cast<double>(count) == rule.min) return {};
  return FailRule(rule, "column_count",
                  std::to_string(count) + " columns, expected " + PythonFloat(rule.min));
}

// The first column is refused where it is another, the others too, but their number raises.
Done HasColumnsInOrder(const Rule& rule, Tables& tables) {
  const auto& columns = tables.submission.columns;
  if (columns.empty()) return Raised("missing_column", "there are no columns");
  if (columns[0].name != rule.columns[0])
    return FailRule(rule, "column_order", "the first column is not " + Quoted(rule.columns[0]));
  if (columns.size() != rule.columns.size())
    return Raised("column_count", std::to_string(columns.size()) + " columns, expected " +
                                      std::to_string(rule.columns.size()));
  for (std::size_t c = 1; c < columns.size(); ++c) {
    if (columns[c].name != rule.columns[c])
      return FailRule(rule, "column_order",
                      "column " + std::to_string(c + 1) + " is not " + Quoted(rule.columns[c]));
  }
  return {};
}

// --- how many rows there are, and whose

Done HasRows(const Rule& rule, Tables& tables) {
  if (tables.submission.rows == tables.answers.rows) return {};
  return FailRule(rule, "row_count",
                  std::to_string(tables.submission.rows) + " rows, expected " +
                      std::to_string(tables.answers.rows));
}

Done IsNotEmpty(const Rule& rule, Tables& tables) {
  if (!tables.submission.empty()) return {};
  return FailRule(rule, "empty", "there are no rows");
}

Done HasIds(const Rule& rule, Tables& tables) {
  const std::string& name = rule.columns.empty() ? tables.id : rule.columns[0];
  GRADED_ASSIGN(const Column* ids, Lookup(tables.submission, name));
  const Column* answers = tables.answers.Find(name);
  if (answers == nullptr) return TaskFault("bad_answers", "the answers have no column " + name);
  bool by_rows = name == tables.id;
  if (by_rows && rule.how != "unique" && InSameOrder(tables)) return {};
  if (by_rows && MatchedRows(tables) != nullptr) return {};
  auto differ = [&](const char* what) {
    return FailRule(rule, "wrong_ids", "column " + Quoted(name) + ": " + what);
  };
  if (rule.how == "set" && !SameSet(*ids, *answers)) return differ("other ids than the answers'");
  if (rule.how == "cover" && !Covers(*ids, *answers))
    return differ("an id of the answers is missing");
  if (rule.how == "subset" && !Covers(*answers, *ids)) return differ("an id is not in the answers");
  if (rule.how == "unique" && HasDuplicates(*ids))
    return FailRule(rule, "duplicate_id", "column " + Quoted(name) + ": an id occurs twice");
  if (!rule.how.empty() && rule.how != "sorted") return {};
  IdMatch match = CompareSorted(*ids, *answers);
  if (match == IdMatch::kDiffer) return differ("other ids than the answers'");
  if (match == IdMatch::kOtherLength)
    return Raised("row_count", std::to_string(ids->size()) + " rows, expected " +
                                   std::to_string(answers->size()));
  return {};
}

// --- what cells hold

Done IsNumeric(const Rule& rule, Tables& tables) {
  return EachColumn(rule, tables, [&](const Column& column) -> Done {
    auto numbers = AnyNumbers(column, Side::kSubmission);
    if (numbers) return {};
    return FailRule(rule, numbers.error().code, numbers.error().detail);
  });
}

// how "numpy": a column of bools is none.
Done IsNumberType(const Rule& rule, Tables& tables) {
  return EachColumn(rule, tables, [&](const Column& column) -> Done {
    bool number = column.numeric() && (rule.how != "numpy" || column.dtype != DType::kBool);
    if (number) return {};
    return FailRule(
        rule, "not_a_number",
        "the column " + Quoted(column.name) + " holds " + std::string(DTypeText(column.dtype)));
  });
}

// how "missing": a missing cell passes. Text cannot be compared with a number.
Done IsBetween(const Rule& rule, Tables& tables) {
  return EachColumn(rule, tables, [&](const Column& column) -> Done {
    if (!column.numeric() && !column.python_bools && column.size() > 0)
      return Raised("not_a_number", "the column " + Quoted(column.name) + " holds text");
    GRADED_ASSIGN(auto values, AnyNumbers(column, Side::kSubmission));
    for (std::size_t row = 0; row < values.size(); ++row) {
      double v = values[row];
      bool good = std::isnan(v) ? rule.how == "missing" : v >= rule.min && v <= rule.max;
      if (good) continue;
      return FailRule(rule, std::isnan(v) ? "missing_value" : "out_of_range",
                      "column " + Quoted(column.name) + ", row " + std::to_string(row + 1) + ": " +
                          PythonFloat(v) + " is not from " + PythonFloat(rule.min) + " to " +
                          PythonFloat(rule.max));
    }
    return {};
  });
}

Done IsPresent(const Rule& rule, Tables& tables) {
  return EachColumn(rule, tables, [&](const Column& column) -> Done {
    if (column.CountMissing() == 0) return {};
    return FailRule(rule, "missing_value", "column " + Quoted(column.name) + ": a cell is empty");
  });
}

Done IsFinite(const Rule& rule, Tables& tables) {
  return EachColumn(rule, tables, [&](const Column& column) -> Done {
    auto numbers = FiniteNumbers(column, Side::kSubmission);
    if (numbers) return {};
    return FailRule(rule, numbers.error().code, numbers.error().detail);
  });
}

struct Handler {
  const char* kind;
  Done (*apply)(const Rule& rule, Tables& tables);
};

constexpr Handler kHandlers[] = {
    {"as_class_id", AsClassId},
    {"as_int", AsInt},
    {"as_text", AsText},
    {"between", IsBetween},
    {"column_count", HasColumnCount},
    {"columns", HasColumns},
    {"columns_exactly", HasExactlyColumns},
    {"columns_in_order", HasColumnsInOrder},
    {"fill_empty", FillEmpty},
    {"fill_zero", FillZero},
    {"finite", IsFinite},
    {"ids", HasIds},
    {"not_empty", IsNotEmpty},
    {"number_type", IsNumberType},
    {"numeric", IsNumeric},
    {"one_of_columns", HasOneOfColumns},
    {"present", IsPresent},
    {"rename", RenameColumn},
    {"row_sums", HasRowSums},
    {"rows", HasRows},
    {"run_lengths", HasRunLengths},
};

}  // namespace

bool InSameOrder(Tables& tables) {
  const Column* mine = tables.submission.Find(tables.id);
  const Column* theirs = tables.answers.Find(tables.id);
  if (mine == nullptr || theirs == nullptr) return false;
  if (!tables.same_order) tables.same_order = SameRowByRow(*mine, *theirs, tables.release);
  return *tables.same_order;
}

IdRows* MatchedRows(Tables& tables) {
  const Column* mine = tables.submission.Find(tables.id);
  const Column* theirs = tables.answers.Find(tables.id);
  if (mine == nullptr || theirs == nullptr) return nullptr;
  if (!tables.matched)
    tables.matched =
        MatchUnique(*mine, *theirs, InSameOrder(tables), tables.may_have_more, tables.release);
  return *tables.matched ? &**tables.matched : nullptr;
}

Graded<void> ApplyRules(const std::vector<Rule>& rules, Tables& tables) {
  for (const Rule& rule : rules) {
    auto handler = std::ranges::find(kHandlers, rule.kind, &Handler::kind);
    if (handler == std::end(kHandlers)) return TaskFault("bad_rule", "no rule '" + rule.kind + "'");
    GRADED_TRY(handler->apply(rule, tables));
  }
  return {};
}

std::vector<std::string> RuleKinds() {
  std::vector<std::string> kinds;
  for (const Handler& handler : kHandlers) kinds.emplace_back(handler.kind);
  return kinds;
}

}  // namespace podium::scoring
