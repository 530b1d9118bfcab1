#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/cli/score_program.h"
#include "harness/report/table.h"
#include "tasks/board_check.h"
#include "tasks/prepare.h"
#include "tasks/suite.h"
#include "tasks/task_package.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

Result<Exit> ListTasks(bool json) {
  PODIUM_ASSIGN(auto tasks, tasks::ListTasks());
  TextTable table({"task", "kind", "metric", "better", "board", "time", "data", "title"});
  Json out = Json::array();
  for (const auto& t : tasks) {
    PODIUM_ASSIGN(auto prepared, tasks::FindPrepared(t, CacheDir()));
    std::string better = t.grader.lower_is_better ? "lower" : "higher";
    table.Add({t.id.str(), t.category, t.grader.metric, better, t.leaderboard.header,
               FormatDuration(t.budget_wall), prepared ? "ready" : "-", t.title});
    out.push_back({{"id", t.id.str()},
                   {"title", t.title},
                   {"category", t.category},
                   {"difficulty", t.difficulty},
                   {"metric", t.grader.metric},
                   {"lower_is_better", t.grader.lower_is_better},
                   {"board", t.leaderboard.header},
                   {"budget_wall_ms", t.budget_wall.count()},
                   {"prepared", prepared.has_value()}});
  }
  std::cout << (json ? DumpJson(out, 2) + "\n"
                     : table.Text() +
                           "\n`podium tasks show TASK` says more; `podium tasks prepare TASK` "
                           "fetches its data (`podium run` does so by itself).\n");
  return Exit::kOk;
}

Result<Exit> ShowTask(const std::string& name) {
  PODIUM_ASSIGN(auto t, tasks::FindTask(name));
  PODIUM_TRY(tasks::CheckShippedBoard(t));
  PODIUM_ASSIGN(auto prepared, tasks::FindPrepared(t, CacheDir()));
  std::cout << t.description << "\n---\n"
            << "task:       " << t.id.str() << " (" << t.category << ", " << t.difficulty << ")\n"
            << "metric:     " << t.grader.metric << ", "
            << (t.grader.lower_is_better ? "lower" : "higher") << " is better\n"
            << "board:      " << t.leaderboard.header
            << (t.leaderboard.note.empty() ? "" : "\n            " + t.leaderboard.note) << "\n"
            << "from:       " << t.provenance.source << " (" << t.provenance.license << ")\n"
            << (t.provenance.note.empty() ? "" : "            " + t.provenance.note + "\n")
            << "budget:     " << FormatDuration(t.budget_wall) << ", "
            << FormatDouble(t.runtime.cpus) << " cores, " << FormatBytes(t.runtime.memory_bytes)
            << " memory, " << FormatBytes(t.runtime.disk_bytes) << " disk\n"
            << "data:       "
            << (prepared ? prepared->public_dir.string()
                         : "not prepared: podium tasks prepare " + t.id.str())
            << "\n"
            << "digest:     " << t.digest.hex() << "\n";
  return Exit::kOk;
}

Result<Exit> PrepareTasks(std::vector<std::string> names, const std::string& suite) {
  if (!suite.empty()) {
    PODIUM_ASSIGN(auto loaded, tasks::LoadSuite(suite));
    for (const auto& id : loaded.tasks) names.push_back(id.str());
  }
  if (names.empty())
    return Fail(ErrorCode::kUsage, "which tasks? Name some, or give --suite starter");
  for (const auto& name : names) {
    PODIUM_ASSIGN(auto task, tasks::FindTask(name));
    auto progress = [&](std::string_view text) {
      std::cout << task.id.str() << ": " << text << std::endl;
    };
    PODIUM_ASSIGN(auto prepared,
                  tasks::Prepare(task, CacheDir(), progress, Deadline::In(kPrepareTime)));
    PODIUM_TRY(tasks::CheckBoard(task, prepared.board_file));
    for (const auto& note : prepared.notes) std::cout << task.id.str() << ": " << note << "\n";
    std::cout << task.id.str() << ": ready at " << prepared.public_dir.string() << "\n";
  }
  return Exit::kOk;
}

