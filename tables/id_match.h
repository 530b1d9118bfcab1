#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "tables/frame/frame.h"

namespace podium {

// The submission's row of each answer; none is listed where both tables have the same order.
struct IdRows {
  bool in_order = false;
  std::vector<std::size_t> rows;
};

// The rows, where every answer has exactly one and no id occurs twice; else nothing. `same_order`:
// the ids are the same row by row. Without `may_have_more` the submission has no other rows. By
// hashing under a key of this process, in parts that fit into the cache, on some threads; ids that
// rise from row to row need no hashing, nor do whole numbers from a narrow range. Nothing too where
// a hash table does badly: another way is then slower, but bounded. Memory: 24 bytes a row.
[[nodiscard]] std::optional<IdRows> MatchUnique(const Column& submission, const Column& answers,
                                                bool same_order, bool may_have_more);

}  // namespace podium
