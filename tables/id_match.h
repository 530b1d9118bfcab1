#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "tables/frame/frame.h"

namespace podium {

// The submission's row of each answer; none is listed where both tables have the same order.
struct IdRows {
  bool in_order = false;
  std::vector<RowIndex> rows;
};

// The rows, where every answer has exactly one and no id occurs twice; else nothing. `same_order`:
// the ids are the same row by row. Without `may_have_more` the submission has no other rows.
// Nothing too where a hash table does badly: another way is then slower, but bounded.
//
// Whole numbers are compared themselves, texts by their fingerprints (keyed_hash.h) alone. So
// tables with the same ids always match right; a foreign id of n bytes is taken for one of so many
// rows with a chance of at most rows * (n / 7 + 1) / 2^60: for a million ids of 64 bytes one in
// 10^11, whoever wrote them. In parts that fit into the cache, on some threads. Memory: 28 bytes a
// row. `release`: ReadCsvOptions', for text that has been looked at.
[[nodiscard]] std::optional<IdRows> MatchUnique(const Column& submission, const Column& answers,
                                                bool same_order, bool may_have_more,
                                                const ReleaseBytes& release = {});

}  // namespace podium