// The text of a task.yaml with another `tables:` block.
std::string WithTables(const std::string& yaml, const std::map<std::string, Digest>& tables) {
  std::string block = "tables:\n";
  for (const auto& [path, digest] : tables) block += "  " + path + ": " + digest.hex() + "\n";
  std::size_t begin = yaml.starts_with("tables:") ? 0 : yaml.find("\ntables:");
  if (begin == std::string::npos) return yaml + (yaml.ends_with('\n') ? "" : "\n") + block;
  if (begin > 0) ++begin;
  std::size_t end = yaml.find('\n', begin);
  while (end != std::string::npos && end + 1 < yaml.size() &&
         (yaml[end + 1] == ' ' || yaml[end + 1] == '\n'))
    end = yaml.find('\n', end + 1);
  return yaml.substr(0, begin) + block + (end == std::string::npos ? "" : yaml.substr(end + 1));
}

Result<Exit> PinTask(const std::string& dir) {
  if (dir.find('/') == std::string::npos)
    return Fail(ErrorCode::kUsage,
                "name the folder of a task package, with a '/': podium tasks pin ./" + dir);
  PODIUM_ASSIGN(auto task, tasks::LoadTask(dir));
  PODIUM_TRY(tasks::CheckShippedBoard(task));
  auto progress = [&](std::string_view text) {
    std::cout << task.id.str() << ": " << text << std::endl;
  };
  PODIUM_ASSIGN(auto tables,
                tasks::MeasureTables(task, CacheDir(), progress, Deadline::In(kPrepareTime)));
  fs::path file = task.dir / "task.yaml";
  PODIUM_ASSIGN(auto yaml, ReadFile(file, 1 << 20));
  PODIUM_TRY(WriteFileAtomic(file, WithTables(yaml, tables)));
  for (const auto& [path, digest] : tables) std::cout << digest.hex() << "  " << path << "\n";
  std::cout << task.id.str() << ": pinned " << tables.size() << " tables in " << file.string()
            << "\n";
  return Exit::kOk;
}

}  // namespace

void AddTaskVerbs(CLI::App& app, Exit& exit, char** argv) {
  auto json = std::make_shared<bool>(false);
  auto name = std::make_shared<std::string>();
  auto* tasks = app.add_subcommand("tasks", "The tasks: list, show, prepare, import");
  tasks->require_subcommand(1);
  auto* ls = tasks->add_subcommand("ls", "The tasks and their boards");
  ls->add_flag("--json", *json, "Print JSON");
  ls->callback(Wrap(exit, [json] { return ListTasks(*json); }));
  auto* show = tasks->add_subcommand("show", "A task's description, metric, board and data");
  show->add_option("task", *name, "Task id, or the folder of a task package")->required();
  show->callback(Wrap(exit, [name] { return ShowTask(*name); }));
  auto* prepare = tasks->add_subcommand(
      "prepare", "Fetch or generate tasks' data, checked against their digests");
  auto names = std::make_shared<std::vector<std::string>>();
  auto suite = std::make_shared<std::string>();
  prepare->add_option("task", *names, "Task ids");
  prepare->add_option("--suite", *suite, "A whole suite");
  prepare->callback(Wrap(exit, [names, suite] { return PrepareTasks(*names, *suite); }));

  AddImportVerb(*tasks, exit, [argv](const ImportArguments&) { return StartScoreProgram(argv); });

  auto* pin = tasks->add_subcommand(
      "pin", "For the author of a task: make its tables and write their digests into task.yaml");
  pin->add_option("folder", *name, "Folder of the task package")->required();
  pin->callback(Wrap(exit, [name] { return PinTask(*name); }));
}

}  // namespace podium::harness
