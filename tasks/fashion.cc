#include <algorithm>
#include <charconv>
#include <optional>

#include "base/csv.h"
#include "base/text.h"
#include "tasks/builtins.h"
#include "tasks/deb_package.h"
#include "tasks/fashion_board.h"

namespace podium::tasks {
namespace {

constexpr std::string_view kDir = "usr/share/datasets/fashion-mnist/";
constexpr const char* kReadme = "usr/share/doc/dataset-fashion-mnist/README.md.gz";

std::uint32_t BigEndian32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// The labels of an idx1 file (Y. LeCun's MNIST page, "THE IDX FILE FORMAT"): magic 0x801, a count,
// one byte a label.
Result<std::string> ReadLabels(std::string_view gzipped, std::size_t expected) {
  PODIUM_ASSIGN(auto idx, Decompress(gzipped));
  bool good =
      idx.size() == 8 + expected && BigEndian32(idx, 0) == 0x801 && BigEndian32(idx, 4) == expected;
  if (good) good = std::all_of(idx.begin() + 8, idx.end(), [](char c) { return c >= 0 && c <= 9; });
  if (!good)
    return Fail(ErrorCode::kIo, "dataset-fashion-mnist: the labels are not " +
                                    std::to_string(expected) +
                                    " values from 0 to 9 in an idx1 file");
  return idx.substr(8);
}

std::string LabelTable(std::string_view labels, int constant = -1) {
  std::string out = "id,label\n";
  for (std::size_t i = 0; i < labels.size(); ++i) {
    out += std::to_string(i) + "," + std::to_string(constant < 0 ? labels[i] : constant) + "\n";
  }
  return out;
}

struct BoardRow {
  double score;
  std::string name;
  bool human;
};

std::optional<BoardRow> ParseRow(std::string_view line) {
  if (!line.starts_with('|')) return std::nullopt;
  auto cells = Split(line, '|');
  if (cells.size() < 5) return std::nullopt;
  std::string_view name = Trim(cells[1]);
  std::string_view text = Trim(cells[3]);
  double score = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (ec != std::errc() || end != text.data() + text.size() || !(score > 0 && score < 1))
    return std::nullopt;
  return BoardRow{score, std::string(name), name == "Human Performance"};
}

}  // namespace

Result<std::string> FashionBoard(std::string_view readme) {
  std::vector<BoardRow> rows;
  for (std::string_view line : Split(readme, '\n')) {
    if (auto row = ParseRow(line)) rows.push_back(std::move(*row));
  }
  auto humans = std::ranges::count_if(rows, &BoardRow::human);
  if (rows.size() < 20 || humans != 1) {
    return Fail(ErrorCode::kIo,
                "dataset-fashion-mnist: its README has not the table of submitted results that the "
                "board is read from");
  }
  std::ranges::stable_sort(rows, std::ranges::greater(), &BoardRow::score);
  std::string out = "score,count,kind,source,verified\n";
  for (const BoardRow& row : rows) {
    std::string source = row.human ? "README of dataset-fashion-mnist: crowd without fashion "
                                     "expertise, 1000 test images, 3 labels each, majority"
                                   : "README of dataset-fashion-mnist: " + row.name;
    out += FormatDouble(row.score) + ",1,published-result," + CsvCell(source) + ",no\n";
  }
  return out;
}

// The images stay as the package has them; labels become tables.
Status BuildFashion(const BuildContext& context) {
  const std::string dir(kDir);
  std::vector<std::string> paths = {
      dir + "train-images-idx3-ubyte.gz", dir + "train-labels-idx1-ubyte.gz",
      dir + "t10k-images-idx3-ubyte.gz", dir + "t10k-labels-idx1-ubyte.gz", kReadme};
  PODIUM_ASSIGN(auto files, context.Unpack("dataset-fashion-mnist", paths));
  context.progress("reading the labels and the table of published results");
  PODIUM_ASSIGN(auto train, ReadLabels(files[paths[1]], 60'000));
  PODIUM_ASSIGN(auto test, ReadLabels(files[paths[3]], 10'000));
  PODIUM_ASSIGN(auto readme, Decompress(files[kReadme]));
  PODIUM_ASSIGN(auto board, FashionBoard(readme));
  PODIUM_TRY(context.Write("public/train-images-idx3-ubyte.gz", files[paths[0]]));
  PODIUM_TRY(context.Write("public/t10k-images-idx3-ubyte.gz", files[paths[2]]));
  PODIUM_TRY(context.Write("public/train_labels.csv", LabelTable(train)));
  PODIUM_TRY(context.Write("public/sample_submission.csv", LabelTable(test, 0)));
  PODIUM_TRY(context.Write("private/answers.csv", LabelTable(test)));
  PODIUM_TRY(context.Write("private/perfect_submission.csv", LabelTable(test)));
  return context.Write("board/leaderboard.csv", board);
}

}  // namespace podium::tasks
