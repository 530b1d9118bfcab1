#include "tables/strict_table.h"

#include <gtest/gtest.h>

namespace podium {
namespace {

StrictRules Rules() {
  StrictRules rules;
  rules.id_columns = {"id"};
  rules.columns = {{"y", StrictColumn::Type::kNumber, 0, 1}};
  return rules;
}

// "" or "code: detail"; the numbers in the order of the answers otherwise.
std::string Check(const std::string& submission, const std::string& answers) {
  StrictRules rules = Rules();
  auto mine = ReadPandasCsv(submission, StrictOptions(rules));
  if (!mine) return mine.error().code + ": " + mine.error().detail;
  auto theirs = *ReadPandasCsv(answers, StrictOptions(rules));
  auto done = CheckStrictTable(rules, {&*mine, &theirs, submission, answers});
  if (!done) return done.error().code + ": " + done.error().detail;
  std::string out;
  for (double v : mine->Find("y")->Numbers()) out += PythonFloat(v) + " ";
  return out;
}

TEST(StrictTableTest, RowsComeInTheOrderOfTheAnswers) {
  EXPECT_EQ(Check("id,y\n2.0,0.5\n1,0.25\n", "id,y\n1,0\n2,0\n"), "0.25 0.5 ");
}

TEST(StrictTableTest, FaultsNameTheirLine) {
  EXPECT_EQ(Check("id,y\n\n1,0.5\n2,x\n", "id\n1\n2\n"),
            "not_a_number: line 4, column 'y': 'x' is not a number");
  EXPECT_EQ(Check("id,y\n1,\n2,0\n", "id\n1\n2\n"),
            "missing_value: line 2, column 'y': the cell is empty");
  EXPECT_EQ(Check("id,y\n1,0\n2,1.5\n", "id\n1\n2\n"),
            "out_of_range: line 3, column 'y': '1.5' is not from 0 to 1");
  EXPECT_EQ(Check("id,y\n1,0\n1,0\n", "id\n1\n2\n"),
            "duplicate_id: line 3: the id '1' occurs a second time");
  EXPECT_EQ(
      Check("id,y\n1,0\n3,0\n", "id\n1\n2\n"),
      "missing_ids: 1 of 2 ids are missing, the first is '2'; line 3: the id '3' is not among "
      "those that are asked for");
  EXPECT_EQ(Check("id,y\n1,0\n2,0,\n", "id\n1\n2\n"),
            "ragged_row: line 3: expected 2 cells, found 3");
}

}  // namespace
}  // namespace podium
