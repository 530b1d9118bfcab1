#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tables/frame/csv_scanner.h"
#include "tables/frame/frame.h"

namespace podium {

// The ids of a table's rows as they are written. Keeps views into the bytes and the frame.
class IdTexts {
 public:
  // Columns of text are taken from the frame. Where some are numbers, whose texts are gone, all are
  // read from `bytes` once more; without bytes (a table that was no CSV file) a number is its text
  // in Python.
  IdTexts(const Frame& frame, std::span<const std::string> names, std::string_view bytes);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  // Whether a part of the id is an empty cell.
  [[nodiscard]] bool Missing(std::size_t row) const;
  // What makes rows the same: the text, or with `by_value` what stands for it (IdValue).
  [[nodiscard]] std::string Key(std::size_t row, bool by_value) const;
  // For a person: printable, cut to 60 bytes.
  [[nodiscard]] std::string Shown(std::size_t row) const;

 private:
  void ReadAgain(std::span<const std::size_t> places, std::string_view bytes);

  std::size_t rows_ = 0;
  std::vector<PackedTexts> columns_;
  TextBlocks blocks_;
  std::vector<std::string> made_;
};

// What stands for an id where ids are compared by value: the shortest text of a number, blanks
// around it or not ("007", " 7", "7.0" and "7e0" are "7"). Other text stays as it is written, and
// so does a fraction beyond 2^53, whose last digits are not known.
[[nodiscard]] std::string IdValue(std::string_view text);

// How the ids of two tables go together. The rest is not looked for behind an empty or repeated id.
struct IdMatching {
  // The submission's row of every answer, in the answers' order; once where answers have several
  // rows of an id.
  std::vector<RowIndex> rows;
  std::optional<std::size_t> empty;     // the first row of the submission without an id
  std::optional<std::size_t> repeated;  // the first whose id is there already
  std::optional<std::size_t> extra;     // the first whose id the answers do not have
  std::size_t extra_count = 0;
  std::optional<std::size_t> missing;  // the answers' first row whose id is not there
  std::size_t missing_count = 0;
};

// Ids are compared as text first. What is left of the submission is compared by value, and only
// where the answers' ids all differ by value too: so a file that has the answers' own ids always
// matches.
[[nodiscard]] IdMatching MatchIds(const IdTexts& submission, const IdTexts& answers);

}  // namespace podium
