#include "tasks/builtins.h"
#include "tasks/r_split.h"

namespace podium::tasks {

// The grants tables of the R package modeldata: Kaggle's unimelb contest, cleaned and split again
// by Kuhn and Johnson ("Applied Predictive Modeling", 2013, chapter 12): 8,190 applications to
// learn from, 518 of 2008 held out.
Status BuildUnimelb(const BuildContext& context) {
  const std::string base = "usr/lib/R/site-library/modeldata/data/Rdata.";
  PODIUM_ASSIGN(auto files, context.Unpack("r-cran-modeldata", {base + "rdx", base + "rdb"}));
  context.progress("reading the grants tables");
  PODIUM_ASSIGN(auto train_frame,
                ReadLazyObject(files[base + "rdx"], files[base + "rdb"], "grants_other"));
  PODIUM_ASSIGN(auto test_frame,
                ReadLazyObject(files[base + "rdx"], files[base + "rdb"], "grants_test"));
  PODIUM_ASSIGN(auto train, RTable::From(train_frame));
  PODIUM_ASSIGN(auto test, RTable::From(test_frame));
  return WriteBinarySplit(context, {.train = {&train, 0, train.rows()},
                                    .test = {&test, 0, test.rows()},
                                    .target = "class",
                                    .positive = "successful",
                                    .train_target = "granted",
                                    .prediction = "granted",
                                    .sample = "0.5"});
}

}  // namespace podium::tasks
