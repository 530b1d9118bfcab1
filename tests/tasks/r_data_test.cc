#include "tasks/r_data.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace podium::tasks {
namespace {

// Writes R's XDR format by hand.
struct Xdr {
  std::string out = "X\n";
  Xdr() { I(2).I(0x00040201).I(0x00020300); }
  Xdr& I(std::int32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift);
    return *this;
  }
  Xdr& D(double v) {
    auto bits = std::bit_cast<std::uint64_t>(v);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift);
    return *this;
  }
  Xdr& Char(std::string_view s) {
    I(9).I(static_cast<std::int32_t>(s.size()));
    out += s;
    return *this;
  }
  Xdr& Symbol(std::string_view s) { return I(1).Char(s); }
};

// data.frame(n = c(1L, NA), x = c(0.5, NaN), f = factor(c("b", "a")), s = c("q", NA))
std::string Frame() {
  Xdr x;
  x.I(19 | 0x300).I(4);
  x.I(13).I(2).I(1).I(INT32_MIN);
  x.I(14).I(2).D(0.5).D(std::nan(""));
  x.I(13 | 0x300).I(2).I(2).I(1);  // factor codes with attributes
  x.I(2 | 0x400).Symbol("levels").I(16).I(2).Char("a").Char("b").I(254);
  x.I(16).I(2).Char("q").I(9).I(-1);
  x.I(2 | 0x400).Symbol("names").I(16).I(4).Char("n").Char("x").Char("f").Char("s");
  x.I(2 | 0x400).Symbol("class").I(16).I(1).Char("data.frame");
  x.I(2 | 0x400).Symbol("row.names").I(13).I(2).I(INT32_MIN).I(-2).I(254);
  return x.out;
}

TEST(RDataTest, ReadsADataFrame) {
  auto value = ReadRds(Frame());
  ASSERT_TRUE(value) << value.error().message;
  auto table = RTable::From(*value);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->rows(), 2u);
  EXPECT_EQ(table->names(), (std::vector<std::string>{"n", "x", "f", "s"}));
  EXPECT_EQ(table->Cell(0, 0), "1");
  EXPECT_EQ(table->Cell(1, 0), "");
  EXPECT_EQ(table->Cell(0, 1), "0.5");
  EXPECT_EQ(table->Cell(1, 1), "");
  EXPECT_EQ(table->Cell(0, 2), "b");
  EXPECT_EQ(table->Cell(1, 2), "a");
  EXPECT_EQ(table->Cell(0, 3), "q");
  EXPECT_EQ(table->Cell(1, 3), "");
  auto wrong = table->Column("nn");
  ASSERT_FALSE(wrong);
}

// Any bytes end in a value or an error: every prefix, and every byte changed.
TEST(RDataTest, DamagedBytesNeverCrash) {
  const std::string good = Frame();
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_FALSE(ReadRds(std::string_view(good).substr(0, n)));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int byte : {0x00, 0x7f, 0x80, 0xff, 0x13, 0xee}) {
      std::string bytes = good;
      bytes[i] = static_cast<char>(byte);
      auto value = ReadRds(bytes);
      if (value) (void)RTable::From(*value);
    }
  }
}

TEST(RDataTest, DeepNestingIsAnError) {
  Xdr x;
  for (int i = 0; i < 100000; ++i) x.I(19).I(1);
  EXPECT_FALSE(ReadRds(x.out));
}

TEST(RDataTest, ALengthBeyondTheBytesAsksForNoMemory) {
  EXPECT_FALSE(ReadRds(Xdr().I(14).I(0x7fffffff).out));
  EXPECT_FALSE(ReadRds(Xdr().I(16).I(0x7fffffff).out));
}

}  // namespace
}  // namespace podium::tasks
