// A model with tools, behind real HTTP, in a sandbox that a script plays.
#include <gmock/gmock.h>

#include "agents/react/context_window.h"
#include "base/json.h"
#include "harness/plan/settings.h"
#include "tests/harness/trial_fixture.h"
#include "tests/support/model_server.h"

namespace podium::harness {
namespace {

using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

const char* kSubmission = "/home/submission/submission.csv";

std::string Command(const std::string& text) { return DumpJson(Json{{"command", text}}); }

class ReactTest : public TrialFixture {
 protected:
  void SetUp() override {
    TrialFixture::SetUp();
    agent_.scaffold = agents::FindScaffold("react");
    // A command is its own outcome: "say x", "fail", "good" and "bad" leave a submission.
    script_.exec = [this](sandbox::FakeFiles& files, const sandbox::ExecSpec& spec) {
      sandbox::FakeExec out;
      const std::string& command = spec.argv.back();
      ran_.push_back(command);
      if (command.starts_with("say ")) out.result.output = command.substr(4) + "\n";
      if (command == "fail") out.result.exit_code = 3;
      if (command == "good") files[kSubmission] = *ReadFile(prepared_.sample_submission());
      if (command == "bad") files[kSubmission] = "nothing,of,the,kind\n1,2,3,4\n";
      return out;
    };
  }
  // The model's answers, the last one again and again.
  void Work(std::vector<tests::ScriptedReply> answers,
            std::vector<std::pair<std::string, std::string>> sets = {}) {
    tests::ModelServer server([&](int number, const tests::ReceivedRequest&) {
      return answers[std::min(static_cast<std::size_t>(number), answers.size() - 1)];
    });
    Settings settings;
    for (const auto& [name, value] : sets) ASSERT_TRUE(settings.Set(name, value, "a test"));
    auto configured = agent_.scaffold->configure(settings);
    ASSERT_TRUE(configured) << configured.error().message;
    agent_.configured = std::move(*configured);
    agent_.model.model = "m";
    agent_.model.base_url = server.base_url();
    auto result = Run();
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->end, TrialEnd::kDone) << result->view.failure;
    verdict_ = *result->view.verdict;
    for (const auto& request : server.requests())
      requests_.push_back(*ParseJson(request.body, "request"));
    auto lines = ReadJournal(Dir() / "journal.jsonl");
    ASSERT_TRUE(lines) << lines.error().message;
    for (const auto& line : *lines) {
      if (const auto* use = std::get_if<records::ToolUse>(&line.event)) uses_.push_back(*use);
    }
  }
  static tests::ScriptedReply Bash(const std::string& command) {
    return tests::StreamedToolCall("bash", Command(command));
  }
  static tests::ScriptedReply Submit() { return tests::StreamedToolCall("submit", "{}"); }

