#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <iostream>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/cli/score_program.h"
#include "harness/grading/grading.h"
#include "harness/report/summary.h"
#include "harness/score/competition_files.h"
#include "harness/score/verbs.h"
#include "harness/store/run_folder.h"
#include "scoring/report/grading_report.h"
#include "scoring/report/python_text.h"
#include "scoring/report/submission_list.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

struct GradeArguments {
  std::string file;  // a submission, or mle-bench's JSON lines
  std::string task;
  std::string output_dir = ".";
  std::string mode;
  CompetitionPlaces places;
  bool json = false;
};

Exit ExitOf(const std::string& verdict) {
  if (verdict == "grader_error") return Exit::kGraderError;
  return verdict == "scored" ? Exit::kOk : Exit::kInvalid;
}

// A file as the hand-over of a sandbox would have taken it.
GradeJob JobOf(const std::string& file) {
  GradeJob job;
  std::error_code ec;
  fs::file_status status = fs::status(file, ec);
  if (fs::is_regular_file(status) && fs::file_size(file, ec) > 0) {
    job.hand_over.status = records::HandOverStatus::kOk;
    job.submission = fs::canonical(file);
  } else if (fs::exists(status)) {
    job.hand_over.status = records::HandOverStatus::kInvalid;
    job.hand_over.reason = fs::is_regular_file(status) ? "empty" : "not_regular";
  }
  return job;
}

void PrintGrade(const records::GradeRecord& r) {
  std::cout << "verdict:    " << r.verdict << (r.reason.empty() ? "" : ": " + r.reason) << "\n";
  if (!r.detail.empty()) std::cout << "detail:     " << r.detail << "\n";
  if (r.score)
    std::cout << "score:      " << FormatScore(*r.score)
              << (r.lower_is_better ? " (lower is better)" : " (higher is better)") << "\n";
  if (r.verdict == "scored")
    std::cout << "medal:      " << r.standing.medal
              << (r.standing.above_median ? ", above median" : "") << "\n";
  if (r.standing.rank && r.score)
    std::cout << "place:      " << PlaceText(r) << " (the board's rows and this one)\n";
  if (!r.board) return;
  const records::MedalLines& lines = r.board->lines;
  std::cout << "board:      gold " << FormatScore(lines.gold) << ", silver "
            << FormatScore(lines.silver) << ", bronze " << FormatScore(lines.bronze) << ", median "
            << FormatScore(lines.median) << "\n";
}

Result<Exit> GradeFile(const std::string& file, const std::string& name, bool json) {
  PODIUM_ASSIGN(auto task, tasks::FindTask(name));
  PODIUM_ASSIGN(auto prepared,
                tasks::Prepare(
                    task, CacheDir(), [](std::string_view) {}, Deadline::In(kPrepareTime)));
  GradeJob job = JobOf(file);
  job.task = &task;
  job.prepared = &prepared;
  PODIUM_ASSIGN(auto record, Grade(job, Deadline::In(kGradingTime)));
  if (json) {
    std::cout << records::ToText(record);
  } else {
    PrintGrade(record);
  }
  return ExitOf(record.verdict);
}

// The members of podium-grade's record that grade-sample promises, in its order. A number that is
// not finite is the text "nan", "inf" or "-inf".
OrderedJson SampleJson(const Json& record) {
  OrderedJson out;
  out["schema"] = "podium-grade-sample/1";
  for (const char* key : {"task", "mode", "verdict", "reason", "detail", "raw_score", "score"})
    out[key] = record.contains(key) ? OrderedJson(record[key]) : OrderedJson(nullptr);
  std::string medal = JsonOr<std::string>(record, "medal", "none");
  out["any_medal"] = medal != "none";
  for (const char* name : {"gold", "silver", "bronze"})
    out[std::string(name) + "_medal"] = medal == name;
  for (const char* key : {"above_median", "thresholds", "percentile", "rank", "leaderboard_rows",
                          "lower_is_better", "grader", "task_digest", "submission_sha256"})
    out[key] = record.contains(key) ? OrderedJson(record[key]) : OrderedJson(nullptr);
  if (record.contains("board_note")) out["board_note"] = record["board_note"];
  return out;
}

std::string Shown(const Json& record, const char* key) {
  auto found = record.find(key);
  if (found == record.end() || found->is_null()) return "";
  return found->is_number() ? FormatDouble(found->get<double>()) : found->get<std::string>();
}

void PrintSample(const Json& record) {
  auto line = [](const char* name, const std::string& value) {
    if (!value.empty()) std::cout << name << value << "\n";
  };
  std::string reason = Shown(record, "reason");
  line("verdict:    ", Shown(record, "verdict") + (reason.empty() ? "" : ": " + reason));
  line("detail:     ", Shown(record, "detail"));
  line("mode:       ", Shown(record, "mode"));
  line("score:      ", Shown(record, "score"));
  line("raw score:  ", Shown(record, "raw_score"));
  if (Shown(record, "verdict") == "scored")
    line("medal:      ", Shown(record, "medal") +
                             (JsonOr<bool>(record, "above_median", false) ? ", above median" : ""));
  if (record.contains("thresholds")) {
    const Json& t = record["thresholds"];
    line("board:      ", "gold " + Shown(t, "gold") + ", silver " + Shown(t, "silver") +
                             ", bronze " + Shown(t, "bronze") + ", median " + Shown(t, "median"));
  }
  line("lines from: ", Shown(record, "lines_from"));
  line("note:       ", Shown(record, "board_note"));
}

