#include "harness/cli/program.h"
#include "harness/score/verbs.h"

int main(int argc, char** argv) {
  using namespace podium::harness;
  const VerbGroup groups[] = {{{"tasks"}, AddImportVerbs},
                              {{"grade", "grade-sample"}, AddGradeVerbs},
                              {{"metrics"}, AddMetricVerbs},
                              {{"aggregate"}, AddAggregateVerb},
                              {{"grading-report"}, AddGradingReportVerb}};
  return RunProgram(argc, argv, groups);
}
