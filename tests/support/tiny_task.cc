#include "tests/support/tiny_task.h"

#include <map>
#include <stdexcept>

#include "base/digest.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::tests {
namespace {

namespace fs = std::filesystem;

void Put(const fs::path& path, const std::string& bytes) {
  if (!MakeDirs(path.parent_path()) || !WriteFileAtomic(path, bytes))
    throw std::runtime_error("cannot write " + path.string());
}

struct Tables {
  std::string train = "id,a,b,y\n", test = "id,a,b\n", sample = "id,y\n", answers = "id,y\n";
};

Tables MakeTables() {
  Tables t;
  for (int i = 0; i < 300; ++i) {
    int a = i * 37 % 101, b = i * 53 % 97;
    std::string row = std::to_string(i) + "," + std::to_string(a) + "," + std::to_string(b);
    std::string y = a > b ? "1" : "0";
    if (i < 200) {
      t.train += row + "," + y + "\n";
    } else {
      t.test += row + "\n";
      t.sample += std::to_string(i) + ",0\n";
      t.answers += std::to_string(i) + "," + y + "\n";
    }
  }
  return t;
}

}  // namespace

void WriteTinyTask(const fs::path& dir, const std::string& id) {
  Tables t = MakeTables();
  const std::map<std::string, std::string> files = {{"public/train.csv", t.train},
                                                    {"public/test.csv", t.test},
                                                    {"public/sample_submission.csv", t.sample},
                                                    {"private/answers.csv", t.answers},
                                                    {"private/perfect_submission.csv", t.answers}};
  std::string pins;
  for (const auto& [path, bytes] : files) {
    Put(dir / "data" / path, bytes);
    pins += "  " + path + ": " + Digest::Of(bytes).hex() + "\n";
  }
  Put(dir / "description.md", "# Tiny\nIs a greater than b? Predict y (0 or 1) for test.csv.\n");
  std::string board = "score,count,kind,source,verified\n";
  for (int i = 0; i < 20; ++i)
    board += FormatDouble(0.975 - 0.025 * i) + ",1,reference-panel,test,yes\n";
  Put(dir / "leaderboard.csv", board);
  Put(dir / "task.yaml", "schema: podium-task/1\nid: " + id + R"(
title: A tiny task
instruction: description.md
provenance: {source: made for tests, license: CC0-1.0}
labels: {category: tabular, difficulty: easy}
prepare: {builtin: files}
tables:
)" + pins + R"(runtime: {cpus: 1, memory: 1 GiB, disk: 256 MiB}
budget: {wall: 5 min}
submission:
  path: submission.csv
  id: id
  columns:
    - {name: y, kind: integer, min: 0, max: 1}
grader:
  metric: accuracy
  direction: higher
leaderboard: {file: leaderboard.csv, origin: package, header: reference panel}
)");
}

}  // namespace podium::tests
