#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "base/result.h"
#include "tables/submission_table.h"

namespace podium::tasks {

namespace fs = std::filesystem;

struct Provenance {
  std::string source;
  std::string license;
  std::string note;
};

// A Debian package that carries a task's data. Its own digest is a shortcut: the digests of the
// tables decide.
struct DataPackage {
  std::string name;
  std::string version;
  Digest sha256;
};

struct PrepareSpec {
  std::string builtin;                         // "conway", "poker", ... (tasks/builtins.h)
  std::map<std::string, std::int64_t> params;  // row counts and seeds
  std::vector<DataPackage> packages;
  // builtin "mle-bench": the answers' name under data/private, and the sample submission's place
  // under data/, a folder that mle-bench prepared.
  std::string answers;
  std::string sample;
};

struct RuntimeSpec {
  double cpus = 1;
  std::uint64_t memory_bytes = 0;
  std::uint64_t disk_bytes = 0;
};

struct SubmissionSpec {
  std::string path = "submission.csv";  // below /home/submission; a plain name
  SubmissionRules rules;
};

// Medal lines where no leaderboard is at hand.
struct MedalLines {
  double gold = 0, silver = 0, bronze = 0, median = 0;
  std::int64_t rows = 0;  // of the leaderboard that they are from
};

struct GraderSpec {
  // Instead of a metric and rules: the text of a specification of scoring/competitions, which
  // travels to the grader, and "compat" or "strict".
  std::string competition;
  std::string mode = "strict";
  std::string metric;  // a name of scoring's catalogue
  bool lower_is_better = false;
  std::map<std::string, std::int64_t> params;
};

struct LeaderboardSpec {
  bool prepared = false;  // made by preparation (<prepared>/board/leaderboard.csv) instead of
                          // shipped with the package
  std::string file;       // "" where there are only lines
  std::optional<MedalLines> lines;
  std::string header;  // "human leaderboard", "published results", ...
  std::string note;    // to be shown wherever the board is
};

// How rows of the training table can be kept from an agent and graded instead of it
// (hidden_split.h).
struct SplitSpec {
  std::string table;              // "train.csv", public, with a header
  std::string test = "test.csv";  // public: held rows are added to it
  std::string id;                 // the test table's; the training table may lack it
  std::string target;             // the column to be predicted; "": the answers have none
  double fraction = 0.2;          // of the rows that are held
  std::string group;              // rows that are equal in this column stay together
  std::string time;               // the greatest of this column are held
  std::map<std::string, double> params_per_row;  // of the metric: for so many rows
};

// A podium-task/1 package: a folder with task.yaml, the description, and a leaderboard. A plain
// value.
struct TaskPackage {
  fs::path dir;
  TaskId id;
  std::string title;
  std::string kind = "table";  // what is handed in and how it is graded (kinds/kind.h)
  Provenance provenance;
  std::string category;     // tabular, image, grid, text, ...
  std::string difficulty;   // easy, medium, hard
  std::string description;  // the text of description.md, as the agent reads it
  std::string expert;       // what an expert would say of it, "" where the package has no such text
  std::map<std::string, std::string> variants;  // other texts of it, by name: "obfuscated"
  PrepareSpec prepare;
  // Prepared file ("public/train.csv") to the digest of its bytes; all zeros where task.yaml says
  // "unpinned", empty in a package whose tables were never pinned.
  std::map<std::string, Digest> tables;
  RuntimeSpec runtime;
  std::chrono::milliseconds budget_wall{0};
  SubmissionSpec submission;
  GraderSpec grader;
  LeaderboardSpec leaderboard;
  std::optional<SplitSpec> split;
  Digest digest;  // of the package's files and so of `tables`; the same on every machine, holds no
                  // path
};

// Where the shipped packages lie: <share>/tasks/packages.
[[nodiscard]] fs::path PackagesDir();

// Reads a package strictly: an unknown key, a missing file or a wrong value is an error naming file
// and line.
[[nodiscard]] Result<TaskPackage> LoadTask(const fs::path& dir);

// A shipped task by id, or a folder by path (anything with a '/'). An unknown id is an error with a
// suggestion.
[[nodiscard]] Result<TaskPackage> FindTask(std::string_view id_or_dir);

// All shipped tasks, sorted by id.
[[nodiscard]] Result<std::vector<TaskPackage>> ListTasks();

}  // namespace podium::tasks