  std::vector<std::string> ran_;
  TrialVerdict verdict_;
  std::vector<Json> requests_;
  std::vector<records::ToolUse> uses_;
};

TEST_F(ReactTest, ItSeesWhatItsToolsGaveAndSubmits) {
  Work({Bash("say hello"), Bash("fail"), Bash("good"), Submit()});
  EXPECT_EQ(verdict_.agent.end, "finished");
  EXPECT_EQ(verdict_.grade.verdict, "scored");
  ASSERT_EQ(uses_.size(), 4u);
  EXPECT_EQ(uses_[0].observation, "hello\n");
  EXPECT_TRUE(uses_[1].failed);
  EXPECT_THAT(uses_[1].observation, HasSubstr("exit code 3"));
  EXPECT_EQ(uses_[3].tool, "submit");
  ASSERT_EQ(requests_.size(), 4u);
  EXPECT_THAT(DumpJson(requests_[1]["messages"]), HasSubstr("hello"));
  EXPECT_THAT(DumpJson(requests_[0]["tools"]), HasSubstr("validate"));
  EXPECT_FALSE(requests_[0].contains("tool_choice")) << "the model chooses";
}

TEST_F(ReactTest, KnowledgeIsAToolAndItsUseIsNoted) {
  fs::create_directories(temp_.path() / "notes");
  ASSERT_TRUE(WriteFileAtomic(temp_.path() / "notes/a.md", "# Trees\nBoosting wins on tables.\n"));
  auto corpus = agents::Corpus::Open(temp_.path() / "notes", temp_.path() / "cache",
                                     Deadline::In(std::chrono::seconds(30)));
  ASSERT_TRUE(corpus) << corpus.error().message;
  agent_.knowledge = {.mode = agents::KnowledgeMode::kSearch,
                      .corpus = temp_.path() / "notes",
                      .passages = 5,
                      .digest = (*corpus)->digest()};
  corpora_[agent_.knowledge.corpus] = *corpus;
  Work({tests::StreamedToolCall("search_knowledge", R"({"query": "boosting"})"), Bash("good"),
        Submit()});
  ASSERT_EQ(uses_.size(), 3u);
  EXPECT_EQ(uses_[0].observation, "[a.md#1, Trees]\nBoosting wins on tables.\n\n");
  EXPECT_THAT(DumpJson(requests_[0]["tools"]), HasSubstr("search_knowledge"));
  EXPECT_THAT(Names(), HasSubstr("knowledge"));
}

TEST_F(ReactTest, WithoutKnowledgeThereIsNoSuchTool) {
  Work({tests::StreamedToolCall("search_knowledge", R"({"query": "boosting"})"), Bash("good"),
        Submit()});
  EXPECT_THAT(uses_[0].observation, HasSubstr("There is no tool 'search_knowledge'"));
  EXPECT_THAT(DumpJson(requests_[0]["tools"]), Not(HasSubstr("search_knowledge")));
}

TEST_F(ReactTest, WhatItGetsWrongIsToldToIt) {
  Work({tests::StreamedToolCall("browse", "{}"), tests::StreamedToolCall("bash", "{not json"),
        tests::StreamedToolCall("bash", "{}"), Bash("bad"), Submit(), Bash("good"), Submit()});
  ASSERT_EQ(uses_.size(), 7u);
  EXPECT_THAT(uses_[0].observation, HasSubstr("There is no tool 'browse'. There are bash, python"));
  EXPECT_THAT(uses_[1].observation, HasSubstr("not a JSON object"));
  EXPECT_THAT(uses_[2].observation, HasSubstr("bash needs 'command'"));
  EXPECT_THAT(uses_[4].observation, HasSubstr("Not submitted"));
  EXPECT_EQ(verdict_.grade.verdict, "scored");
}

// What a model without tool calls writes.
TEST_F(ReactTest, ACallInTheTextIsACall) {
  Work({tests::StreamedText("I look first.\n```bash\nsay found\n```\n"),
        tests::StreamedText(R"({"name": "bash", "arguments": {"command": "good"}})"),
        tests::StreamedText(R"(Done: {"name": "submit", "arguments": {}})")});
  ASSERT_EQ(uses_.size(), 3u);
  EXPECT_EQ(uses_[0].tool, "bash");
  EXPECT_EQ(uses_[0].observation, "found\n");
  EXPECT_THAT(uses_[0].said, HasSubstr("I look first."));
  EXPECT_EQ(uses_[2].tool, "submit");
  EXPECT_EQ(verdict_.grade.verdict, "scored");
}

TEST_F(ReactTest, WhoOnlyTalksIsAskedToGoOnAndEndsSome) {
  Work({tests::StreamedText("Shall I begin?")});
  EXPECT_EQ(uses_.size(), 10u);
  EXPECT_EQ(verdict_.agent.end, "finished");
  EXPECT_THAT(verdict_.agent.detail, HasSubstr("called no tool"));
  EXPECT_THAT(DumpJson(requests_[1]["messages"]), HasSubstr("Please go on"));
}

TEST_F(ReactTest, StepsAreBoundedAndTheLastValidSubmissionStands) {
  Work({Bash("good"), Bash("bad"), Bash("say more")}, {{"react.steps", "5"}});
  EXPECT_EQ(uses_.size(), 5u);
  EXPECT_EQ(verdict_.agent.end, "node_budget");
  EXPECT_TRUE(std::filesystem::exists(Dir() / "snapshots" / "last_valid.csv"));
}

TEST_F(ReactTest, OlderTurnsAreSummedUp) {
  std::vector<tests::ScriptedReply> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(Bash("say turn" + std::to_string(i)));
  answers.push_back(tests::StreamedText("SUMMARY"));
  answers.push_back(Bash("good"));
  answers.push_back(Submit());
  Work(answers, {{"react.context_turns", "4"}});
  EXPECT_EQ(verdict_.grade.verdict, "scored");
  ASSERT_EQ(requests_.size(), 8u);
  EXPECT_FALSE(requests_[5].contains("tools")) << "the sixth asks for the summary";
  std::string after = DumpJson(requests_[6]["messages"]);
  EXPECT_THAT(after, HasSubstr("SUMMARY"));
  EXPECT_THAT(after, Not(HasSubstr("turn0")));
  EXPECT_THAT(after, HasSubstr("turn4"));
}

TEST_F(ReactTest, ThePromptSaysWhatIsLeftWhereThatIsAskedFor) {
  Work({Bash("good"), Submit()}, {{"react.budget_in_prompt", "true"}, {"react.steps", "7"}});
  EXPECT_THAT(DumpJson(requests_[1]["messages"]),
              HasSubstr("6 steps and about 5 minutes are left"));
}

TEST_F(ReactTest, ValidateIsAToolThatCanBeLeftOut) {
  Work({tests::StreamedToolCall("validate", "{}"), Bash("good"), Submit()},
       {{"react.validate_tool", "false"}});
  EXPECT_THAT(uses_[0].observation, HasSubstr("There is no tool 'validate'"));
  EXPECT_THAT(DumpJson(requests_[0]["tools"]), Not(HasSubstr("validate")));
}

TEST_F(ReactTest, WithoutItSubmitChecksNothing) {
  Work({Bash("bad"), Submit()}, {{"react.validate_tool", "false"}});
  ASSERT_EQ(uses_.size(), 2u);
  EXPECT_EQ(uses_[1].observation, "Submitted.");
  EXPECT_EQ(verdict_.agent.end, "finished");
}

// A model with jobs, which a test's script plays: the first prints a line for each look at it and
// ends when `release_` says so.
class ReactJobsTest : public ReactTest {
 protected:
  void SetUp() override {
    ReactTest::SetUp();
    script_.job = [this](sandbox::FakeFiles&, const sandbox::ExecSpec& spec) {
      started_.push_back(spec.argv.back());
      sandbox::FakeJob out;
      out.result.exit_code = 4;
      out.result.wall = Millis(70);
      out.may_end = [this] { return release_; };
      out.printed = [this] { return printed_; };
      return out;
    };
  }
  static tests::ScriptedReply Background(const std::string& command) {
    return tests::StreamedToolCall("bash",
                                   DumpJson(Json{{"command", command}, {"background", true}}));
  }
  static tests::ScriptedReply OfJob(const std::string& tool, int job) {
    return tests::StreamedToolCall(tool, DumpJson(Json{{"job", job}, {"timeout_s", 1}}));
  }
  std::vector<records::JobEnded> Ends() { return LastAttempts<records::JobEnded>(Lines()); }

