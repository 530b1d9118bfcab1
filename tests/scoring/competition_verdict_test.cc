#include "scoring/competition_verdict.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"

namespace podium::scoring {
namespace {

const char* kAnswers = "id,has_cactus\na,1\nb,0\nc,1\nd,0\n";
const char* kPerfect = "id,has_cactus\na,0.9\nb,0.1\nc,0.8\nd,0.2\n";

CompetitionSpec Spec(const std::string& id = "aerial-cactus-identification") {
  auto dir = std::filesystem::path(PODIUM_SOURCE_DIR) / "scoring" / "competitions";
  return *LoadCompetition(dir, id);
}

std::optional<MleBenchCompetition> Known(const std::string& id = "aerial-cactus-identification") {
  auto all = *MleBenchCatalogue();
  for (auto& c : all)
    if (c.id == id) return c;
  return std::nullopt;
}

std::string RequestText(const CompetitionSpec& spec, Mode mode,
                        const std::optional<MleBenchCompetition>& known,
                        records::HandOverStatus status = records::HandOverStatus::kOk) {
  return records::ToText(CompetitionRequest(spec, mode, {.status = status}, known));
}

Json Graded(std::string_view submission, std::string_view board, Mode mode = Mode::kCompat) {
  std::string request = RequestText(Spec(), mode, Known());
  auto record = GradeToJson({request, kAnswers, board, submission});
  EXPECT_TRUE(record) << record.error().message;
  return record ? *ParseJson(*record, "record") : Json();
}

std::string Board(const std::vector<double>& scores) {
  std::string out = "rank,score\n";
  for (std::size_t i = 0; i < scores.size(); ++i)
    out += std::to_string(i + 1) + "," + std::to_string(scores[i]) + "\n";
  return out;
}

TEST(CompetitionVerdictTest, ScoresAndRanksOnTheBoard) {
  Json r = Graded(kPerfect, Board({1, 0.9, 0.6, 0.5}));
  EXPECT_EQ(r["verdict"], "scored");
  EXPECT_EQ(r["raw_score"], 1.0);
  EXPECT_EQ(r["medals"]["gold"], true);
  EXPECT_EQ(r["medals"]["silver"], false);
  EXPECT_EQ(r["above_median"], true);
  EXPECT_EQ(r["rank"], 1);
  EXPECT_EQ(r["percentile"], (3 + 0.5) / 4);
  EXPECT_EQ(r["lines_from"], "board");
}

TEST(CompetitionVerdictTest, WithoutABoardTheShippedLinesCount) {
  Json r = Graded(kPerfect, "");
  EXPECT_EQ(r["thresholds"]["median"], 0.9991);
  EXPECT_EQ(r["medal"], "gold");
  EXPECT_TRUE(r["percentile"].is_null());
  EXPECT_NE(r["lines_from"].get<std::string>().find("public extraction"), std::string::npos);
}

// A board that is worst first makes lower scores better in compat, as in mle-bench; strict keeps
// the task's direction and sorts.
TEST(CompetitionVerdictTest, TheDirectionIsTheBoardsInCompatAndTheTasksInStrict) {
  std::string upside_down = Board({0.5, 0.6, 0.9, 0.95});
  Json compat = Graded(kPerfect, upside_down);
  EXPECT_EQ(compat["lower_is_better"], true);
  EXPECT_EQ(compat["medal"], "none");
  Json strict = Graded(kPerfect, upside_down, Mode::kStrict);
  EXPECT_EQ(strict["lower_is_better"], false);
  EXPECT_EQ(strict["medal"], "gold");
}

TEST(CompetitionVerdictTest, AShortOrAbsentBoardIsAGraderErrorWithItsReason) {
  Json r = Graded(kPerfect, Board(std::vector<double>(20, 0.9)));
  EXPECT_EQ(r["verdict"], "grader_error");
  EXPECT_EQ(r["reason"], "bad_leaderboard");
  EXPECT_NE(r["detail"].get<std::string>().find("20 best teams"), std::string::npos);
  EXPECT_TRUE(r["score"].is_null());
  r = Graded(kPerfect, "version https://git-lfs.github.com/spec/v1\nsize 12\n");
  EXPECT_NE(r["detail"].get<std::string>().find("Git-LFS pointer"), std::string::npos);
}

TEST(CompetitionVerdictTest, InvalidSubmissionsKeepTheLines) {
  Json r = Graded("id,wrong\na,1\n", Board({1, 0.5}));
  EXPECT_EQ(r["verdict"], "invalid");
  EXPECT_FALSE(r["reason"].get<std::string>().empty());
  EXPECT_EQ(r["thresholds"]["gold"], 1.0);
  EXPECT_EQ(r["medals"]["any"], false);
}

TEST(CompetitionVerdictTest, AMissingFileIsNoSubmission) {
  std::string request =
      RequestText(Spec(), Mode::kCompat, Known(), records::HandOverStatus::kMissing);
  auto r = *ParseJson(*GradeToJson({request, kAnswers, "", std::nullopt}), "record");
  EXPECT_EQ(r["verdict"], "no_submission");
  EXPECT_EQ(r["thresholds"]["gold"], 1.0);
}

TEST(CompetitionVerdictTest, ScoresThatAreNotFiniteAreText) {
  std::string request = RequestText(Spec("us-patent-phrase-to-phrase-matching"), Mode::kCompat,
                                    Known("us-patent-phrase-to-phrase-matching"));
  auto r = *ParseJson(*GradeToJson({request, "id,score\na,0.5\nb,0.25\n", Board({0.9, 0.1}),
                                    "id,score\na,0.5\nb,0.5\n"}),
                      "record");
  EXPECT_EQ(r["verdict"], "scored");
  EXPECT_EQ(r["score"], "nan");
  EXPECT_EQ(r["medals"]["any"], false);
  EXPECT_TRUE(r["rank"].is_null());
}

TEST(CompetitionVerdictTest, ARequestThatCannotBeUnderstoodIsAnError) {
  std::string request = RequestText(Spec(), Mode::kCompat, std::nullopt);
  EXPECT_FALSE(GradeToJson({request, kAnswers, "", std::nullopt}));  // says that there is a file
  auto broken = *ParseJson(request, "request");
  broken["competition"] = "id: x\n";
  EXPECT_FALSE(GradeToJson({DumpJson(broken), kAnswers, "", kPerfect}));
}

TEST(CompetitionVerdictTest, ABoardOfOneScoreIsNotedAndInStrictRefused) {
  Json compat = Graded(kPerfect, Board({0, 0, 0}));
  EXPECT_EQ(compat["medal"], "gold");
  EXPECT_EQ(compat["board_note"], "every line of the board is the same");
  Json strict = Graded(kPerfect, Board({0, 0, 0}), Mode::kStrict);
  EXPECT_EQ(strict["reason"], "bad_leaderboard");
  EXPECT_FALSE(Graded(kPerfect, Board({1, 0})).contains("board_note"));
}

// What an answers file names counts in strict, however its ids look.
TEST(CompetitionVerdictTest, APerfectFileIsScoredWhateverItsIdsLookLike) {
  for (const char* ids : {"1e1 10 2e1 1e5", "007 7 7.0 8", "NA null nan None", "1 01 1.0 x",
                          "0x1 1 True true", "99999999999999999999 1 2 3"}) {
    std::string answers = "id,has_cactus\n";
    std::string file = answers;
    int truth = 0;
    for (std::size_t at = 0, end = 0; end != std::string::npos; at = end + 1) {
      end = std::string_view(ids).find(' ', at);
      std::string id(std::string_view(ids).substr(at, end - at));
      answers += id + "," + std::to_string(++truth % 2) + "\n";
      file += id + "," + (truth % 2 ? "0.9" : "0.1") + "\n";
    }
    std::string request = RequestText(Spec(), Mode::kStrict, Known());
    auto r = *ParseJson(*GradeToJson({request, answers, "", file}), "record");
    EXPECT_EQ(r["verdict"], "scored") << ids << ": " << r["detail"];
    EXPECT_EQ(r["raw_score"], 1.0) << ids;
  }
}

}  // namespace
}  // namespace podium::scoring