Result<bool> IsCompetition(const std::string& task) {
  PODIUM_ASSIGN(auto ids, CompetitionIds());
  return std::ranges::binary_search(ids, task);
}

// A task of Podium's own; for an unknown name the nearest competition is suggested too.
Result<tasks::TaskPackage> FindOwnTask(const std::string& name) {
  auto task = tasks::FindTask(name);
  if (task || task.error().code != ErrorCode::kNotFound) return task;
  PODIUM_ASSIGN(auto ids, CompetitionIds());
  std::string hint = Suggest(name, ids);
  if (hint.empty()) hint = " mle-bench's competitions are known by their ids.";
  return Fail(ErrorCode::kNotFound, task.error().message + hint);
}

// An imported competition whose answers are given by hand.
Result<records::GradeRecord> RecordOfPackage(const tasks::TaskPackage& task,
                                             const GradeArguments& args) {
  PODIUM_ASSIGN(auto spec, scoring::ParseCompetition(task.grader.competition,
                                                     (task.dir / "competition.yaml").string()));
  PODIUM_ASSIGN(auto mode, scoring::ModeOf(args.mode.empty() ? task.grader.mode : args.mode));
  CompetitionPlaces places = args.places;
  if (places.board.empty() && places.boards.empty() && !task.leaderboard.file.empty())
    places.board = task.dir / task.leaderboard.file;
  return GradeCompetitionFile(places, spec, mode, args.file, Deadline::In(kGradingTime));
}

// The record of a file of one of Podium's own tasks.
Result<records::GradeRecord> RecordOfTask(const GradeArguments& args) {
  PODIUM_ASSIGN(auto task, FindOwnTask(args.task));
  const CompetitionPlaces& p = args.places;
  if (!task.grader.competition.empty() && !p.answers.empty()) return RecordOfPackage(task, args);
  if (!p.answers.empty() || !p.board.empty() || !p.boards.empty() || args.mode == "compat")
    return Fail(ErrorCode::kUsage,
                "'" + args.task + "' is a task of Podium: --answers, --board and --mode compat " +
                    "are for mle-bench's competitions");
  PODIUM_ASSIGN(auto prepared,
                tasks::Prepare(
                    task, CacheDir(), [](std::string_view) {}, Deadline::In(kGradingTime)));
  GradeJob job = JobOf(args.file);
  job.task = &task;
  job.prepared = &prepared;
  return Grade(job, Deadline::In(kGradingTime));
}

Result<records::GradeRecord> RecordOf(const GradeArguments& args) {
  PODIUM_ASSIGN(bool competition, IsCompetition(args.task));
  if (!competition) return RecordOfTask(args);
  PODIUM_ASSIGN(auto spec, FindCompetition(args.task));
  PODIUM_ASSIGN(auto mode, scoring::ModeOf(args.mode.empty() ? "compat" : args.mode));
  return GradeCompetitionFile(args.places, spec, mode, args.file, Deadline::In(kGradingTime));
}

Result<Exit> GradeSample(const GradeArguments& args) {
  PODIUM_ASSIGN(auto typed, RecordOf(args));
  PODIUM_ASSIGN(auto record, ParseJson(records::ToText(typed), "podium-grade's record"));
  if (args.json) {
    std::cout << DumpJson(SampleJson(record), 2) << "\n";
  } else {
    PrintSample(record);
  }
  return ExitOf(typed.verdict);
}

// mle-bench's local time: "2024-01-01T00:00:00.123456".
std::string LocalIsoTime() {
  auto now = WallNow();
  std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[48];
  std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &local);
  std::snprintf(text + n, sizeof text - n, ".%06d", static_cast<int>(micros % 1000000));
  return text;
}

std::string ReportName() {
  std::time_t now = std::chrono::system_clock::to_time_t(WallNow());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%S-GMT_grading_report.json", &utc);
  return text;
}