  bool release_ = false;
  std::string printed_;
  std::vector<std::string> started_;
};

TEST_F(ReactJobsTest, AJobIsStartedSeenWaitedForAndItsEndNoted) {
  script_.exec = [this](sandbox::FakeFiles& files, const sandbox::ExecSpec& spec) {
    if (spec.argv.back() == "print") printed_ += "epoch 1\n";
    if (spec.argv.back() == "finish") {
      printed_ += "epoch 2\n";
      release_ = true;
      files[kSubmission] = *ReadFile(prepared_.sample_submission());
    }
    return sandbox::FakeExec{};
  };
  Work({Background("train"), Bash("print"), OfJob("job_output", 1), OfJob("job_output", 1),
        Bash("finish"), OfJob("job_wait", 1), OfJob("job_list", 0), Submit()});
  EXPECT_THAT(started_, testing::ElementsAre("train"));
  ASSERT_EQ(uses_.size(), 8u);
  EXPECT_EQ(uses_[0].observation, "[job 1 runs in the background]");
  EXPECT_EQ(uses_[2].observation, "epoch 1\n[job 1: running]");
  EXPECT_EQ(uses_[3].observation, "[job 1: running]") << "what it saw is not shown again";
  EXPECT_EQ(uses_[5].observation, "epoch 2\n[job 1: exit code 4]");
  EXPECT_EQ(uses_[6].observation, "1: exit code 4: train\n");
  ASSERT_EQ(uses_[5].jobs.size(), 1u);
  EXPECT_EQ(uses_[5].jobs[0].bytes, 16u);
  EXPECT_FALSE(uses_[5].jobs[0].running);
  auto begun = LastAttempts<records::JobStarted>(Lines());
  ASSERT_EQ(begun.size(), 1u);
  EXPECT_EQ(begun[0].command, "train");
  EXPECT_EQ(begun[0].most, std::chrono::minutes(1)) << "a program's time";
  ASSERT_EQ(Ends().size(), 1u);
  EXPECT_EQ(Ends()[0].exit_code, 4);
  EXPECT_EQ(Ends()[0].wall, Millis(70));
  EXPECT_EQ(Ends()[0].output_bytes, 16u);
  EXPECT_EQ(verdict_.grade.verdict, "scored");
}

TEST_F(ReactJobsTest, OneThatLivesInTheEndEndsWithTheTrial) {
  Work({Background("train"), Bash("good"), Submit()});
  ASSERT_EQ(Ends().size(), 1u);
  EXPECT_EQ(Ends()[0].end, "trial_over");
  EXPECT_EQ(verdict_.grade.verdict, "scored");
}

TEST_F(ReactJobsTest, StoppedIsWhatItSays) {
  Work({Background("train"), OfJob("job_stop", 1), OfJob("job_stop", 1), Bash("good"), Submit()});
  EXPECT_EQ(uses_[1].observation, "[job 1: stopped]");
  EXPECT_EQ(uses_[2].observation, "[job 1: stopped]");
  ASSERT_EQ(Ends().size(), 1u);
  EXPECT_EQ(Ends()[0].end, "stopped");
}

TEST_F(ReactJobsTest, AWaitEndsWithItsTime) {
  Work({Background("train"), OfJob("job_wait", 1), Bash("good"), Submit()});
  EXPECT_EQ(uses_[1].observation, "[job 1: running]");
  EXPECT_GE(uses_[1].wall, Millis(1000));
}

TEST_F(ReactJobsTest, NoMoreThanTheOptionSaysAndNoneWhereItIsZero) {
  Work({Background("a"), Background("b"), OfJob("job_output", 7), Bash("good"), Submit()},
       {{"react.max_jobs", "1"}});
  EXPECT_THAT(uses_[1].observation, HasSubstr("Not started: 1 jobs are running"));
  EXPECT_THAT(uses_[2].observation, HasSubstr("job_output needs 'job'"));
  EXPECT_THAT(started_, testing::ElementsAre("a"));
}

TEST_F(ReactJobsTest, WhereThereAreNoneTheToolsAreNotThere) {
  Work({Background("good"), OfJob("job_wait", 1), Submit()}, {{"react.max_jobs", "0"}});
  EXPECT_TRUE(started_.empty());
  EXPECT_THAT(uses_[1].observation, HasSubstr("There is no tool 'job_wait'"));
  EXPECT_THAT(DumpJson(requests_[0]["tools"]), Not(HasSubstr("background")));
  EXPECT_EQ(verdict_.grade.verdict, "scored") << "the command ran as any other";
}

agents::ChatMessage Said(const std::string& text) { return {.role = "assistant", .content = text}; }
agents::ChatMessage Answered(const std::string& text) { return {.role = "user", .content = text}; }

TEST(ContextWindowTest, ACallAndItsResultGoTogether) {
  agents::ContextWindow window({.role = "system", .content = "s"}, {.role = "user", .content = "t"},
                               2);
  for (int i = 0; i < 3; ++i)
    window.Add(Said("said" + std::to_string(i)), Answered("got" + std::to_string(i)));
  auto old = window.TakeOverflow();
  ASSERT_EQ(old.size(), 2u);
  EXPECT_EQ(old[1].content, "got0");
  EXPECT_TRUE(window.TakeOverflow().empty());
  auto shown = window.Messages();
  ASSERT_EQ(shown.size(), 6u);
  EXPECT_EQ(shown[2].content, "said1");
  EXPECT_TRUE(window.DropHalf());
  EXPECT_FALSE(window.DropHalf()) << "one turn is left";
  EXPECT_EQ(window.Messages().size(), 4u);
}

}  // namespace
}  // namespace podium::harness
