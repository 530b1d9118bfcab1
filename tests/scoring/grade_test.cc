#include "scoring/grade.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace podium::scoring {
namespace {

constexpr const char* kAnswers = "id,y\na,0\nb,1\nc,1\nd,0\n";
constexpr const char* kBoard = "score,count\n0.9,1\n0.75,2\n0.5,7\n";

std::string Request(const char* handover = R"({"status": "ok"})", const char* metric = "accuracy",
                    const char* column = R"("integer": true, "min": 0, "max": 1)") {
  return std::string(
             R"({"schema": "podium-grade-request/1", "task": "t", "task_digest": "d", "mode": "strict", "metric": ")") +
         metric +
         R"(", "lower_is_better": false, "params": {}, "id_column": "id", "columns": [{"name": "y", )" +
         column + R"(}], "handover": )" + handover + "}";
}

Json Grade(std::optional<std::string_view> submission, const std::string& request = Request(),
           const char* answers = kAnswers, const char* board = kBoard) {
  auto record = GradeToJson({request, answers, board, submission});
  EXPECT_TRUE(record) << record.error().message;
  auto json = ParseJson(record.value_or("{}"), "record");
  return json.value_or(Json::object());
}

TEST(GradeTest, AScoredSubmissionHasItsPlace) {
  Json v = Grade("id,y\nd,0\nc,1\nb,1\na,1\n");  // another order of rows
  EXPECT_EQ(v["schema"], "podium-verdict/1");
  EXPECT_EQ(v["verdict"], "scored");
  EXPECT_EQ(v["score"], 0.75);
  EXPECT_EQ(v["medal"], "silver");
  EXPECT_EQ(v["above_median"], true);
  EXPECT_EQ(v["rank"], 2);
  EXPECT_EQ(v["percentile"], 0.8);
  EXPECT_EQ(v["leaderboard_rows"], 10);
  EXPECT_EQ(v["thresholds"]["gold"], 0.9);
  EXPECT_EQ(v["submission_bytes"], 21);
}

TEST(GradeTest, TheSameInputGivesTheSameBytes) {
  GradeInput input{Request(), kAnswers, kBoard, "id,y\na,0\nb,1\nc,1\nd,0\n"};
  std::string request = Request();
  input.request_json = request;
  EXPECT_EQ(GradeToJson(input).value(), GradeToJson(input).value());
}

struct BadSubmission {
  const char* name;
  std::string bytes;
  const char* reason;
};

class GradeBadSubmissionTest : public testing::TestWithParam<BadSubmission> {};

TEST_P(GradeBadSubmissionTest, IsInvalidWithItsReason) {
  Json v = Grade(GetParam().bytes);
  EXPECT_EQ(v["verdict"], "invalid");
  EXPECT_EQ(v["reason"], GetParam().reason) << v["detail"];
  EXPECT_TRUE(v["score"].is_null());
  EXPECT_EQ(v["medal"], "none");
  EXPECT_FALSE(v["detail"].get<std::string>().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, GradeBadSubmissionTest,
    testing::Values(BadSubmission{"NoBytes", "", "empty"},
                    BadSubmission{"HeaderAlone", "id,y\n", "empty"},
                    BadSubmission{"BlankLines", "\n\n\n", "empty"},
                    BadSubmission{"WrongName", "id,label\na,0\n", "wrong_columns"},
                    BadSubmission{"NoId", "y\n0\n", "wrong_columns"},
                    BadSubmission{"ColumnTwice", "id,y,y\na,0,0\n", "wrong_columns"},
                    BadSubmission{"OneMore", "id,y,z\na,0,0\n", "wrong_columns"},
                    BadSubmission{"OneLongLine", std::string(1 << 20, 'x'), "wrong_columns"},
                    BadSubmission{"NulByte", std::string("id,y\na,0\0\n", 10), "bad_csv"},
                    BadSubmission{"Binary",
                                  std::string("\x7f"
                                              "ELF\x02\x01",
                                              6),
                                  "wrong_columns"},
                    BadSubmission{"ShortRow", "id,y\na\n", "bad_csv"},
                    BadSubmission{"LongRow", "id,y\na,0,1\n", "bad_csv"},
                    BadSubmission{"OpenQuote", "id,y\n\"a,0\n", "bad_csv"},
                    BadSubmission{"EmptyId", "id,y\n,0\nb,1\nc,1\nd,0\n", "bad_id"},
                    BadSubmission{"IdTwice", "id,y\na,0\na,0\nc,1\nd,0\n", "duplicate_id"},
                    BadSubmission{"MissingId", "id,y\na,0\nb,1\nc,1\n", "missing_ids"},
                    BadSubmission{"StrangeId", "id,y\na,0\nb,1\nc,1\nd,0\ne,1\n", "extra_ids"},
                    BadSubmission{"Text", "id,y\na,yes\nb,1\nc,1\nd,0\n", "not_a_number"},
                    BadSubmission{"EmptyCell", "id,y\na,\nb,1\nc,1\nd,0\n", "not_a_number"},
                    BadSubmission{"NaN", "id,y\na,nan\nb,1\nc,1\nd,0\n", "not_finite"},
                    BadSubmission{"Infinity", "id,y\na,-inf\nb,1\nc,1\nd,0\n", "not_finite"},
                    BadSubmission{"Huge", "id,y\na,1e999\nb,1\nc,1\nd,0\n", "not_finite"},
                    BadSubmission{"OutOfRange", "id,y\na,2\nb,1\nc,1\nd,0\n", "out_of_range"},
                    BadSubmission{"Fraction", "id,y\na,0.5\nb,1\nc,1\nd,0\n", "out_of_range"}),
    [](const auto& test) { return test.param.name; });

TEST(GradeTest, FormsThatPandasAcceptsAreAccepted) {
  for (const char* bytes :
       {"id,y\r\na,0\r\nb,1\r\nc,1\r\nd,0\r\n", "\xEF\xBB\xBFid,y\na,0\nb,1\nc,1\nd,0",
        "y,id\n0,a\n1,b\n1,c\n0,d\n", "id,y\n\"a\",0.0\nb,1e0\nc, 1\nd,+0\n\n"}) {
    Json v = Grade(bytes);
    EXPECT_EQ(v["verdict"], "scored") << bytes << v["detail"];
    EXPECT_EQ(v["score"], 1.0) << bytes;
  }
}

TEST(GradeTest, TheHandoverDecidesBeforeTheBytes) {
  Json missing = Grade(std::nullopt, Request(R"({"status": "missing"})"));
  EXPECT_EQ(missing["verdict"], "no_submission");
  EXPECT_EQ(missing["reason"], "missing");
  Json link =
      Grade(std::nullopt, Request(R"({"status": "invalid", "reason": "symlink", "detail": "x"})"));
  EXPECT_EQ(link["verdict"], "invalid");
  EXPECT_EQ(link["reason"], "symlink");
}

TEST(GradeTest, ABrokenTaskIsNeverAZero) {
  const char* good = "id,y\na,0\nb,1\nc,1\nd,0\n";
  EXPECT_EQ(Grade(good, Request(R"({"status": "ok"})", "no_such_metric"))["reason"],
            "unknown_metric");
  EXPECT_EQ(Grade(good, Request(), "id,y\na,0\nb,x\nc,1\nd,0\n")["reason"], "bad_answers");
  EXPECT_EQ(Grade(good, Request(), kAnswers, "score,count\n")["reason"], "bad_leaderboard");
  Json v = Grade(good, Request(R"({"status": "ok"})", "roc_auc"), "id,y\na,1\nb,1\nc,1\nd,1\n");
  EXPECT_EQ(v["verdict"], "grader_error");
  EXPECT_EQ(v["reason"], "metric_failed");
  EXPECT_TRUE(v["score"].is_null());
}

TEST(GradeTest, ARequestThatCannotBeUnderstoodIsAnError) {
  for (const char* text : {"", "{}", "[1]", R"({"schema": "podium-grade-request/2"})", "null"}) {
    EXPECT_FALSE(GradeToJson({text, kAnswers, kBoard, "x"})) << text;
  }
  std::string ok = Request();
  EXPECT_FALSE(GradeToJson({ok, kAnswers, kBoard, std::nullopt}));
}

// Damaged bytes of every kind end in a verdict: a valid file with each byte changed in turn.
TEST(GradeTest, NoChangedByteCrashesIt) {
  const std::string good = "id,y\n\"a\",0\nb,1\nc,1e0\nd,0\n";
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int byte : std::initializer_list<int>{0, '"', ',', '\n', '\r', 'e', '-', 0xff}) {
      std::string bytes = good;
      bytes[i] = static_cast<char>(byte);
      Json v = Grade(bytes);
      EXPECT_TRUE(v["verdict"] == "scored" || v["verdict"] == "invalid") << i << " " << byte;
    }
  }
}

// Own tasks and competitions in strict mode take and refuse the same files.
TEST(GradeTest, AnOwnTaskIsReadAsACompetitionIs) {
  const char* answers = "id,y\n31,0\n32,1\n1000000,1\n007,0\n";
  auto verdict = [&](std::string_view file) {
    Json v = Grade(file, Request(), answers);
    return v["verdict"] == "scored" ? std::string("scored") : v["reason"].get<std::string>();
  };
  EXPECT_EQ(verdict("id,y\n31.0,0\n32.0,1\n1000000.0,1\n7.0,0\n"), "scored");
  EXPECT_EQ(verdict("id,y\n1e+06,1\n7,0\n32,1\n31,0\n"), "scored");
  EXPECT_EQ(verdict("id,y\r\n31,0\n32,1\r1000000,1\r\n007,0"), "scored") << "mixed line ends";
  EXPECT_EQ(verdict("\"id\",\"y\"\n\"31\",\"0\"\n32,1\n1000000,1\n007,0\n"), "scored");
  EXPECT_EQ(verdict("id,y\n31,0\n31.0,0\n1000000,1\n007,0\n"), "duplicate_id");
  EXPECT_EQ(verdict("id,y\n31,0\n32,1\n1000000,[1]\n007,0\n"), "not_a_number");
  EXPECT_EQ(verdict("id,y,\n31,0,\n32,1,\n1000000,1,\n007,0,\n"), "wrong_columns");
}

TEST(GradeTest, AnOwnTasksBoardMayBeOfAnyKind) {
  const char* board =
      "\xEF\xBB\xBFRank,TeamId,TeamName,LastSubmissionDate,Score,SubmissionCount\r\n"
      "1,7,\"A, \"\"B\"\"\",2020-01-01 00:00:00,0.9,4\r\n2,8,C,2020-01-01 00:00:00,0.5,4\r\n";
  Json v = Grade("id,y\na,0\nb,1\nc,1\nd,0\n", Request(), kAnswers, board);
  EXPECT_EQ(v["verdict"], "scored");
  EXPECT_EQ(v["leaderboard_rows"], 2);
  EXPECT_EQ(v["medal"], "gold");
  v = Grade("id,y\na,0\nb,1\nc,1\nd,0\n", Request(), kAnswers, "score,count\n0,5\n");
  EXPECT_EQ(v["reason"], "bad_leaderboard") << "all lines are the same";
}

}  // namespace
}  // namespace podium::scoring
