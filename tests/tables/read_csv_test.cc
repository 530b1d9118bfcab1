#include "tables/frame/read_csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tables/frame/parse_number.h"

namespace podium {
namespace {

using testing::ElementsAre;

// The expected values are what pandas 2.3's read_csv does by its source.
Frame Read(std::string_view bytes, const ReadCsvOptions& options = {}) {
  auto frame = ReadPandasCsv(bytes, options);
  EXPECT_TRUE(frame) << frame.error().detail;
  return frame ? *frame : Frame();
}

std::string FaultOf(std::string_view bytes, const ReadCsvOptions& options = {}) {
  auto frame = ReadPandasCsv(bytes, options);
  return frame ? "" : frame.error().code;
}

std::vector<std::string> Names(const Frame& frame) {
  std::vector<std::string> names;
  for (const Column& column : frame.columns) names.push_back(column.name);
  return names;
}

// The type and the cells, "object: a|nan".
std::string Shape(std::string_view cells) {
  const std::string bytes = "x\n" + std::string(cells);
  Frame frame = Read(bytes);
  const Column& column = frame.columns.at(0);
  std::string out = std::string(DTypeText(column.dtype)) + ": ";
  for (std::size_t row = 0; row < frame.rows; ++row) out += (row ? "|" : "") + column.Str(row);
  return out;
}

TEST(ReadPandasCsvTest, FindsTheTypeOfAColumn) {
  EXPECT_EQ(Shape("1\n-2\n +3 \n"), "int64: 1|-2|3");
  EXPECT_EQ(Shape("1\n2.5\n"), "float64: 1.0|2.5");
  EXPECT_EQ(Shape("1\nNA\n"), "float64: 1.0|nan");
  EXPECT_EQ(Shape("NA\nnan\n"), "float64: nan|nan");
  EXPECT_EQ(Shape("True\nfalse\nTRUE\n"), "bool: True|False|True");
  EXPECT_EQ(Shape("True\n1\n"), "object: True|1");
  EXPECT_EQ(Shape("1\nTrue\n"), "object: 1|True");
  EXPECT_EQ(Shape("1\nabc\nNone\n"), "object: 1|abc|nan");
  EXPECT_EQ(Shape(""), "object: ");
}

TEST(ReadPandasCsvTest, BoolsWithAMissingCellAreObjects) {
  Frame frame = Read("x,y\nTrue,1\n,1\n");
  EXPECT_EQ(frame.columns[0].dtype, DType::kObject);
  EXPECT_TRUE(frame.columns[0].python_bools);
  EXPECT_TRUE(frame.columns[0].missing(1));
}

TEST(ReadPandasCsvTest, HugeIntegersFollowPandas) {
  EXPECT_EQ(Shape("9223372036854775807\n"), "int64: 9223372036854775807");
  EXPECT_EQ(Shape("9223372036854775808\n1\n"), "uint64: 9223372036854775808|1");
  EXPECT_EQ(Shape("1\n99999999999999999999\n"), "object: 1|99999999999999999999");
  EXPECT_EQ(Shape("9223372036854775808\n-1\n"), "object: 9223372036854775808|-1");
  EXPECT_EQ(Shape("9223372036854775808\nNA\n"), "object: 9223372036854775808|nan");
  EXPECT_EQ(Shape("9223372036854775808\n0.5\n"), "float64: 9.223372036854776e+18|0.5");
  EXPECT_EQ(Shape("0.5\n99999999999999999999\n"), "float64: 0.5|1e+20");
}

TEST(ReadPandasCsvTest, InfinitiesAndOverflow) {
  EXPECT_EQ(Shape("inf\n-Infinity\n+INF\n"), "float64: inf|-inf|inf");
  EXPECT_EQ(Shape("1e400\n"), "object: 1e400");
  EXPECT_EQ(Shape("-1e400\n"), "float64: -inf");
  EXPECT_EQ(Shape("1e-400\n1\n"), "float64: 0.0|1.0");
  EXPECT_EQ(Shape("0x10\n"), "object: 0x10");
  EXPECT_EQ(Shape("1e\n"), "object: 1e");
  EXPECT_EQ(Shape("1.\n.5\n"), "float64: 1.0|0.5");
  EXPECT_EQ(Shape("1_000\n"), "object: 1_000");
}

// The zeros of pandas 2.3: a column of integers and floats is read as floats from its text, one of
// integers and missing cells as integers first.
TEST(ReadPandasCsvTest, AZeroHasItsSignWhereTheColumnIsReadAsFloats) {
  EXPECT_EQ(Shape("-00\n1\n"), "int64: 0|1");
  EXPECT_EQ(Shape("-00\n-inf\n"), "float64: -0.0|-inf");
  EXPECT_EQ(Shape("-0\n1.5\n -0 \n"), "float64: -0.0|1.5|-0.0");
  EXPECT_EQ(Shape("-0\nNA\n"), "float64: 0.0|nan");
  EXPECT_EQ(Shape("-0\nNA\n1.5\n"), "float64: -0.0|nan|1.5");
  EXPECT_EQ(Shape("-0\n18446744073709551615\n"), "object: -0|18446744073709551615");
  EXPECT_EQ(Shape("-0\n18446744073709551615\n1.5\n"), "float64: -0.0|1.8446744073709552e+19|1.5");
}

TEST(ReadPandasCsvTest, NumbersRoundTrip) {
  for (const char* text : {"0.1", "123456789012345678901234567890", "2.2250738585072014e-308",
                           "4.9e-324", "1.7976931348623157e308", "0.30000000000000004",
                           "9007199254740993", "1e23", "8.5e-22", "00000000000000000000001.5"}) {
    double value = 0;
    ASSERT_TRUE(ParsePandasDouble(text, value)) << text;
    EXPECT_EQ(value, std::strtod(text, nullptr)) << text;
  }
}

TEST(ReadPandasCsvTest, QuotesEndsAndBlankLines) {
  Frame frame = Read("\xEF\xBB\xBF\"a\",b\r\n\n  \t\n\"x, \"\"y\"\"\nz\",1\r\"p\"q\"r\",2");
  EXPECT_THAT(Names(frame), ElementsAre("a", "b"));
  ASSERT_EQ(frame.rows, 2u);
  EXPECT_EQ(frame.columns[0].cells[0], "x, \"y\"\nz");
  EXPECT_EQ(frame.columns[0].cells[1], "pq\"r\"");
  EXPECT_EQ(frame.columns[1].ints.Wide(), (std::vector<std::int64_t>{1, 2}));
}

TEST(ReadPandasCsvTest, QuotedWordsAreMissingToo) {
  EXPECT_EQ(Shape("\"NA\"\nx\n\"\"\n"), "object: nan|x|nan");
  ReadCsvOptions options;
  options.na = NaWords::kEmptyOnly;
  EXPECT_EQ(Read("x\nNA\nnull\n", options).columns[0].cells[0], "NA");
}

TEST(ReadPandasCsvTest, ShortRowsAreFilledAndLongOnesRefused) {
  Frame frame = Read("a,b,c\n1,2,3\n4\n");
  EXPECT_TRUE(frame.columns[1].missing(1));
  EXPECT_EQ(FaultOf("a,b\n1,2\n1,2,3\n"), "parser_error");
  ReadCsvOptions strict;
  strict.ragged = false;
  EXPECT_EQ(FaultOf("a,b\n1,2\n1\n", strict), "ragged_row");
  EXPECT_EQ(FaultOf("a,b\n1,2,3\n", strict), "ragged_row");
}

TEST(ReadPandasCsvTest, AFirstRowLongerThanTheHeaderMakesAnIndex) {
  Frame frame = Read("a,b\n7,1,2\n8,3\n");
  ASSERT_EQ(frame.index.size(), 1u);
  EXPECT_EQ(frame.index[0].ints.Wide(), (std::vector<std::int64_t>{7, 8}));
  EXPECT_EQ(frame.columns[0].ints.Wide(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_TRUE(frame.columns[1].missing(1));
}

TEST(ReadPandasCsvTest, RepeatedAndEmptyNames) {
  EXPECT_THAT(Names(Read("a,,a,a.1,a\n1,2,3,4,5\n")),
              ElementsAre("a", "Unnamed: 1", "a.2", "a.1", "a.3"));
  ReadCsvOptions strict;
  strict.repeated_names = false;
  EXPECT_EQ(FaultOf("a,a\n1,2\n", strict), "repeated_column");
}

TEST(ReadPandasCsvTest, NothingIsAnEmptyFrame) {
  EXPECT_TRUE(Read("").columns.empty());
  EXPECT_TRUE(Read("\n \n").columns.empty());
  EXPECT_EQ(Read("a,b").columns.size(), 2u);
  EXPECT_EQ(Read("a,b").rows, 0u);
}

TEST(ReadPandasCsvTest, HostileBytesAreFaults) {
  EXPECT_EQ(FaultOf("a\n\"open\n"), "parser_error");
  EXPECT_EQ(FaultOf(std::string("\xFF\xFE"
                                "a\0",
                                4)),
            "not_utf8");
  EXPECT_EQ(FaultOf("a\n\xED\xA0\x80\n"), "not_utf8");
  EXPECT_EQ(FaultOf("a\n\xC0\x80\n"), "not_utf8");
  ReadCsvOptions narrow;
  narrow.max_columns = 3;
  EXPECT_EQ(FaultOf("a,b,c,d\n", narrow), "too_many_columns");
  narrow.max_cells = 4;
  EXPECT_EQ(FaultOf("a,b\n1\n1\n1\n", narrow), "too_many_cells");
  EXPECT_EQ(Read(std::string_view("a,b\nx\0y,1\n", 10)).columns[0].cells[0], "x");
}

TEST(ReadPandasCsvTest, CellsLongerThanAVectorRegister) {
  std::string lo(100, 'x');
  const std::string bytes = "a,b\n" + lo + ",\"" + lo + "\"\n";
  Frame frame = Read(bytes);
  EXPECT_EQ(frame.columns[0].cells[0], lo);
  EXPECT_EQ(frame.columns[1].cells[0], lo);
}

ReadCsvOptions SmallParts() {
  ReadCsvOptions options;
  options.part_bytes = 4 << 10;
  return options;
}

// Large enough to be read in parts; the column changes its type in the last part where `last` does.
std::string Large(const std::string& cell, const std::string& last) {
  std::string bytes = "id,x\n";
  for (int row = 0; bytes.size() < (13u << 10); ++row)
    bytes += "row" + std::to_string(row) + "," + cell + "\n";
  return bytes + "end," + last + "\n";
}

// Cells that hold quotes, commas and line feeds.
TEST(ReadPandasCsvTest, LargeQuotedFilesAreReadAsByOneThread) {
  std::string bytes = "id,text\n";
  for (int row = 0; bytes.size() < (40u << 10); ++row)
    bytes += std::to_string(row) + ",\"line " + std::to_string(row) + ",\n\"\"" +
             std::string(static_cast<std::size_t>(row % 50), '\n') + "\"\" end\"\n";
  Frame whole = Read(bytes);
  Frame parts = Read(bytes, SmallParts());
  ASSERT_EQ(parts.rows, whole.rows);
  EXPECT_EQ(parts.columns[0].ints, whole.columns[0].ints);
  for (std::size_t row = 0; row < whole.rows; ++row)
    ASSERT_EQ(parts.columns[1].cells[row], whole.columns[1].cells[row]) << row;
}

std::string TypeOfLarge(const std::string& cell, const std::string& last) {
  std::string bytes = Large(cell, last);
  Frame frame = Read(bytes, SmallParts());
  auto lines = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  EXPECT_EQ(frame.rows, lines - 1);
  EXPECT_EQ(frame.columns[0].cells[0], "row0");
  EXPECT_EQ(frame.columns[0].cells.back(), "end");
  const Column& x = frame.columns[1];
  return std::string(DTypeText(x.dtype)) + " " + x.Str(0) + " " + x.Str(frame.rows - 1);
}

TEST(ReadPandasCsvTest, LargeFilesHaveTheTypesOfTheWhole) {
  EXPECT_EQ(TypeOfLarge("1", "2"), "int64 1 2");
  EXPECT_EQ(TypeOfLarge("1", "2.5"), "float64 1.0 2.5");
  EXPECT_EQ(TypeOfLarge("1", "NA"), "float64 1.0 nan");
  EXPECT_EQ(TypeOfLarge("1", "abc"), "object 1 abc");
  EXPECT_EQ(TypeOfLarge("True", "NA"), "object True nan");
  EXPECT_EQ(TypeOfLarge("0.5", "99999999999999999999"), "float64 0.5 1e+20");
  EXPECT_EQ(TypeOfLarge("-1", "9223372036854775808"), "object -1 9223372036854775808");
  EXPECT_EQ(TypeOfLarge("1", "\"2\""), "int64 1 2");
  EXPECT_EQ(TypeOfLarge("-0", "2.5"), "float64 -0.0 2.5");
  EXPECT_EQ(TypeOfLarge("2.5", "-0"), "float64 2.5 -0.0");
  EXPECT_EQ(TypeOfLarge("-0", "NA"), "float64 0.0 nan");
}

TEST(ReadPandasCsvTest, FaultsOfLargeFilesNameTheirLine) {
  std::string bytes = Large("1", "2,3");
  auto frame = ReadPandasCsv(bytes, SmallParts());
  ASSERT_FALSE(frame);
  auto lines = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  EXPECT_EQ(frame.error().code, "parser_error");
  EXPECT_NE(frame.error().detail.find("line " + std::to_string(lines)), std::string::npos)
      << frame.error().detail;
}

TEST(PythonFloatTest, EqualsRepr) {
  EXPECT_EQ(PythonFloat(1), "1.0");
  EXPECT_EQ(PythonFloat(1e16), "1e+16");
  EXPECT_EQ(PythonFloat(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(PythonFloat(1e-5), "1e-05");
  EXPECT_EQ(PythonFloat(0.0001), "0.0001");
  EXPECT_EQ(PythonFloat(-0.0), "-0.0");
  EXPECT_EQ(PythonFloat(std::numeric_limits<double>::infinity()), "inf");
}

// What a frame or a fault is, as text.
std::string Whole(std::string_view bytes) {
  auto frame = ReadPandasCsv(bytes);
  if (!frame) return frame.error().code + ": " + frame.error().detail;
  std::string out = std::to_string(frame->rows) + " rows";
  auto add = [&](const Column& column) {
    out += "\n" + column.name + " " + std::string(DTypeText(column.dtype));
    for (std::size_t row = 0; row < frame->rows; ++row) out += "|" + column.Str(row);
  };
  for (const Column& column : frame->index) add(column);
  for (const Column& column : frame->columns) add(column);
  return out;
}

// Lines without a quote are read without the tokenizer; a quote in the last one sends them through
// it. Tables of odd cells, some with rows that are too short, too long or blank.
TEST(ReadPandasCsvTest, PlainLinesAreReadAsTheTokenizerReadsThem) {
  const std::vector<std::string> cells = {"1",
                                          "-7",
                                          "0.5",
                                          "1e3",
                                          "",
                                          "NA",
                                          "abc",
                                          "True",
                                          "12345678901234567890",
                                          " 4",
                                          ".5",
                                          "5.",
                                          "-0.0",
                                          "1e400",
                                          "+2",
                                          "\t",
                                          "nan",
                                          "\xC3\xA9",
                                          "0.1234567890123456789",
                                          "-",
                                          "9007199254740993"};
  std::uint64_t state = 1;
  auto pick = [&state](std::size_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state >> 33) % n;
  };
  for (int table = 0; table < 3000; ++table) {
    std::size_t width = 1 + pick(3);
    std::size_t kinds = 1 + pick(cells.size());
    std::string text = width == 1 ? "a\n" : width == 2 ? "a,b\n" : "a,b,c\n";
    for (std::size_t row = pick(5); row > 0; --row) {
      std::size_t more = pick(20) == 0 ? pick(3) : 1;
      for (std::size_t c = 0; c + 1 < width + more; ++c)
        text += (c ? "," : "") + cells[pick(2) ? pick(kinds) : table % cells.size()];
      text += pick(30) == 0 ? "\n \n" : "\n";
    }
    std::string rest = width == 1 ? "\n" : width == 2 ? ",2\n" : ",2,3\n";
    EXPECT_EQ(Whole(text + "8" + rest), Whole(text + "\"8\"" + rest)) << text;
  }
}

}  // namespace
}  // namespace podium
