#include "tasks/builtins.h"
#include "tasks/r_split.h"

namespace podium::tasks {

// The CoIL Challenge 2000 tables as kernlab's ticdata: rows 1 to 5822 were given with their labels,
// 5823 to 9822 were not.
Status BuildCoil(const BuildContext& context) {
  constexpr std::size_t kTrain = 5822;
  constexpr std::size_t kAll = 9822;
  const std::string path = "usr/lib/R/site-library/kernlab/data/ticdata.rda";
  PODIUM_ASSIGN(auto files, context.Unpack("r-cran-kernlab", {path}));
  context.progress("reading ticdata");
  PODIUM_ASSIGN(auto objects, ReadRda(files[path]));
  if (!objects.contains("ticdata"))
    return Fail(ErrorCode::kNotFound, path + " holds no object 'ticdata'");
  PODIUM_ASSIGN(auto table, RTable::From(objects["ticdata"]));
  return WriteBinarySplit(context, {.train = {&table, 0, kTrain},
                                    .test = {&table, kTrain, kAll},
                                    .target = "CARAVAN",
                                    .positive = "insurance",
                                    .train_target = "CARAVAN",
                                    .prediction = "score",
                                    .sample = "0"});
}

}  // namespace podium::tasks
