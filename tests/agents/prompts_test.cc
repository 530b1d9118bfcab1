#include "agents/proposers/llm/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/files.h"
#include "base/text.h"

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
  std::string Prompt(std::string_view op, std::vector<int> parents, LlmSettings settings = {}) {
    request_.op = op;
    request_.parents = std::move(parents);
    if (!settings.prompts) settings.prompts = *PromptSet::Load(PromptSet::Find("podium"));
    return OperatorPrompt(request_, settings).back().content;
  }
  std::string Prompt(std::string_view op, int parent, LlmSettings settings = {}) {
    std::vector<int> parents;
    if (parent >= 0) parents = {parent};
    return Prompt(op, std::move(parents), std::move(settings));
  }
  // A node with a plan and a program of that name; without a score it failed.
  void AddNode(std::string_view op, std::vector<int> parents, const std::string& name,
               std::optional<double> score) {
    SearchNode node;
    node.id = static_cast<int>(nodes_.size());
    node.op = op;
    node.parents = std::move(parents);
    node.plan = "plan " + name;
    node.code = "code_" + name + "()";
    node.output = "output of " + name;
    node.score = score;
    if (!score) {
      node.fault = "exit_1";
      node.detail = "KeyError " + name;
    }
    nodes_.push_back(std::move(node));
  }
  // 0 a; 1 b of a; 2 c of a, failed; 3 d, which debugs c and failed; 4 e, a draft that failed.
  void AddTree() {
    AddNode(kDraft, {}, "a", 0.5);
    AddNode(kImprove, {0}, "b", 0.6);
    AddNode(kImprove, {0}, "c", std::nullopt);
    AddNode(kDebug, {2}, "d", std::nullopt);
    AddNode(kDraft, {}, "e", std::nullopt);
  }
  // The lines of the part on earlier solutions.
  std::string Remembered(std::string_view op, int parent, Memory memory,
                         Feedback feedback = Feedback::kOwn) {
    std::string text = Prompt(op, parent, {.memory = memory, .feedback = feedback});
    constexpr std::string_view kHeading = "# Solutions so far\n";
    std::size_t at = text.find(kHeading);
    if (at == std::string::npos) return "";
    at += kHeading.size();
    return text.substr(at, text.find("\n#", at) - at);
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

TEST_F(PromptsTest, KnowledgeStandsBeforeTheInstructions) {
  for (const char* op : {"podium", "aide", "aira"}) {
    auto prompts = PromptSet::Load(PromptSet::Find(op));
    ASSERT_TRUE(prompts) << prompts.error().message;
    request_.knowledge = {};
    std::string without = Prompt(kDraft, -1, {.prompts = *prompts});
    EXPECT_THAT(without, Not(HasSubstr("What is known"))) << op;
    request_.knowledge = "[a.md#1]\nBoosting wins.";
    std::string with = Prompt(kDraft, -1, {.prompts = *prompts});
    EXPECT_THAT(with, HasSubstr("# What is known of such tasks\n[a.md#1]\nBoosting wins.\n")) << op;
    EXPECT_LT(with.find("Boosting wins."), with.find("# Instructions")) << op;
  }
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

constexpr const char* kA = "- plan a -> validation score 0.5\n";
constexpr const char* kB = "- plan b -> validation score 0.6\n";
constexpr const char* kC = "- plan c -> failed: exit_1 (KeyError c)\n";
constexpr const char* kD = "- plan d -> failed: exit_1 (KeyError d)\n";
constexpr const char* kE = "- plan e -> failed: exit_1 (KeyError e)\n";

TEST_F(PromptsTest, MemoryHoldsWhatItsModeSays) {
  AddTree();
  std::string a = kA, b = kB, c = kC, d = kD, e = kE;
  EXPECT_EQ(Remembered(kImprove, 1, Memory::kNone), "");
  EXPECT_EQ(Remembered(kImprove, 1, Memory::kSimple), a + b);
  EXPECT_EQ(Remembered(kImprove, 1, Memory::kPlansOnly), "- plan a\n- plan b\n");
  EXPECT_EQ(Remembered(kImprove, 1, Memory::kIncludeFailures), a + b + c + d + e);
  EXPECT_EQ(Remembered(kImprove, 0, Memory::kSibling), b + c);
  EXPECT_EQ(Remembered(kDraft, -1, Memory::kSibling), a + e);
  EXPECT_EQ(Remembered(kImprove, 1, Memory::kAncestral), a + b);
  EXPECT_EQ(Remembered(kDraft, -1, Memory::kAncestral), "");
}

TEST_F(PromptsTest, ADebugStepHasScopedMemoryAlone) {
  AddTree();
  std::string c = kC, d = kD;
  for (Memory memory :
       {Memory::kNone, Memory::kSimple, Memory::kPlansOnly, Memory::kIncludeFailures})
    EXPECT_EQ(Remembered(kDebug, 3, memory), "");
  EXPECT_EQ(Remembered(kDebug, 3, Memory::kAncestral), c + d) << "up to a, which counts";
  EXPECT_EQ(Remembered(kDebug, 2, Memory::kSibling), d);
}

TEST_F(PromptsTest, MemoryIsBounded) {
  for (int i = 0; i < 500; ++i) AddNode(kDraft, {}, std::to_string(i), 0.5);
  for (Memory memory : {Memory::kSimple, Memory::kIncludeFailures, Memory::kSibling}) {
    std::string text = Prompt(kDraft, -1, {.output_bytes = 600, .memory = memory});
    EXPECT_THAT(text, HasSubstr("plan 499"));
    EXPECT_THAT(text, Not(HasSubstr("plan 400 ")));
  }
}

TEST_F(PromptsTest, FeedbackSaysWhatIsTold) {
  AddTree();
  auto improve = [&](Feedback f) { return Prompt(kImprove, 1, {.feedback = f}); };
  auto debug = [&](Feedback f) { return Prompt(kDebug, 2, {.feedback = f}); };
  EXPECT_THAT(improve(Feedback::kOwn), HasSubstr("Its validation score is 0.6."));
  EXPECT_THAT(debug(Feedback::kOwn), HasSubstr("KeyError c"));
  for (Feedback f : {Feedback::kNone, Feedback::kValidity}) {
    EXPECT_THAT(improve(f), Not(HasSubstr("0.6")));
    EXPECT_THAT(improve(f), Not(HasSubstr("0.5")));
  }
  EXPECT_THAT(improve(Feedback::kValidity), HasSubstr("It counts."));
  EXPECT_THAT(debug(Feedback::kValidity), HasSubstr("KeyError c"));
  EXPECT_THAT(debug(Feedback::kNone), Not(HasSubstr("KeyError c")));
  EXPECT_THAT(debug(Feedback::kNone), Not(HasSubstr("output of c")));
  EXPECT_EQ(Remembered(kImprove, 1, Memory::kIncludeFailures, Feedback::kNone),
            "- plan a\n- plan b\n- plan c\n- plan d\n- plan e\n");
}

TEST_F(PromptsTest, TheComplexityCueGrowsWithTheChildren) {
  LlmSettings cue{.complexity_cue = true};
  AddNode(kDraft, {}, "a", 0.5);
  const char* kWords[] = {"Keep it simple", "Keep it simple", "ordinary", "ordinary", "elaborate"};
  for (const char* word : kWords) {
    EXPECT_THAT(Prompt(kImprove, 0, cue), HasSubstr(word));
    EXPECT_THAT(Prompt(kImprove, 0), Not(HasSubstr(word)));
    AddNode(kImprove, {0}, "x", 0.4);
  }
  EXPECT_THAT(Prompt(kDraft, -1, cue), HasSubstr("Keep it simple")) << "one draft alone";
}

TEST_F(PromptsTest, PreviewAndBudgetAreThereWhereAskedFor) {
  request_.nodes_left = 17;
  EXPECT_THAT(Prompt(kDraft, -1), HasSubstr("# Data"));
  EXPECT_THAT(Prompt(kDraft, -1), Not(HasSubstr("17")));
  EXPECT_THAT(Prompt(kDraft, -1, {.data_preview = false}), Not(HasSubstr("# Data")));
  EXPECT_THAT(Prompt(kDraft, -1, {.budget_in_prompt = true}),
              HasSubstr("Programs left, this one included: 17."));
}

TEST_F(PromptsTest, WhatAValidatorSaysIsToldOrNot) {
  SearchNode& failed = nodes_.emplace_back();
  failed.plan = "A plan.";
  failed.code = "c";
  failed.end = "exited";
  failed.submission_digest = "d";
  failed.fault = "bad_columns";
  failed.detail = "expected id,y";
  auto told = [&](ValidatorUse use) {
    return Prompt(kDebug, {0}, {.validator = use}) +
           Prompt(kDraft, {}, {.memory = Memory::kIncludeFailures, .validator = use});
  };
  for (ValidatorUse use : {ValidatorUse::kTold, ValidatorUse::kOffered}) {
    EXPECT_THAT(told(use), HasSubstr("It failed: bad_columns (expected id,y)\n"));
    EXPECT_THAT(told(use), HasSubstr("A plan. -> failed: bad_columns (expected id,y)\n"));
  }
  EXPECT_THAT(told(ValidatorUse::kOff), HasSubstr("It failed: its submission does not count\n"));
  EXPECT_THAT(told(ValidatorUse::kOff), Not(HasSubstr("bad_columns")));
  EXPECT_THAT(told(ValidatorUse::kOff), Not(HasSubstr("expected id,y")));
  EXPECT_THAT(told(ValidatorUse::kOffered), HasSubstr("bash /home/validate_submission.sh "));
  EXPECT_THAT(told(ValidatorUse::kTold), Not(HasSubstr("validate_submission")));
  nodes_.back().fault = "exit_1";
  nodes_.back().submission_digest.clear();
  EXPECT_THAT(told(ValidatorUse::kOff), HasSubstr("It failed: exit_1")) << "that is its own affair";
}

TEST_F(PromptsTest, EverySetHasEveryOperatorWithWhatItNeeds) {
  AddTree();
  std::set<std::string> digests;
  for (const char* name : {"podium", "aide", "aira"}) {
    auto set = PromptSet::Load(PromptSet::Find(name));
    ASSERT_TRUE(set) << set.error().message;
    digests.insert((*set)->digest().hex());
    LlmSettings s{.prompts = *set};
    for (const Operator& op : Operators()) {
      std::vector<int> parents = {0, 1};
      parents.resize(static_cast<std::size_t>(op.least_parents));
      std::string text = Prompt(op.name, parents, s);
      for (const char* part : {"Predict y.", "accuracy (higher is better)",
                               "Validation score: <number>", "with the columns id,y"})
        EXPECT_THAT(text, HasSubstr(part)) << name << " " << op.name;
      for (int parent : parents)
        EXPECT_THAT(text, HasSubstr(nodes_[static_cast<std::size_t>(parent)].code))
            << name << " " << op.name;
      EXPECT_THAT(text, Not(HasSubstr("{{")));
    }
    EXPECT_THAT(Prompt(kDebug, 2, s), HasSubstr("output of c"));
    std::string review = ReviewPrompt(nodes_[1], task_, s).back().content;
    EXPECT_THAT(review, HasSubstr("output of b"));
    EXPECT_THAT(review, HasSubstr("submit_review"));
  }
  EXPECT_EQ(digests.size(), 3u);
}

TEST_F(PromptsTest, EveryVariantOfEverySetHasWhatAnOperatorNeeds) {
  AddTree();
  std::set<std::string> digests;
  for (const char* name : {"podium", "aide", "aira"}) {
    std::filesystem::path dir = PromptSet::Find(name);
    EXPECT_EQ(VariantsIn(dir / "variants", true),
              (std::vector<std::string>{"reordered", "reworded"}));
    for (std::string_view variant :
         {PromptSet::kDefault, std::string_view("reordered"), std::string_view("reworded")}) {
      auto set = PromptSet::Load(dir, variant);
      ASSERT_TRUE(set) << set.error().message;
      digests.insert((*set)->digest().hex());
      for (const Operator& op : Operators()) {
        std::vector<int> parents = {0, 1};
        parents.resize(static_cast<std::size_t>(op.least_parents));
        std::string text = Prompt(op.name, parents, {.prompts = *set});
        for (const char* part : {"Predict y.", "accuracy", "higher is better",
                                 "Validation score: <number>", "with the columns id,y"})
          EXPECT_THAT(text, HasSubstr(part)) << name << " " << variant << " " << op.name;
        EXPECT_THAT(text, Not(HasSubstr("{{")));
        // "the files listed above", as the rules say.
        if (text.find("# Data") != std::string::npos)
          EXPECT_LT(text.find("# Data"), text.find("Validation score: <number>")) << text;
      }
    }
  }
  EXPECT_EQ(digests.size(), 9u) << "each is locked by a digest of its own";
}

// A file's placeholders, and its other words line by line, both sorted.
struct Parts {
  std::multiset<std::string> placeholders, lines;
};
Parts PartsOf(const std::filesystem::path& file) {
  Parts out;
  std::string text = *ReadFile(file), rest;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t open = std::min(text.find("{{", at), text.size());
    rest += text.substr(at, open - at);
    at = open < text.size() ? text.find("}}", open) + 2 : open;
    if (at > open) out.placeholders.insert(text.substr(open, at - open));
  }
  for (auto line : Split(rest, '\n')) {
    if (!Trim(line).empty()) out.lines.emplace(line);
  }
  return out;
}

TEST(PromptVariantsTest, HoldTheSamePartsAndReorderedOnesTheSameWords) {
  for (const char* name : {"podium", "aide", "aira"}) {
    for (const char* file : {"draft.md", "debug.md", "improve.md"}) {
      SCOPED_TRACE(std::string(name) + " " + file);
      std::filesystem::path dir = PromptSet::Find(name);
      Parts own = PartsOf(dir / file), reordered = PartsOf(dir / "variants/reordered" / file),
            reworded = PartsOf(dir / "variants/reworded" / file);
      EXPECT_EQ(reordered.placeholders, own.placeholders);
      EXPECT_EQ(reworded.placeholders, own.placeholders);
      EXPECT_EQ(reordered.lines, own.lines);
      EXPECT_NE(*ReadFile(dir / "variants/reordered" / file), *ReadFile(dir / file));
      EXPECT_NE(reworded.lines, own.lines);
    }
  }
  std::filesystem::path react = ShareDir() / "agents/react";
  Parts own = PartsOf(react / "prompt.md"), reordered = PartsOf(react / "variants/reordered.md");
  EXPECT_EQ(reordered.placeholders, own.placeholders);
  EXPECT_EQ(reordered.lines, own.lines);
  EXPECT_EQ(PartsOf(react / "variants/reworded.md").placeholders, own.placeholders);
}

class PromptSetTest : public testing::Test {
 protected:
  PromptSetTest() {
    for (const auto& file : std::filesystem::directory_iterator(PromptSet::Find("aide")))
      std::filesystem::copy(file.path(), temp_.path() / file.path().filename());
  }
  void Write(const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(temp_.path() / "improve.md", text));
  }
  std::string ErrorOfLoading() {
    auto set = PromptSet::Load(temp_.path());
    return set ? "" : set.error().message;
  }
  TempDir temp_ = *TempDir::Make("podium-prompts-test");
};

