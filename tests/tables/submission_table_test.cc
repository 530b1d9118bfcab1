#include "tables/submission_table.h"

#include <gtest/gtest.h>

namespace podium {
namespace {

constexpr std::string_view kSample = "id,a,b\n1,0,0\n2,0,0\n3,0,0\n";

SubmissionRules Rules() {
  SubmissionRules rules;
  rules.id_column = "id";
  rules.columns = {{"a", true, 0, 9}, {"b"}};
  return rules;
}

// "fault: detail", or "" when the bytes are a submission.
std::string Fault(std::string_view bytes) {
  auto ids = IdList::FromCsv(kSample, "id");
  auto table = ReadSubmission(bytes, Rules(), *ids);
  return table ? "" : std::string(FaultText(table.error().fault)) + ": " + table.error().detail;
}

TEST(SubmissionTableTest, RowsAndColumnsMayComeInAnyOrder) {
  auto ids = IdList::FromCsv(kSample, "id");
  auto table = ReadSubmission("b,id,a\n.5,3,1\n1e2,1,2\n-3,2,9\n", Rules(), *ids);
  ASSERT_TRUE(table) << table.error().detail;
  EXPECT_EQ(table->columns[0].floats, (std::vector<double>{2, 9, 1}));
  EXPECT_EQ(table->columns[1].floats, (std::vector<double>{100, -3, 0.5}));
}

struct Case {
  const char* name;
  const char* bytes;
  const char* fault;  // how the reason begins
};

class SubmissionFaultTest : public testing::TestWithParam<Case> {};

TEST_P(SubmissionFaultTest, IsNamed) {
  std::string fault = Fault(GetParam().bytes);
  EXPECT_TRUE(fault.starts_with(GetParam().fault)) << fault;
}

INSTANTIATE_TEST_SUITE_P(
    All, SubmissionFaultTest,
    testing::Values(Case{"Good", "id,a,b\n1,0,0\n2,0,0\n3,0,0\n", ""},
                    Case{"WholeNumberAsFloat", "id,a,b\n1,3.0,0\n2,0,0\n3,0,0\n", ""},
                    Case{"NoBytes", "", "empty"}, Case{"BlankLines", "\n\n", "empty"},
                    Case{"HeaderOnly", "id,a,b\n", "empty"},
                    Case{"MissingColumn", "id,a\n1,0\n", "wrong_columns: column 'b' is missing"},
                    Case{"ExtraColumn", "id,a,b,c\n1,0,0,0\n", "wrong_columns"},
                    Case{"ColumnTwice", "id,a,a\n1,0,0\n",
                         "wrong_columns: column 'a' is there twice"},
                    Case{"ShortRow", "id,a,b\n1,0\n", "bad_csv: line 2: expected 3 cells, found 2"},
                    Case{"OpenQuote", "id,a,b\n\"1,0,0\n", "bad_csv"},
                    Case{"EmptyId", "id,a,b\n,0,0\n", "bad_id"},
                    Case{"DuplicateId", "id,a,b\n1,0,0\n1,0,0\n", "duplicate_id: line 3"},
                    Case{"ForeignId", "id,a,b\n9,0,0\n", "extra_ids"},
                    Case{"MissingIds", "id,a,b\n1,0,0\n", "missing_ids: 2 of 3"},
                    Case{"Text", "id,a,b\n1,0,x\n", "not_a_number: line 2, column 'b'"},
                    Case{"EmptyCell", "id,a,b\n1,0,\n", "not_a_number"},
                    Case{"HexFloat", "id,a,b\n1,0,0x1p3\n", "not_a_number"},
                    Case{"Nan", "id,a,b\n1,0,nan\n", "not_finite"},
                    Case{"Infinity", "id,a,b\n1,0,-inf\n", "not_finite"},
                    Case{"TooLarge", "id,a,b\n1,0,1e400\n", "not_finite"},
                    Case{"OutOfRange", "id,a,b\n1,10,0\n", "out_of_range"},
                    Case{"Fraction", "id,a,b\n1,0.5,0\n", "out_of_range"}),
    [](const auto& test) { return test.param.name; });

TEST(SubmissionTableTest, ANulByteIsNotText) {
  EXPECT_TRUE(Fault(std::string_view("id,a,b\n1,0\0,0\n", 14)).starts_with("bad_csv: byte 10"));
  EXPECT_TRUE(Fault(std::string_view("\xff\xfe"
                                     "i\0d\0",
                                     6))
                  .starts_with("bad_csv"))
      << "UTF-16";
}

TEST(SubmissionTableTest, AgentBytesInAReasonCannotSteerATerminal) {
  EXPECT_EQ(Fault("id,a,b\n\x1b[2J,0,0\n").find('\x1b'), std::string::npos);
}

TEST(SubmissionTableTest, NumbersAreDecimalsOrHaveAnExponent) {
  auto ids = IdList::FromCsv(kSample, "id");
  auto table = ReadSubmission("id,a,b\n1,0, +1.5e2 \n2,0,-.5\n3,0,1e-400\n", Rules(), *ids);
  ASSERT_TRUE(table) << table.error().detail;
  EXPECT_EQ(table->columns[1].floats, (std::vector<double>{150, -0.5, 0}));
  EXPECT_TRUE(Fault("id,a,b\n1,0,1_000\n2,0,0\n3,0,0\n").starts_with("not_a_number"));
}

// The same files for an own task as for a competition in strict mode (strict_check_test.cc).
TEST(SubmissionTableTest, IdsMayBeWrittenAsOtherNumbers) {
  EXPECT_EQ(Fault("id,a,b\n1.0,0,0\n02,0,0\n3e0,0,0\n"), "");
  EXPECT_EQ(Fault("id,a,b\n 3 ,0,0\n1,0,0\n2,0,0\n"), "");
  EXPECT_TRUE(Fault("id,a,b\n1,0,0\n1.0,0,0\n2,0,0\n3,0,0\n").starts_with("duplicate_id: line 3"));
}

TEST(SubmissionTableTest, APackedFileIsUnpacked) {
  // printf 'id,a,b\n1,1,0\n2,0,0\n3,0,0\n' | gzip -n
  const unsigned char gzip[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                0xcb, 0x4c, 0xd1, 0x49, 0xd4, 0x49, 0xe2, 0x32, 0xd4, 0x31,
                                0xd4, 0x31, 0xe0, 0x32, 0xd2, 0x31, 0x00, 0x92, 0xc6, 0x60,
                                0x12, 0x00, 0x9b, 0xc0, 0x4f, 0xb0, 0x19, 0x00, 0x00, 0x00};
  std::string_view bytes(reinterpret_cast<const char*>(gzip), sizeof gzip);
  EXPECT_EQ(Fault(bytes), "");
  EXPECT_TRUE(Fault(bytes.substr(0, bytes.size() - 4)).starts_with("bad_csv"));
}

// A million rows for three ids are refused when a thousand or so have been read.
TEST(SubmissionTableTest, ManyMoreRowsThanIdsAreNotRead) {
  std::string bytes = "id,a,b\n";
  for (int i = 0; i < 100'000; ++i) bytes += std::to_string(i) + ",0,0\n";
  EXPECT_TRUE(Fault(bytes).starts_with("extra_ids: line 10")) << Fault(bytes);
}

TEST(SubmissionTableTest, BlanksAroundNamesAndTextCount) {
  EXPECT_TRUE(Fault("id, a,b\n1,0,0\n2,0,0\n3,0,0\n").starts_with("wrong_columns: column ' a'"));
  auto ids = IdList::FromCsv("id\nx\ny\n", "id");
  auto table = ReadSubmission("id,a,b\nx,0,0\ny ,0,0\n", Rules(), *ids);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().fault, ShapeFault::kExtraIds) << "as strict mode does in competitions";
}

}  // namespace
}  // namespace podium
