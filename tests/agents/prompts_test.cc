#include "agents/proposers/llm/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace podium::agents {
namespace {

using testing::HasSubstr;
using testing::Not;

FilePreview Table(const std::string& name, std::vector<std::string> columns) {
  FilePreview f{.name = name};
  for (auto& c : columns) f.columns.push_back({std::move(c), ColumnKind::kInteger, {}});
  return f;
}

class PromptsTest : public testing::Test {
 protected:
  PromptsTest() {
    task_.description = "Predict y.";
    task_.metric = "accuracy";
    preview_.files = {Table("sample_submission.csv", {"id", "y"}), Table("test.csv", {"id", "a"}),
                      Table("train.csv", {"id", "a", "target"})};
    request_.nodes = &nodes_;
    request_.task = &task_;
    request_.preview = &preview_;
    request_.exec_limit = Millis(60'000);
  }
  std::string Prompt(std::string_view op, int parent, const LlmSettings& settings = {}) {
    request_.op = op;
    request_.parents.clear();
    if (parent >= 0) request_.parents = {parent};
    return OperatorPrompt(request_, settings).back().content;
  }
  TaskBrief task_;
  DataPreview preview_;
  std::vector<SearchNode> nodes_;
  ProposalRequest request_;
};

TEST_F(PromptsTest, ADraftHasTaskDataAndRules) {
  std::string text = Prompt(kDraft, -1);
  for (const char* part : {"Predict y.", "accuracy (higher is better)", "/home/data/train.csv",
                           "Validation score: <number>", "with the columns id,y", "1 min 00 s"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("pd.get_dummies(both)")));
}

TEST_F(PromptsTest, StarterCodeNamesTheColumnsAsTheyAre) {
  std::string text = Prompt(kDraft, -1, {.starter_code = true});
  EXPECT_THAT(text, HasSubstr("target = \"target\""));
  EXPECT_THAT(text, HasSubstr("train.drop(columns=[\"id\", target])"));
  EXPECT_THAT(text, HasSubstr("sample[\"y\"] ="));
  EXPECT_THAT(text, Not(HasSubstr("Encode text columns")));
  preview_.files[2] = Table("train.csv", {"id", "a", "one", "two"});
  EXPECT_THAT(Prompt(kDraft, -1, {.starter_code = true}), Not(HasSubstr("target =")))
      << "two targets: not this kind of task";
}

TEST_F(PromptsTest, DebuggingShowsTheProgramAndWhatHappened) {
  SearchNode failed;
  failed.fault = "exit_1";
  failed.code = "print(undefined)";
  failed.output = "NameError: name 'undefined' is not defined";
  nodes_ = {failed};
  std::string text = Prompt(kDebug, 0);
  EXPECT_THAT(text, HasSubstr(failed.code));
  EXPECT_THAT(text, HasSubstr(failed.output));
}

TEST_F(PromptsTest, ImprovingShowsTheBestAndWhatWasTried) {
  SearchNode best;
  best.plan = "a forest";
  best.code = "forest()";
  best.score = 0.75;
  nodes_ = {best};
  std::string text = Prompt(kImprove, 0);
  EXPECT_THAT(text, HasSubstr("forest()"));
  EXPECT_THAT(text, HasSubstr("a forest -> validation score 0.75"));
}

TEST_F(PromptsTest, LongPartsAreBounded) {
  task_.description = std::string(100'000, 'x');
  SearchNode failed;
  failed.fault = "exit_1";
  failed.code = std::string(100'000, 'c');
  failed.output = std::string(100'000, 'o');
  nodes_ = {failed};
  LlmSettings small{
      .description_bytes = 1000, .preview_bytes = 500, .output_bytes = 500, .code_bytes = 1000};
  EXPECT_LT(Prompt(kDebug, 0, small).size(), 6000u);
}

}  // namespace
}  // namespace podium::agents
