// Hostile files against a whole grader, in both modes: what each is judged, and that nothing
// crashes. The table is docs/hostile-input.md's.
#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"
#include "scoring/competitions/grade_competition.h"

namespace podium::scoring {
namespace {

std::string Repeat(std::string_view text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string Utf16(std::string_view text) {
  std::string out = "\xFF\xFE";
  for (char c : text) {
    out += c;
    out += '\0';
  }
  return out;
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* compat;  // the score, or the reason
  const char* strict;
};

using std::string_literals::operator""s;

// Against answers a,1 b,0 of new-york-city-taxi-fare-prediction (RMSE, any finite number).
std::vector<Hostile> Table() {
  const std::string head = "key,fare_amount\n";
  return {
      {"a good file", head + "a,1\nb,0\n", "0", "0"},
      {"1e400: larger than a double", head + "a,1e400\nb,0\n", "not_a_number", "not_a_number"},
      {"-1e400: minus infinity, as pandas has it", head + "a,-1e400\nb,0\n", "not_finite",
       "not_finite"},
      {"hexadecimal float", head + "a,0x1p0\nb,0\n", "not_a_number", "not_a_number"},
      {"infinity", head + "a,inf\nb,0\n", "not_finite", "not_finite"},
      {"NaN", head + "a,nan\nb,0\n", "missing_value", "not_a_number"},
      {"a number of ten million digits", head + "a,1" + Repeat("0", 10'000'000) + "\nb,0\n",
       "not_a_number", "not_a_number"},
      {"NUL before a number", head + "a,\0001\nb,0\n"s, "missing_value", "missing_value"},
      {"NUL bytes alone", std::string(1000, '\0'), "missing_column", "empty"},
      {"UTF-16 with a byte order mark", Utf16(head + "a,1\nb,0\n"), "not_utf8", "not_utf8"},
      {"Latin-1", head + "\xE4,1\nb,0\n", "not_utf8", "not_utf8"},
      {"an unterminated quote", head + "a,\"1\nb,0\n", "parser_error", "parser_error"},
      {"ten million columns", Repeat("x,", 10'000'000) + "x\n", "too_many_columns",
       "too_many_columns"},
      {"a hundred million blank lines", std::string(100'000'000, '\n'), "missing_column", "empty"},
      {"a million empty rows of two cells", head + Repeat(",\n", 1'000'000), "row_count",
       "missing_value"},
      {"no bytes", "", "missing_column", "empty"},
      {"a header alone", head, "row_count", "empty"},
      {"the id a million times", head + Repeat("a,1\n", 1'000'000), "row_count", "duplicate_id"},
  };
}

CompetitionOutcome Judge(Mode mode, std::string_view bytes) {
  static const CompetitionSpec spec =
      *LoadCompetition(std::filesystem::path(PODIUM_SOURCE_DIR) / "scoring" / "competitions",
                       "new-york-city-taxi-fare-prediction");
  return GradeCompetition(spec, mode, bytes, "key,fare_amount\na,1\nb,0\n");
}

std::string Text(const CompetitionOutcome& outcome) {
  return outcome.reason.empty() ? FormatDouble(outcome.raw_score) : outcome.reason;
}

TEST(HostileInputTest, EachHasItsVerdict) {
  for (const Hostile& h : Table()) {
    EXPECT_EQ(Text(Judge(Mode::kCompat, h.bytes)), h.compat) << h.name << ", compat";
    EXPECT_EQ(Text(Judge(Mode::kStrict, h.bytes)), h.strict) << h.name << ", strict";
  }
}

// A gigabyte without a line end: read once, judged, and no copy made of it.
TEST(HostileInputTest, ALineOfAGigabyteIsOneCell) {
  std::string bytes(std::size_t{1} << 30, 'x');
  EXPECT_EQ(Text(Judge(Mode::kCompat, bytes)), "missing_column");
  EXPECT_EQ(Text(Judge(Mode::kStrict, bytes)), "empty");
}

}  // namespace
}  // namespace podium::scoring
