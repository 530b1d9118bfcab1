#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "tables/frame/frame.h"
#include "tables/frame/read_csv.h"
#include "tables/frame/unpack.h"
#include "tables/id_match.h"

// What `strict` means, for own tasks and competitions alike: how a submission is read and what is
// asked of it.
namespace podium {

// What a column of a submission holds.
struct StrictColumn {
  enum class Type {
    kNumber,  // a finite number within [min, max]
    kLabel,   // a class of the answers' kind: a whole number, or a word
    kText,    // any text, taken as it is written
    kWords,   // text; an empty cell is no words
  };
  std::string name;
  Type type = Type::kNumber;
  double min = 0;
  double max = 0;
  bool integer = false;  // kNumber: whole numbers alone; "3.0" is one
};

struct StrictRules {
  std::vector<std::string> id_columns;
  std::vector<StrictColumn> columns;
  bool may_have_more = false;  // ids that the answers do not have are left out
};

// Why a table is refused. `code` is stable; `detail` says where and is safe to print.
struct StrictFault {
  std::string code;
  std::string detail;
  std::optional<std::string> cell = std::nullopt;  // the text of the cell, where one is at fault
  bool of_answers = false;                         // the answers', never the submission's
  std::string foreign = "";  // of missing ids: the first id that nobody asked for, and where
};
template <class T>
using Strictly = tl::expected<T, StrictFault>;

// How strict mode reads both tables: only an empty cell is missing, text stays as it is written,
// ragged rows and repeated columns are faults.
[[nodiscard]] ReadCsvOptions StrictOptions(const StrictRules& rules);

// The bytes of a table: as they are, or what one gzip or ZIP file, told by its first bytes, holds.
// `unpacked` keeps what was packed and must outlive the view.
[[nodiscard]] tl::expected<std::string_view, ReadFault> UnpackStrictly(std::string_view bytes,
                                                                       const UnpackLimits& limits,
                                                                       std::string& unpacked);

// Both tables, and the bytes that they were read from (none where they were no CSV file).
struct StrictTables {
  Frame* submission = nullptr;
  const Frame* answers = nullptr;
  std::string_view submission_text;
  std::string_view answers_text;
  // A single id column that is known to match one to one, or nullptr.
  const IdRows* matched = nullptr;
};

// Asks for the columns, of their types and ranges; every id of the answers once and (unless there
// may be more) no other, in any order. On success the submission's rows are those of the answers,
// in their order.
[[nodiscard]] Strictly<void> CheckStrictTable(const StrictRules& rules, const StrictTables& tables);

}  // namespace podium
