// `podium verify`: a run as it is, and every way of making it say something else (H08, V07, G13).
#include <algorithm>
#include <fstream>

#include "base/digest.h"
#include "base/text.h"
#include "tests/e2e/podium_program.h"

namespace podium::tests {
namespace {

class VerifyTest : public PodiumProgram {
 protected:
  // The oracle needs no container: its run is called "v".
  void RunOracle() {
    auto r = Podium({"run", "--task", Task(), "--agent", "oracle,nop", "--name", "v"});
    ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  }
  Json Verify(int exit_code) {
    auto r = Podium({"verify", "v", "--json"});
    EXPECT_EQ(r.exit_code, exit_code) << r.out << r.err;
    auto json = ParseJson(r.out, "verification");
    return json ? *json : Json();
  }
  // The trial of an agent in a verification.
  static Json TrialOf(const Json& verification, const std::string& agent) {
    for (const auto& t : verification["trials"]) {
      if (std::string(t["trial"]).find("/" + agent + "/") != std::string::npos) return t;
    }
    return {};
  }
  static std::string All(const Json& list) {
    std::string out;
    for (const auto& line : list) out += std::string(line) + "\n";
    return out;
  }
  static void Edit(const fs::path& file, const std::string& from, const std::string& to) {
    auto read = ReadFile(file);
    ASSERT_TRUE(read) << read.error().message;
    std::string text = *read;
    std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << file << " holds no " << from;
    ASSERT_TRUE(WriteFileAtomic(file, text.replace(at, from.size(), to)));
  }
};

TEST_F(VerifyTest, AnHonestRunAddsUpAndTheOracleIsNamed) {
  RunOracle();
  Json v = Verify(0);
  EXPECT_EQ(v["verified"], true);
  for (const char* agent : {"oracle", "nop"}) {
    EXPECT_EQ(TrialOf(v, agent)["regraded"], true) << agent;
    EXPECT_EQ(TrialOf(v, agent)["problems"], Json::array());
  }
  EXPECT_NE(All(TrialOf(v, "oracle")["flags"]).find("knows_answers"), std::string::npos);
  auto r = Podium({"verify", "v"});
  EXPECT_NE(r.out.find("2 of 2 trials graded again"), std::string::npos) << r.out;
}

// The one writer's file.
fs::path HistoryOf(const fs::path& run) { return fs::directory_iterator(run / "history")->path(); }

TEST_F(VerifyTest, EveryChangedFileIsFound) {
  RunOracle();
  const fs::path trial = TrialDir("v", "oracle"), run = runs() / "v";
  struct Change {
    fs::path file;
    std::string from, to, complaint;
  };
  const Change changes[] = {
      {trial / "submission" / "submission.csv", ",1\n", ",0\n", "submission.csv is not what"},
      {trial / "verdict.json", "\"score\": 1", "\"score\": 2", "verdict.json is not what"},
      {trial / "verdict.json", "\"end\": \"finished\"", "\"end\": \"exit_1\"", "'agent' is not"},
      {trial / "journal.jsonl", "\"attempt\"", "\"attempts\"", "journal"},
      {HistoryOf(run), "\"graded\"", "\"attempt\"", "does not follow"},
  };
  for (const auto& c : changes) {
    std::string before = *ReadFile(c.file);
    Edit(c.file, c.from, c.to);
    Json v = Verify(7);
    EXPECT_EQ(v["verified"], false);
    std::string problems = All(TrialOf(v, "oracle")["problems"]) + All(v["problems"]);
    EXPECT_NE(problems.find(c.complaint), std::string::npos) << c.file << "\n" << problems;
    ASSERT_TRUE(WriteFileAtomic(c.file, before));
  }
  EXPECT_EQ(Verify(0)["verified"], true);
}

// Somebody who makes verdict, digests and the history's chain agree still meets the grader.
TEST_F(VerifyTest, AConsistentLieIsFoundByGradingAgain) {
  RunOracle();
  const fs::path verdict = TrialDir("v", "nop") / "verdict.json";
  Edit(verdict, "\"medal\": \"none\"", "\"medal\": \"gold\"");
  const fs::path file = HistoryOf(runs() / "v");
  const std::string history = *ReadFile(file);
  std::string rewritten, before;
  for (auto text : Split(Trim(history), '\n')) {
    OrderedJson line = OrderedJson::parse(text);
    if (line["event"] == "graded" && std::string(line["trial"]).find("/nop/") != std::string::npos)
      line["verdict"] = Digest::Of(*ReadFile(verdict)).hex();
    line.erase("digest");
    before = Digest::Of(before + "\n" + DumpJson(line)).hex();
    line["digest"] = before;
    rewritten += DumpJson(line) + "\n";
  }
  ASSERT_TRUE(WriteFileAtomic(file, rewritten));
  Json v = Verify(7);
  EXPECT_EQ(v["problems"], Json::array());
  Json problems = TrialOf(v, "nop")["problems"];
  ASSERT_EQ(problems.size(), 1u) << v;
  EXPECT_NE(All(problems).find("gives another record"), std::string::npos) << problems;
}

TEST_F(VerifyTest, ATrialThatRanAgainAfterItsScoreIsFlagged) {
  RunOracle();
  fs::remove_all(TrialDir("v", "oracle"));
  RunOracle();
  Json v = Verify(0);
  std::string flags = All(TrialOf(v, "oracle")["flags"]);
  EXPECT_NE(flags.find("oracle_selected: graded 2 times"), std::string::npos) << flags;
  EXPECT_EQ(TrialOf(v, "oracle")["attempts"], 2);
  std::string other = All(TrialOf(v, "nop")["flags"]);
  EXPECT_EQ(other.find("oracle_selected"), std::string::npos) << other;
  EXPECT_NE(other.find("own_task_package"), std::string::npos) << other;
  auto status = Podium({"status", "v"});
  EXPECT_NE(status.out.find("oracle_selected"), std::string::npos) << status.out;
}

TEST_F(VerifyTest, ATaskThatIsAnotherVersionIsNotGradedByIt) {
  RunOracle();
  std::ofstream(fs::path(Task()) / "description.md", std::ios::app) << "more\n";
  Json v = Verify(0);
  EXPECT_EQ(TrialOf(v, "oracle")["regraded"], false);
  EXPECT_NE(All(TrialOf(v, "oracle")["flags"]).find("not_regraded"), std::string::npos);
}

}  // namespace
}  // namespace podium::tests
