#include "harness/score/import_mle_bench.h"

#include <algorithm>

#include "base/digest.h"
#include "base/files.h"
#include "base/foreign_folder.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"
#include "harness/score/competition_files.h"
#include "scoring/boards/mle_bench_catalogue.h"
#include "tables/board.h"
#include "tasks/data_source.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNoTables = "tables: {}\n";

// What config.yaml says that a package needs.
struct Config {
  std::string name;
  std::string type;     // simple, code
  std::string answers;  // below <data>/<id>/prepared/
  std::string sample;
};

// YAML takes JSON's strings.
std::string Quoted(const std::string& text) { return DumpJson(Json(text)); }

const YamlNode* Child(const YamlNode* node, std::string_view key) {
  if (node == nullptr) return nullptr;
  for (const auto& [name, value] : node->entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

// The part of "<id>/prepared/private/test.csv" below "prepared/".
Result<std::string> BelowPrepared(const YamlNode& root, const char* key, const std::string& id) {
  const YamlNode* node = Child(Child(&root, "dataset"), key);
  if (node == nullptr) return root.Complain(std::string("dataset.") + key + " is missing");
  PODIUM_ASSIGN(auto text, node->AsString());
  std::string head = id + "/prepared/";
  if (!text.starts_with(head) || !IsNameBeneath(text))
    return node->Complain("expected a path that begins with " + head);
  return text.substr(head.size());
}

Result<Config> ReadConfig(const ForeignFolder& folder, const std::string& id) {
  PODIUM_ASSIGN(auto text, folder.Read("config.yaml", 1 << 20));
  PODIUM_ASSIGN(auto root, ParseYaml(text, (folder.path() / "config.yaml").string()));
  Config config;
  const YamlNode* name = Child(&root, "name");
  const YamlNode* type = Child(&root, "competition_type");
  config.name = name ? name->scalar : id;
  config.type = type ? type->scalar : "";
  PODIUM_ASSIGN(config.answers, BelowPrepared(root, "answers", id));
  PODIUM_ASSIGN(config.sample, BelowPrepared(root, "sample_submission", id));
  if (!config.answers.starts_with("private/"))
    return root.Complain("dataset.answers is not under prepared/private");
  config.answers = config.answers.substr(8);
  return config;
}

// The leaderboard of a checkout if it is the whole one; else why not.
Result<std::string> ReadWholeBoard(const ForeignFolder& folder, std::size_t known_rows) {
  PODIUM_ASSIGN(auto csv, folder.Read("leaderboard.csv", 64 << 20));
  PODIUM_ASSIGN(auto board, ReadBoard(csv));
  PODIUM_TRY(CheckWholeBoard(board, known_rows));
  return csv;
}

std::string LinesText(const scoring::MleBenchCompetition& known) {
  auto number = [](double v) { return FormatDouble(v); };
  return "  lines: {gold: " + number(known.lines.gold) + ", silver: " + number(known.lines.silver) +
         ", bronze: " + number(known.lines.bronze) + ", median: " + number(known.lines.median) +
         ", rows: " + std::to_string(known.board_rows) + "}\n";
}

// The digests of the two tables that grading needs, as task.yaml pins them.
Result<std::string> TablesText(const fs::path& prepared, const Config& config) {
  PODIUM_ASSIGN(auto data, ForeignFolder::Open(prepared));
  std::string out = "tables:\n";
  for (const auto& [name, path] :
       {std::pair<std::string, std::string>{"private/answers.csv", "private/" + config.answers},
        {"public/sample_submission.csv", config.sample}}) {
    PODIUM_ASSIGN(auto digest, data.DigestOf(path));
    out += "  " + name + ": " + digest.hex() + "\n";
  }
  return out;
}

// Podium's ids have no capitals.
std::string TaskIdText(std::string id) {
  for (char& c : id) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return id;
}

std::string Difficulty(const std::string& split) {
  return split == "medium" ? "medium" : split == "high" ? "hard" : "easy";
}

// One competition while its package is made.
class Import {
 public:
  Import(ForeignFolder folder, fs::path prepared, fs::path out, scoring::MleBenchCompetition known)
      : folder_(std::move(folder)),
        prepared_(std::move(prepared)),
        out_(std::move(out)),
        known_(std::move(known)) {}

  Status Run() {
    PODIUM_ASSIGN(config_, ReadConfig(folder_, known_.id));
    PODIUM_ASSIGN(auto spec, FindCompetition(known_.id));
    PODIUM_ASSIGN(auto description, folder_.Read("description.md", 4 << 20));
    if (IsLfsPointer(description))
      return Fail(ErrorCode::kConfig, ExplainLfsPointer(description, "description.md"));
    PODIUM_TRY(RemoveTree(out_));
    PODIUM_TRY(MakeDirs(out_));
    PODIUM_TRY(WriteFileAtomic(out_ / "description.md", description));
    PODIUM_TRY(WriteFileAtomic(out_ / "competition.yaml", spec.text));
    std::string tables = Tables();
    PODIUM_ASSIGN(auto board, BoardText());
    PODIUM_TRY(WriteFileAtomic(out_ / "task.yaml",
                               Head(spec) + tables +
                                   "runtime: {cpus: 4, memory: 16 GiB, disk: 64 GiB}\n" +
                                   "budget: {wall: 24 h}\nsubmission: {path: submission.csv}\n" +
                                   GraderText(spec) + board));
    if (tables == kNoTables) return {};
    PODIUM_ASSIGN(auto task, tasks::LoadTask(out_));
    return tasks::RememberDataFolder(task, CacheDir(), prepared_);
  }

  [[nodiscard]] const std::string& note() const { return note_; }

 private:
  // What task.yaml pins; nothing without the data.
  std::string Tables() {
    if (prepared_.empty()) return kNoTables;
    auto tables = TablesText(prepared_, config_);
    if (tables) return *tables;
    note_ = "no data: " + tables.error().message;
    return kNoTables;
  }

  Result<std::string> BoardText() {
    std::string out = "leaderboard:\n" + LinesText(known_);
    auto csv = ReadWholeBoard(folder_, known_.board_rows);
    if (csv) {
      PODIUM_TRY(WriteFileAtomic(out_ / "leaderboard.csv", *csv));
      return out + "  file: leaderboard.csv\n  header: human leaderboard\n" +
             "  note: mle-bench's leaderboard.csv\n";
    }
    note_ += (note_.empty() ? "" : "; ") + csv.error().message;
    return out + "  header: medal lines of the human leaderboard\n  note: " +
           Quoted(known_.lines_source) + "\n";
  }

  [[nodiscard]] std::string Head(const scoring::CompetitionSpec& spec) const {
    return "schema: podium-task/1\nid: " + TaskIdText(known_.id) +
           "\ntitle: " + Quoted(config_.name) + "\ninstruction: description.md\nprovenance:\n" +
           "  source: openai/mle-bench, mlebench/competitions/" + known_.id + "\n" +
           "  license: the competition's rules on Kaggle\n" + "  note: " +
           Quoted("split " + known_.split +
                  (config_.type.empty() ? "" : ", kind " + config_.type)) +
           "\nlabels: {category: " + known_.kind + ", difficulty: " + Difficulty(spec.split) +
           "}\nprepare:\n  builtin: mle-bench\n  answers: " + Quoted(config_.answers) +
           "\n  sample: " + Quoted(config_.sample) + "\n";
  }

  [[nodiscard]] std::string GraderText(const scoring::CompetitionSpec& spec) const {
    return "grader: {competition: competition.yaml, mode: compat, metric: " + spec.compat.metric +
           ", direction: " + (spec.lower_is_better ? "lower" : "higher") + "}\n";
  }

  ForeignFolder folder_;
  fs::path prepared_;
  fs::path out_;
  scoring::MleBenchCompetition known_;
  Config config_;
  std::string note_;
};

// What there is to say of the package that was made, or why none was.
Result<std::string> ImportOne(const ForeignFolder& competitions, const fs::path& prepared,
                              const fs::path& out, const scoring::MleBenchCompetition& known) {
  PODIUM_ASSIGN(auto folder, competitions.Folder(known.id));
  Import import(std::move(folder), prepared, out, known);
  PODIUM_TRY(import.Run());
  return import.note();
}

}  // namespace

Result<ImportResult> ImportMleBench(const fs::path& checkout, const fs::path& data,
                                    const fs::path& out,
                                    const std::function<void(std::string_view)>& progress) {
  PODIUM_ASSIGN(auto root, ForeignFolder::Open(checkout));
  auto competitions = root.Folder("mlebench/competitions");
  if (!competitions && competitions.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kNotFound, checkout.string() + " is no checkout of openai/mle-bench: " +
                                          "there is no folder mlebench/competitions");
  if (!competitions) return tl::unexpected(competitions.error());
  PODIUM_ASSIGN(auto known, scoring::MleBenchCatalogue());
  ImportResult result;
  std::string telling;  // why one that is there was not imported
  for (const auto& c : known) {
    progress(c.id);
    fs::path prepared = data.empty() ? fs::path() : data / c.id / "prepared";
    auto note = ImportOne(*competitions, prepared, out / TaskIdText(c.id), c);
    if (note) result.imported.push_back(TaskIdText(c.id));
    std::string text = note ? *note : "not imported: " + note.error().message;
    if (!note && note.error().code != ErrorCode::kNotFound && telling.empty())
      telling = c.id + ": " + text;
    if (!text.empty()) result.notes.push_back(c.id + ": " + text);
  }
  if (result.imported.empty())
    return Fail(ErrorCode::kNotFound, "no competition could be imported; the first: " +
                                          (telling.empty() ? result.notes.front() : telling));
  return result;
}

}  // namespace podium::harness
