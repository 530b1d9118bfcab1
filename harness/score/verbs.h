#pragma once

#include "harness/cli/cli.h"

namespace podium::harness {

void AddGradeVerbs(CLI::App& app, Exit& exit);     // grade, grade-sample
void AddMetricVerbs(CLI::App& app, Exit& exit);    // metrics
void AddAggregateVerb(CLI::App& app, Exit& exit);  // aggregate
void AddImportVerbs(CLI::App& app, Exit& exit);    // tasks import
void AddGradingReportVerb(CLI::App& app,
                          Exit& exit);  // grading-report, which `podium` alone starts

}  // namespace podium::harness
