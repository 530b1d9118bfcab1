#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "harness/cli/cli.h"
#include "harness/cli/score_program.h"
#include "harness/score/verbs.h"
#include "scoring/metric_docs.h"

namespace podium::harness {
namespace {

struct MetricArguments {
  std::string name;
  bool json = false;
};

Result<Exit> Show(const MetricArguments& args) {
  PODIUM_ASSIGN(auto text,
                args.json ? scoring::MetricJson(args.name) : scoring::MetricText(args.name));
  std::fputs(text.c_str(), stdout);
  return Exit::kOk;
}

Result<Exit> List(const MetricArguments& args) {
  std::string text = args.json ? scoring::MetricsJson() : scoring::MetricTable();
  std::fputs(text.c_str(), stdout);
  return Exit::kOk;
}

}  // namespace

void AddMetricVerbs(CLI::App& app, Exit& exit) {
  auto args = std::make_shared<MetricArguments>();
  auto* metrics = app.add_subcommand("metrics", ScoreVerbHelp("metrics"));
  metrics->require_subcommand(1);
  auto* list = metrics->add_subcommand("ls", "All metrics, one line each");
  list->add_flag("--json", args->json, "Print JSON (podium-metrics/1)");
  list->callback(Wrap(exit, [args] { return List(*args); }));
  auto* show = metrics->add_subcommand("show", "One metric, its parameters and its source");
  show->add_option("name", args->name, "The metric")->required();
  show->add_flag("--json", args->json, "Print JSON (podium-metrics/1)");
  show->callback(Wrap(exit, [args] { return Show(*args); }));
}

}  // namespace podium::harness
