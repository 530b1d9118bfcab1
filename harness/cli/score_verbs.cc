#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/report/table.h"
#include "scoring/boards/mle_bench_catalogue.h"
#include "scoring/report/aggregate.h"
#include "scoring/report/experiment.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

struct AggregateArguments {
  std::vector<std::string> reports;
  std::string runs = "runs";
  std::string experiment;
  std::vector<std::string> splits;
  scoring::AggregateOptions options;
  bool json = false;
};

Result<scoring::ExperimentReports> ReportFiles(const AggregateArguments& args) {
  if (args.reports.empty() == args.experiment.empty())
    return Fail(ErrorCode::kUsage,
                "name grading reports, or an experiment with --experiment (and --runs DIR)");
  if (!args.experiment.empty()) return scoring::FindExperiment(args.runs, args.experiment);
  scoring::ExperimentReports out;
  out.files.assign(args.reports.begin(), args.reports.end());
  return out;
}

// The competitions of a split by name, or of a file with one id a line.
Result<std::vector<std::string>> SplitIds(const std::string& split) {
  if (split.find('/') == std::string::npos && !split.ends_with(".txt"))
    return scoring::MleBenchSplit(split);
  PODIUM_ASSIGN(auto text, ReadFile(split, 1 << 20));
  std::vector<std::string> ids;
  for (std::string_view line : Split(text, '\n')) {
    if (!Trim(line).empty()) ids.emplace_back(Trim(line));
  }
  return ids;
}

struct SplitResult {
  std::string split;
  Result<scoring::Aggregate> aggregate;
};

Json MetricsJson(const scoring::Aggregate& a) {
  Json metrics = Json::object();
  for (const auto& m : a.metrics)
    metrics[m.name] = {{"mean", m.mean},
                       {"standard_error", m.standard_error},
                       {"ci_lower", m.ci_lower},
                       {"ci_upper", m.ci_upper},
                       {"per_seed", m.per_seed}};
  return {{"num_seeds_averaged", a.seeds},
          {"num_competitions_per_seed", a.competitions},
          {"too_few_seeds", a.too_few_seeds()},
          {"any_medal_wilson95_over_tasks", {a.tasks_low, a.tasks_high}},
          {"metrics", metrics}};
}

void PrintJson(const std::vector<SplitResult>& results, const scoring::ExperimentReports& found) {
  Json out = {
      {"schema", "podium-aggregate/1"}, {"skipped", found.skipped}, {"splits", Json::object()}};
  for (const auto& r : results)
    out["splits"][r.split] =
        r.aggregate ? MetricsJson(*r.aggregate) : Json{{"error", r.aggregate.error().message}};
  std::cout << DumpJson(out, 2) << "\n";
}

// "36.4 +- 2.6"; a lone seed has no spread to show.
std::string MeanText(const scoring::Aggregate& a, std::size_t metric) {
  const auto& m = a.metrics[metric];
  std::string out = FormatScore(m.mean, 1);
  return a.seeds > 1 ? out + " ± " + FormatScore(m.standard_error, 2) : out;
}

void PrintTable(const std::vector<SplitResult>& results, const scoring::ExperimentReports& found) {
  TextTable table({"split", "tasks", "seeds", "any medal %", "95 % over tasks", "gold %",
                   "silver %", "bronze %", "above median %", "valid %"},
                  {false, true, true, true, true, true, true, true, true, true});
  std::string notes;
  bool few = false;
  for (const auto& r : results) {
    if (!r.aggregate) {
      notes += r.split + ": " + r.aggregate.error().message + "\n";
      continue;
    }
    const auto& a = *r.aggregate;
    few |= a.too_few_seeds();
    table.Add({r.split, std::to_string(a.competitions), std::to_string(a.seeds), MeanText(a, 7),
               FormatScore(a.tasks_low, 0) + "-" + FormatScore(a.tasks_high, 0), MeanText(a, 4),
               MeanText(a, 5), MeanText(a, 6), MeanText(a, 3), MeanText(a, 2)});
  }
  for (const auto& skipped : found.skipped) notes += "skipped " + skipped + "\n";
  std::cout
      << table.Text()
      << "\nMean ± standard error over seeds, as mle-bench's script prints them; the interval over "
         "tasks is Wilson's,\neach task once whatever its seeds.\n"
      << (few ? "Fewer than 3 seeds: too few to say how much seeds vary.\n" : "") << notes;
}

Result<Exit> Aggregate(const AggregateArguments& args) {
  PODIUM_ASSIGN(auto found, ReportFiles(args));
  PODIUM_ASSIGN(auto reports, scoring::ReadReports(found.files));
  std::vector<std::string> splits = args.splits;
  if (splits.empty()) splits = {"low", "medium", "high", "all"};
  std::vector<SplitResult> results;
  bool any = false;
  for (const auto& split : splits) {
    PODIUM_ASSIGN(auto ids, SplitIds(split));
    results.push_back({split, scoring::AggregateReports(reports, ids, args.options)});
    any |= results.back().aggregate.has_value();
    // A split that was asked for by name must be there.
    if (!args.splits.empty() && !results.back().aggregate)
      return tl::unexpected(results.back().aggregate.error());
  }
  args.json ? PrintJson(results, found) : PrintTable(results, found);
  return any ? Exit::kOk : Exit::kUsage;
}

}  // namespace

void AddScoreVerbs(CLI::App& app, Exit& exit) {
  auto args = std::make_shared<AggregateArguments>();
  auto* aggregate = app.add_subcommand(
      "aggregate", "mle-bench's table from grading reports: mean and standard error over seeds");
  aggregate->add_option("report", args->reports,
                        "Grading reports; the k-th entry of a task is seed k");
  aggregate->add_option("--experiment", args->experiment,
                        "Take the reports of an experiment of run_group_experiments.csv");
  aggregate->add_option("--runs", args->runs, "Where the run groups lie")->capture_default_str();
  aggregate->add_option(
      "--split", args->splits,
      "low, medium, high, all, dev, systemcard, or a file of ids (default: the first four)");
  aggregate
      ->add_option("--num-seeds", args->options.seeds,
                   "Use the first N seeds; -1: all complete ones")
      ->capture_default_str();
  aggregate->add_flag("--pad-missing", args->options.pad_missing,
                      "Count a missing report as no submission");
  aggregate->add_flag("--json", args->json, "Print JSON (podium-aggregate/1)");
  aggregate->callback(Wrap(exit, [args] { return Aggregate(*args); }));
}

}  // namespace podium::harness