TEST_F(PromptSetTest, AnOwnFolderIsASetWithItsOwnDigest) {
  auto before = *PromptSet::Load(temp_.path());
  EXPECT_EQ(before->digest(), (*PromptSet::Load(PromptSet::Find("aide")))->digest());
  Write("podium-prompt/1\nBe brief.\n---\nBetter than {{ result }} {{code}}\n");
  auto set = PromptSet::Load(PromptSet::Find(temp_.path().string()));
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_NE((*set)->digest(), before->digest());
  auto prompt = (*set)->Render("improve", {{"result", "{{code}}"}});
  EXPECT_EQ(prompt.system, "Be brief.");
  EXPECT_EQ(prompt.user, "Better than {{code}} ") << "values are not read again";
}

TEST_F(PromptSetTest, AnUnknownPlaceholderNamesFileLineAndWhatThereIs) {
  Write("podium-prompt/1\nBe brief.\n---\nA\n{{cod}}\n");
  for (const char* part : {"improve.md:5: ", "'cod'", "title, description, metric"})
    EXPECT_THAT(ErrorOfLoading(), HasSubstr(part));
  Write("podium-prompt/1\nBe brief.\n---\nopen {{code\n}}\n");
  EXPECT_THAT(ErrorOfLoading(), HasSubstr("improve.md:4: "));
}

