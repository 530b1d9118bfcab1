#include "tests/bench/datasets.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>

#include "base/files.h"

namespace podium::bench {
namespace {

using Random = std::mt19937_64;

// A row of each file: the id, what the answers say and what the submission says.
struct Row {
  std::string id;
  std::string answer;
  std::string prediction;
};

struct Format {
  std::string header;
  std::function<Row(std::size_t, Random&)> row;
};

double Share(Random& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

std::string Print(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string Hex(Random& random, int digits) {
  std::string out;
  while (static_cast<int>(out.size()) < digits) out += "0123456789abcdef"[random() % 16];
  return out;
}

std::string TextId(std::size_t i) { return "id" + std::to_string(1'000'000 + i * 7); }

Format RocAuc() {
  return {"id,target", [](std::size_t i, Random& r) {
            bool positive = r() % 2 == 0;
            double score = Share(r) * 0.6 + (positive ? 0.4 : 0);
            return Row{std::to_string(900'000 + i), positive ? "1" : "0", Print("%.6f", score)};
          }};
}

Format LogLoss() {
  std::string header = "id";
  for (int c = 0; c < 10; ++c) header += ",class" + std::to_string(c);
  return {header, [](std::size_t i, Random& r) {
            std::size_t truth = r() % 10;
            Row row{TextId(i), "", ""};
            for (std::size_t c = 0; c < 10; ++c) {
              row.answer += std::string(c ? "," : "") + (c == truth ? "1" : "0");
              // 0.055 and 0.505 add to 1 in nine and one.
              row.prediction += std::string(c ? "," : "") + (c == truth ? "0.505000" : "0.055000");
            }
            return row;
          }};
}

Format Accuracy() {
  return {"Id,Cover_Type", [](std::size_t i, Random& r) {
            std::size_t truth = 1 + r() % 7;
            std::size_t guess = r() % 3 ? truth : 1 + r() % 7;
            return Row{std::to_string(3'000'000 + i), std::to_string(truth), std::to_string(guess)};
          }};
}

Format Rmse() {
  return {"key,fare_amount", [](std::size_t i, Random& r) {
            double fare = 3 + Share(r) * 60;
            char key[64];
            std::snprintf(key, sizeof key, "2013-%02zu-%02zu %02zu:%02zu:%02zu.%07zu",
                          1 + i / 2419200 % 12, 1 + i / 86400 % 28, i / 3600 % 24, i / 60 % 60,
                          i % 60, i);
            return Row{key, Print("%.2f", fare), Print("%.3f", fare + Share(r) - 0.5)};
          }};
}

Format Kappa() {
  return {"id_code,diagnosis", [](std::size_t, Random& r) {
            std::size_t truth = r() % 5;
            std::size_t guess = r() % 2 ? truth : r() % 5;
            return Row{Hex(r, 12), std::to_string(truth), std::to_string(guess)};
          }};
}

Format MapAt12() {
  return {"customer_id,prediction", [](std::size_t, Random& r) {
            auto article = [&] { return "0" + std::to_string(500'000'000 + r() % 100'000); };
            Row row{Hex(r, 64), article() + " " + article(), ""};
            for (int k = 0; k < 12; ++k)
              row.prediction += (k ? " " : "") + (k == 5 ? row.answer.substr(0, 10) : article());
            return row;
          }};
}

Format Levenshtein() {
  return {"id,sentence", [](std::size_t i, Random& r) {
            Row row{std::to_string(i + 1), "", ""};
            for (int w = 0; w < 20; ++w) {
              std::string word = Hex(r, 3 + static_cast<int>(r() % 6)) + " ";
              row.answer += word;
              if (w != 11) row.prediction += word;  // one word is left out
            }
            return row;
          }};
}

Format FormatOf(const std::string& metric) {
  if (metric == "ROC AUC") return RocAuc();
  if (metric == "log loss, 10 classes") return LogLoss();
  if (metric == "accuracy, 7 classes") return Accuracy();
  if (metric == "RMSE") return Rmse();
  if (metric == "quadratic weighted kappa") return Kappa();
  if (metric == "MAP@12") return MapAt12();
  return Levenshtein();
}

void Write(const std::filesystem::path& path, const std::string& text) {
  auto done = WriteFileAtomic(path, text);
  if (done) return;
  std::fprintf(stderr, "podium_grade_bench: %s\n", done.error().message.c_str());
  std::exit(1);
}

// spooky-author-identification with ten classes: a package of its own.
std::string TenClassPackage(const std::filesystem::path& dir) {
  auto spec = ReadFile(ShareDir() / "scoring/competitions/spooky-author-identification.yaml");
  std::string text = spec.value_or("");
  std::string classes;
  for (int c = 0; c < 10; ++c) classes += (c ? ", class" : "class") + std::to_string(c);
  const std::string old = "EAP, HPL, MWS";
  for (std::size_t at = 0; (at = text.find(old, at)) != std::string::npos; at += classes.size())
    text.replace(at, old.size(), classes);
  if (auto at = text.find("min: 4"); at != std::string::npos) text.replace(at, 6, "min: 11");
  Write(dir / "competition.yaml", text);
  Write(dir / "description.md", "Ten classes.\n");
  Write(dir / "task.yaml", R"(schema: podium-task/1
id: ten-classes
title: Ten classes
instruction: description.md
provenance: {source: made for the bench, license: CC0-1.0}
labels: {category: tabular, difficulty: easy}
prepare: {builtin: mle-bench, answers: test.csv, sample: public/sample_submission.csv}
tables: {}
runtime: {cpus: 1, memory: 1 GiB, disk: 1 GiB}
budget: {wall: 1 h}
submission: {path: submission.csv}
grader: {competition: competition.yaml, mode: compat, metric: log_loss, direction: lower}
leaderboard:
  lines: {gold: 0.1, silver: 0.2, bronze: 0.3, median: 0.4}
  header: none
)");
  return dir.string();
}

}  // namespace

std::vector<Case> Cases() {
  const std::vector<std::size_t> large = {10'000, 100'000, 1'000'000};
  return {{"ROC AUC", "tabular-playground-series-may-2022", large},
          {"log loss, 10 classes", "", large},
          {"accuracy, 7 classes", "tabular-playground-series-dec-2021", large},
          {"RMSE", "new-york-city-taxi-fare-prediction", large},
          {"quadratic weighted kappa", "aptos2019-blindness-detection", large},
          {"MAP@12", "h-and-m-personalized-fashion-recommendations", large},
          {"mean Levenshtein", "billion-word-imputation", {1'000, 10'000, 50'000}}};
}

Dataset WriteDataset(const Case& c, std::size_t rows, const std::filesystem::path& dir) {
  Format format = FormatOf(c.metric);
  Random random(rows);
  std::string answers = format.header + "\n";
  std::string submission = answers;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < rows; ++i) {
    Row row = format.row(i, random);
    answers += row.id + "," + row.answer + "\n";
    lines.push_back(row.id + "," + row.prediction + "\n");
    submission += lines.back();
  }
  std::string shuffled = format.header + "\n";
  std::ranges::shuffle(lines, random);
  for (const std::string& line : lines) shuffled += line;
  Write(dir / "answers.csv", answers);
  Write(dir / "submission.csv", submission);
  Write(dir / "shuffled.csv", shuffled);
  return {dir / "submission.csv", dir / "shuffled.csv", dir / "answers.csv",
          c.competition.empty() ? TenClassPackage(dir) : c.competition};
}

}  // namespace podium::bench