Result<scoring::CompetitionReport> ReportOf(const scoring::SubmissionLine& line,
                                            const GradeArguments& args) {
  PODIUM_ASSIGN(auto spec, FindCompetition(line.competition_id));
  PODIUM_ASSIGN(auto mode, scoring::ModeOf(args.mode.empty() ? "compat" : args.mode));
  PODIUM_ASSIGN(auto record, GradeCompetitionFile(args.places, spec, mode, line.submission_path,
                                                  Deadline::In(kGradingTime)));
  if (record.verdict == "grader_error") return Fail(ErrorCode::kGrader, record.detail);
  scoring::CompetitionReport r;
  r.competition_id = line.competition_id;
  if (record.verdict == "scored") r.score = record.score;
  if (record.board) {
    const records::MedalLines& lines = record.board->lines;
    r.thresholds = {lines.gold, lines.silver, lines.bronze, lines.median};
  }
  const records::Standing& standing = record.standing;
  r.flags = {standing.medal == "gold", standing.medal == "silver", standing.medal == "bronze",
             standing.above_median};
  r.submission_exists = record.verdict != "no_submission";
  r.valid_submission = r.score.has_value();
  r.lower_is_better = record.lower_is_better;
  r.created_at = LocalIsoTime();
  r.submission_path = line.submission_path;
  return r;
}

void PrintBatch(const std::vector<scoring::CompetitionReport>& reports,
                const std::vector<std::string>& failures, const fs::path& path, bool json) {
  if (json) {
    std::cout << DumpJson(OrderedJson{{"schema", "podium-grade-batch/1"},
                                      {"report", path.string()},
                                      {"total_runs", reports.size()},
                                      {"failures", failures}},
                          2)
              << "\n";
    return;
  }
  auto count = [&](auto flag) { return std::ranges::count_if(reports, flag); };
  using R = const scoring::CompetitionReport&;
  std::cout << reports.size() << " graded: " << count([](R r) { return r.valid_submission; })
            << " valid, " << count([](R r) { return r.flags.any(); }) << " medals, "
            << count([](R r) { return r.flags.above_median; }) << " above median\n"
            << path.string() << "\n";
}

Result<Exit> GradeBatch(const GradeArguments& args) {
  PODIUM_ASSIGN(auto text, ReadFile(args.file));
  scoring::SubmissionList list = scoring::ReadSubmissionList(text);
  std::vector<std::string> failures;
  auto fail = [&](std::size_t line, const std::string& why) {
    failures.push_back(args.file + ":" + std::to_string(line) + ": " + why);
    std::cerr << "podium: not graded: " << failures.back() << "\n";
  };
  for (const auto& bad : list.bad) fail(bad.line, bad.why);
  std::vector<scoring::CompetitionReport> reports;
  for (const auto& line : list.submissions) {
    auto report = ReportOf(line, args);
    if (report) {
      reports.push_back(std::move(*report));
    } else {
      fail(line.line, line.competition_id + ": " + report.error().message);
    }
  }
  PODIUM_TRY(MakeDirs(args.output_dir));
  fs::path path = fs::path(args.output_dir) / ReportName();
  PODIUM_TRY(WriteFileAtomic(path, scoring::GradingReportText(reports)));
  PrintBatch(reports, failures, path, args.json);
  return failures.empty() ? Exit::kOk : Exit::kGraderError;
}

Result<Exit> GradeAny(const GradeArguments& args) {
  if (args.file.empty())
    return Fail(ErrorCode::kUsage, "name mle-bench's JSON lines, or a submission and its task");
  return args.task.empty() ? GradeBatch(args) : GradeFile(args.file, args.task, args.json);
}

void AddPlaces(CLI::App& verb, GradeArguments& args) {
  verb.add_option("--mode", args.mode,
                  "compat (mle-bench's verdict, its defects included) or strict");
  verb.add_option("--data,--data-dir", args.places.data,
                  "mle-bench's data folder (default: ~/.cache/mle-bench/data)");
  verb.add_option(
      "--boards", args.places.boards,
      "A checkout of mle-bench, or a folder of leaderboards (default: the shipped medal lines)");
}

}  // namespace

void AddGradeVerbs(CLI::App& app, Exit& exit) {
  auto args = std::make_shared<GradeArguments>();
  auto* grade = app.add_subcommand("grade", ScoreVerbHelp("grade"));
  grade->add_option("file,--submission", args->file,
                    "A submission, or JSON lines of competition_id and submission_path");
  grade->add_option("task", args->task,
                    "Of a submission: task id, or the folder of a task package");
  grade->add_option("--output-dir", args->output_dir, "Where the grading report goes")
      ->capture_default_str();
  AddPlaces(*grade, *args);
  grade->add_flag("--json", args->json, "Print JSON");
  grade->callback(Wrap(exit, [args] { return GradeAny(*args); }));

  auto sample = std::make_shared<GradeArguments>();
  auto* one = app.add_subcommand("grade-sample", ScoreVerbHelp("grade-sample"));
  one->add_option("file", sample->file, "The submission (CSV)")->required();
  one->add_option("task", sample->task, "Competition or task id, or a package's folder")
      ->required();
  one->add_option("--answers", sample->places.answers, "The private answers");
  one->add_option("--board", sample->places.board, "The leaderboard");
  AddPlaces(*one, *sample);
  one->add_flag("--json", sample->json, "Print JSON (podium-grade-sample/1)");
  one->callback(Wrap(exit, [sample] { return GradeSample(*sample); }));
}

}  // namespace podium::harness
