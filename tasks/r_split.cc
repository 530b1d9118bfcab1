#include "tasks/r_split.h"

#include "base/csv.h"

namespace podium::tasks {
namespace {

struct Columns {
  std::vector<std::size_t> features;
  std::size_t target = 0;
};

Result<Columns> FindColumns(const RTable& table, const std::string& target) {
  Columns out;
  PODIUM_ASSIGN(out.target, table.Column(target));
  for (std::size_t c = 0; c < table.names().size(); ++c) {
    if (c != out.target) out.features.push_back(c);
  }
  return out;
}

std::string Header(const RTable& table, const Columns& columns) {
  std::string out = "id";
  for (std::size_t c : columns.features) out += "," + CsvCell(table.names()[c]);
  return out;
}

void AppendRow(std::string& out, const RTable& table, const Columns& columns, std::size_t row,
               std::size_t id) {
  out += std::to_string(id);
  for (std::size_t c : columns.features) out += "," + CsvCell(table.Cell(row, c));
}

}  // namespace

Status WriteBinarySplit(const BuildContext& context, const BinarySplit& split) {
  const RTable& train_table = *split.train.table;
  const RTable& test_table = *split.test.table;
  if (split.train.last > train_table.rows() || split.test.last > test_table.rows() ||
      train_table.names() != test_table.names()) {
    return Fail(ErrorCode::kIo,
                context.task.id.str() +
                    ": the package's tables have not the rows and columns that the task expects");
  }
  PODIUM_ASSIGN(auto columns, FindColumns(train_table, split.target));
  auto label = [&](const RTable& table, std::size_t row) {
    return table.Cell(row, columns.target) == split.positive ? "1" : "0";
  };
  std::size_t id = 0;
  std::string train = Header(train_table, columns) + "," + split.train_target + "\n";
  for (std::size_t row = split.train.first; row < split.train.last; ++row) {
    AppendRow(train, train_table, columns, row, ++id);
    train += std::string(",") + label(train_table, row) + "\n";
  }
  std::string test = Header(test_table, columns) + "\n";
  std::string sample = "id," + split.prediction + "\n";
  std::string answers = sample;
  for (std::size_t row = split.test.first; row < split.test.last; ++row) {
    AppendRow(test, test_table, columns, row, ++id);
    test += '\n';
    sample += std::to_string(id) + "," + split.sample + "\n";
    answers += std::to_string(id) + "," + label(test_table, row) + "\n";
  }
  PODIUM_TRY(context.Write("public/train.csv", train));
  PODIUM_TRY(context.Write("public/test.csv", test));
  PODIUM_TRY(context.Write("public/sample_submission.csv", sample));
  PODIUM_TRY(context.Write("private/answers.csv", answers));
  return context.Write("private/perfect_submission.csv", answers);
}

}  // namespace podium::tasks