TEST_F(PromptSetTest, AVariantOfAnOwnSetStandsForItsFilesAlone) {
  std::filesystem::path variant = temp_.path() / "variants" / "terse";
  std::filesystem::create_directories(variant);
  ASSERT_TRUE(WriteFileAtomic(variant / "draft.md", "podium-prompt/1\nTerse.\n---\n{{rules}}\n"));
  auto own = PromptSet::Load(temp_.path()), terse = PromptSet::Load(temp_.path(), "terse");
  ASSERT_TRUE(own && terse);
  EXPECT_EQ((*terse)->Render("draft", {}).system, "Terse.");
  EXPECT_EQ((*terse)->Render("debug", {}).user, (*own)->Render("debug", {}).user);
  EXPECT_NE((*terse)->digest(), (*own)->digest());
  auto unknown = PromptSet::Load(temp_.path(), "tarse");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message,
              HasSubstr("has no variant 'tarse'. Did you mean 'terse'? There are: default, terse"));
  EXPECT_FALSE(PromptSet::Load(temp_.path(), "../variants/terse"));
  ASSERT_TRUE(WriteFileAtomic(variant / "drafts.md", "x"));
  auto wrong = PromptSet::Load(temp_.path(), "terse");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message,
              HasSubstr("drafts.md: a set of prompts has no 'drafts'. Did you mean 'draft'?"));
}

TEST_F(PromptSetTest, AFileThatIsNoneIsNamed) {
  Write("Better than {{code}}\n");
  EXPECT_THAT(ErrorOfLoading(), HasSubstr("improve.md:1: "));
  Write("podium-prompt/1\nno end of the system message\n");
  EXPECT_THAT(ErrorOfLoading(), HasSubstr("'---'"));
  std::filesystem::remove(temp_.path() / "improve.md");
  EXPECT_THAT(ErrorOfLoading(), HasSubstr("improve.md"));
}

}  // namespace
}  // namespace podium::agents
