#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tasks/builtins.h"
#include "tasks/r_data.h"

namespace podium::tasks {

// A binary classification task cut from an R data frame: `positive` is the level of column `target`
// that counts as 1.
struct BinarySplit {
  struct Part {
    const RTable* table;
    std::size_t first;  // row
    std::size_t last;   // one past
  };
  Part train;
  Part test;
  std::string target;
  std::string positive;
  std::string train_target;  // the name of the 0/1 column in train.csv
  std::string prediction;    // the name of the submission's column
  std::string sample;        // the sample submission's constant, as text
};

// Writes train.csv (id, columns, 0/1 target), test.csv (no target), sample_submission.csv,
// answers.csv and perfect_submission.csv. Ids count from 1 through train, then test.
[[nodiscard]] Status WriteBinarySplit(const BuildContext& context, const BinarySplit& split);

}  // namespace podium::tasks
