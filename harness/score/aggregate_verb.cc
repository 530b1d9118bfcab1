#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/cli/score_program.h"
#include "harness/report/table.h"
#include "harness/score/verbs.h"
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
  std::string mode = "compat";
  bool json = false;
  [[nodiscard]] bool strict() const { return mode == "strict"; }
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

// A number, or null where there is none (the spread of a lone seed).
Json NumberOrNull(double value) { return std::isnan(value) ? Json(nullptr) : Json(value); }

Json MetricsJson(const scoring::Aggregate& a) {
  Json metrics = Json::object();
  for (const auto& m : a.metrics)
    metrics[m.name] = {{"mean", m.mean},
                       {"standard_error", NumberOrNull(m.standard_error)},
                       {"ci_lower", NumberOrNull(m.ci_lower)},
                       {"ci_upper", NumberOrNull(m.ci_upper)},
                       {"per_seed", m.per_seed}};
  return {{"num_seeds_averaged", a.seeds},
          {"num_competitions_per_seed", a.competitions},
          {"too_few_seeds", a.too_few_seeds()},
          {"notes", a.notes},
          {"any_medal_wilson95_over_tasks", {a.tasks_low, a.tasks_high}},
          {"metrics", metrics}};
}

void PrintJson(const std::vector<SplitResult>& results, const scoring::ExperimentReports& found,
               bool strict) {
  Json out = {{"schema", "podium-aggregate/1"},
              {"mode", strict ? "strict" : "compat"},
              {"seed", strict ? "run group" : "k-th report of each competition"},
              {"interval", strict ? "Student's t, n - 1" : "1.96 standard errors"},
              {"skipped", found.skipped},
              {"splits", Json::object()}};
  for (const auto& r : results)
    out["splits"][r.split] =
        r.aggregate ? MetricsJson(*r.aggregate) : Json{{"error", r.aggregate.error().message}};
  std::cout << DumpJson(out, 2) << "\n";
}

// "36.4 +- 2.6"; a lone seed has no spread to show.
std::string MeanText(const scoring::Aggregate& a, std::size_t metric) {
  const auto& m = a.metrics[metric];
  std::string out = FormatScore(m.mean, 1);
  if (a.seeds > 1) out += " ± " + FormatScore(m.standard_error, 2);
  if (a.seeds > 1 && a.mode == scoring::AggregateMode::kStrict)
    out += " (" + FormatScore(m.ci_lower, 1) + " to " + FormatScore(m.ci_upper, 1) + ")";
  return out;
}

constexpr const char* kCompatLegend =
    "\nmode compat: mean ± standard error over seeds, as mle-bench's script prints them (the k-th "
    "report of a task is seed k);\nthe interval over tasks is Wilson's, each task once whatever "
    "its "
    "seeds.\n";
constexpr const char* kStrictLegend =
    "\nmode strict: a seed is a run group, a task that it lacks counts as no medal; mean ± "
    "standard "
    "error over seeds, with the\n95 % interval by Student's t; the interval over tasks is "
    "Wilson's, "
    "each task once whatever its seeds.\n";

void PrintTable(const std::vector<SplitResult>& results, const scoring::ExperimentReports& found,
                bool strict) {
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
    for (const auto& note : a.notes) notes += r.split + ": " + note + "\n";
    table.Add({r.split, std::to_string(a.competitions), std::to_string(a.seeds), MeanText(a, 7),
               FormatScore(a.tasks_low, 0) + "-" + FormatScore(a.tasks_high, 0), MeanText(a, 4),
               MeanText(a, 5), MeanText(a, 6), MeanText(a, 3), MeanText(a, 2)});
  }
  for (const auto& skipped : found.skipped) notes += "skipped " + skipped + "\n";
  std::cout << table.Text() << (strict ? kStrictLegend : kCompatLegend)
            << (few ? "Fewer than 3 seeds: too few to say how much seeds vary.\n" : "") << notes;
}

// In compat all reports are one list.
Result<std::vector<scoring::SeedGroup>> GroupsOf(const AggregateArguments& args,
                                                 const scoring::ExperimentReports& found) {
  if (args.strict()) return scoring::ReadSeedGroups(found.files);
  PODIUM_ASSIGN(auto reports, scoring::ReadReports(found.files));
  return std::vector<scoring::SeedGroup>{{"", std::move(reports)}};
}

Result<scoring::Aggregate> OfSplit(const AggregateArguments& args,
                                   const std::vector<scoring::SeedGroup>& groups,
                                   const std::vector<std::string>& ids) {
  if (args.strict()) return scoring::AggregateGroups(groups, ids, args.options);
  return scoring::AggregateReports(groups.front().reports, ids, args.options);
}

Result<Exit> Aggregate(const AggregateArguments& args) {
  if (!args.strict() && args.mode != "compat")
    return Fail(ErrorCode::kUsage, "--mode is compat or strict, not '" + args.mode + "'");
  PODIUM_ASSIGN(auto found, ReportFiles(args));
  PODIUM_ASSIGN(auto groups, GroupsOf(args, found));
  std::vector<std::string> splits = args.splits;
  if (splits.empty()) splits = {"low", "medium", "high", "all"};
  std::vector<SplitResult> results;
  bool any = false;
  for (const auto& split : splits) {
    PODIUM_ASSIGN(auto ids, SplitIds(split));
    results.push_back({split, OfSplit(args, groups, ids)});
    any |= results.back().aggregate.has_value();
    // A split that was asked for by name must be there.
    if (!args.splits.empty() && !results.back().aggregate)
      return tl::unexpected(results.back().aggregate.error());
  }
  args.json ? PrintJson(results, found, args.strict()) : PrintTable(results, found, args.strict());
  return any ? Exit::kOk : Exit::kUsage;
}

}  // namespace

void AddAggregateVerb(CLI::App& app, Exit& exit) {
  auto args = std::make_shared<AggregateArguments>();
  auto* aggregate = app.add_subcommand("aggregate", ScoreVerbHelp("aggregate"));
  aggregate->add_option(
      "report", args->reports,
      "Grading reports; the k-th entry of a task is seed k (strict: a report is a seed)");
  aggregate
      ->add_option(
          "--mode", args->mode,
          "compat (mle-bench's script, its pairing and 1.96 included) or strict (a seed is a "
          "run group's report; Student's t)")
      ->capture_default_str();
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
