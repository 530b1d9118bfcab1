// A run file with a matrix, and what agents may look up.
#include <signal.h>

#include <chrono>
#include <thread>

#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"
#include "tests/support/tiny_task.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class AblationTest : public SandboxedProgram {
 protected:
  void SetUp() override {
    SandboxedProgram::SetUp();
    if (IsSkipped()) return;
    fs::create_directories(dir() / "notes");
    ASSERT_TRUE(WriteFileAtomic(dir() / "notes/tables.md", "# Tables\nPredict y with boosting.\n"));
  }
  int Verdicts(const std::string& run) const {
    int out = 0;
    std::error_code ec;
    for (auto it = fs::recursive_directory_iterator(runs() / run / "trials", ec);
         !ec && it != fs::recursive_directory_iterator(); it.increment(ec))
      out += it->path().filename() == "verdict.json";
    return out;
  }
};

TEST_F(AblationTest, EveryCellIsARowWhateverInterruptsTheRun) {
  ModelServer server([](int, const ReceivedRequest&) {
    return StreamedText(
        "The sample.\n```python\nimport shutil\n"
        "shutil.copy('/home/data/sample_submission.csv', '/home/submission/submission.csv')\n"
        "print('Validation score: 0.9')\n```\n");
  });
  fs::path file = dir() / "ablation.yaml";
  // Two of the starter tasks whose tables are made and not fetched.
  ASSERT_TRUE(WriteFileAtomic(file,
                              "schema: podium-run/1\nname: ab\n"
                              "tasks: [poker-rule-induction, conway-reverse]\n"
                              "proposer: llm\nmodel: m\nseeds: 3\njobs: 8\n"
                              "budget: {nodes: 2}\nknowledge: {corpus: " +
                                  (dir() / "notes").string() +
                                  "}\nmatrix:\n  agents: [greedy, mcts]\n  search.memory: "
                                  "[simple, none]\n  knowledge.mode: [\"off\", context]\n"));
  std::map<std::string, std::string> env = {{"OPENAI_BASE_URL", server.base_url()},
                                            {"OPENAI_API_KEY", "k"}};
  pid_t pid = Start({"run", file.string()}, dir() / "log", env);
  auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(300);
  while (Verdicts("ab") < 20 && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ::kill(pid, SIGKILL);
  Wait(pid);
  ASSERT_LT(Verdicts("ab"), 48) << "the test was too slow to kill it";
  auto last = Podium({"resume", "ab", "--json"}, env, std::chrono::seconds(500));
  ASSERT_EQ(last.exit_code, 0) << last.out << last.err << *ReadFile(dir() / "log");
  EXPECT_EQ(Verdicts("ab"), 48);
  Json cell = Verdict("ab", "mcts.memory=none.mode=context", "conway-reverse", 2)["cell"];
  EXPECT_EQ(cell,
            (Json{{"agent", "mcts"}, {"search.memory", "none"}, {"knowledge.mode", "context"}}));
  auto summary = ParseJson(last.out, "summary");
  ASSERT_TRUE(summary) << last.out;
  ASSERT_EQ((*summary)["agents"].size(), 8u);
  for (const Json& row : (*summary)["agents"]) {
    EXPECT_EQ(row["graded"], 6) << row;
    EXPECT_EQ(row["cell"].size(), 3u) << row;
  }
  int told = 0;
  for (const auto& request : server.requests())
    told += request.body.find("Predict y with boosting.") != std::string::npos;
  EXPECT_GE(told, 24) << "each node of half of the trials";
  const std::string told_of = "greedy.memory=simple.mode=context",
                    without = "greedy.memory=simple.mode=off";
  EXPECT_FALSE(EventBodies(TrialDir("ab", told_of, "conway-reverse"), "knowledge").empty());
  EXPECT_TRUE(EventBodies(TrialDir("ab", without, "conway-reverse"), "knowledge").empty());
  std::string table = Podium({"status", "ab"}).out;
  EXPECT_THAT(table, HasSubstr("greedy.memory=simple.mode=off"));
}

TEST_F(AblationTest, AProgramFindsKnowledgeAtItsAddress) {
  std::string agent =
      ProgramAgent("reader",
                   "python3 - <<'P'\nimport json, os, urllib.request\n"
                   "u = os.environ['PODIUM_KNOWLEDGE_URL'] + '/search?q=boosting'\n"
                   "t = json.load(urllib.request.urlopen(u))['text']\n"
                   "assert 'Predict y with boosting.' in t, t\n"
                   "assert 'PODIUM_KNOWLEDGE_URL' in open('/home/instructions.txt').read()\nP\n"
                   "[ $? = 0 ] && cp /home/data/sample_submission.csv "
                   "/home/submission/submission.csv");
  auto ran =
      Podium({"run", "--task", Task(), "--agent", agent, "--name", "kn", "--set",
              "knowledge.mode=search", "--set", "knowledge.corpus=" + (dir() / "notes").string()});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_EQ(Verdict("kn", "reader")["grade"]["verdict"], "scored");
  auto looks = EventBodies(TrialDir("kn", "reader"), "knowledge");
  ASSERT_EQ(looks.size(), 1u);
  EXPECT_EQ(looks[0]["by"], "http");
  EXPECT_EQ(looks[0]["passages"], (Json{"tables.md#1"}));
}

TEST_F(AblationTest, AValidatorIsOfferedOrNotThere) {
  std::string program = "A plan.\n```python\n" + std::string(kTinySolution) +
                        "import subprocess\n"
                        "said = subprocess.run(['bash', '/home/validate_submission.sh', "
                        "'/home/submission/submission.csv'], capture_output=True, text=True)\n"
                        "print('validator:', said.returncode, said.stdout)\n"
                        "print('Validation score: 0.9')\n```\n";
  ModelServer server([&](int, const ReceivedRequest&) { return StreamedText(program); });
  auto ran =
      Podium({"run", "--task", Task(), "--agent", "greedy", "--proposer", "llm", "--model", "m",
              "--nodes", "1", "--name", "v", "--vary", "search.validate_tool=told,true,false"},
             {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "k"}});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  for (const char* use : {"told", "true", "false"}) {
    std::string cell = std::string("greedy.validate_tool=") + use;
    bool there = std::string_view(use) != "false";
    EXPECT_EQ(Verdict("v", cell)["validations"]["valid"], there ? 1 : 0) << use;
    auto nodes = EventBodies(TrialDir("v", cell), "node");
    ASSERT_EQ(nodes.size(), 1u);
    EXPECT_THAT(nodes[0]["output"].get<std::string>(),
                HasSubstr(there ? "validator: 0" : "validator: 127"));
    EXPECT_EQ(nodes[0]["fault"], "");
  }
  int named = 0;
  for (const auto& request : server.requests())
    named += request.body.find("validate_submission.sh /home/submission") != std::string::npos;
  EXPECT_EQ(named, 1) << "one cell's prompt names it";
}

TEST_F(AblationTest, AProgramWithoutValidatorFindsNoneAndIsToldOfNone) {
  std::string agent = ProgramAgent(
      "alone",
      "[ -e /home/validate_submission.sh ] && exit 1\n"
      "grep -q validat /home/instructions.txt && exit 2\n"
      "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 5000), 2)\" && exit 3\n"
      "cp /home/data/sample_submission.csv /home/submission/submission.csv");
  auto ran = Podium({"run", "--task", Task(), "--agent", agent, "--name", "nv", "--set",
                     "program.validator=false"});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_EQ(Verdict("nv", "alone")["grade"]["verdict"], "scored");
}

TEST_F(AblationTest, AnObfuscatedTaskShowsNothingOfTheOtherText) {
  std::string task = Task();
  ASSERT_TRUE(WriteFileAtomic(fs::path(task) / "obfuscated.md", "# Two columns\nGive y.\n"));
  std::string yaml = *ReadFile(fs::path(task) / "task.yaml");
  std::size_t at = yaml.find("instruction: description.md");
  ASSERT_NE(at, std::string::npos) << yaml;
  yaml.replace(at, 27,
               "instruction: {default: description.md, variants: {obfuscated: obfuscated.md}}");
  ASSERT_TRUE(WriteFileAtomic(fs::path(task) / "task.yaml", yaml));
  std::string agent =
      ProgramAgent("looks",
                   "cat /home/data/description.md > /home/logs/seen.txt; echo $COMPETITION_ID >> "
                   "/home/logs/seen.txt; ls /home/data >> /home/logs/seen.txt\n"
                   "cp /home/data/sample_submission.csv /home/submission/submission.csv");
  auto ran = Podium({"run", "--task", task, "--agent", agent, "--vary",
                     "instruction=default,obfuscated", "--name", "ob"});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  std::string seen = *ReadFile(TrialDir("ob", "looks.instruction=obfuscated") / "logs/seen.txt");
  EXPECT_THAT(seen, testing::StartsWith("# Two columns\nGive y.\ntask\n"));
  EXPECT_THAT(seen, HasSubstr("train.csv"));
  std::string other = *ReadFile(TrialDir("ob", "looks.instruction=default") / "logs/seen.txt");
  EXPECT_THAT(other, Not(HasSubstr("Two columns")));
  EXPECT_THAT(other, HasSubstr("tiny"));
  EXPECT_EQ(Verdict("ob", "looks.instruction=obfuscated")["grade"]["verdict"], "scored");
  auto refused = Podium({"run", "--task", Task("tiny2"), "--agent", agent, "--set",
                         "instruction=obfuscated", "--dry-run"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err,
              HasSubstr("task 'tiny2' has no instruction 'obfuscated': there is default"));
}

TEST_F(AblationTest, ThePlaceOnTheLeaderboardIsToldAndSaidInTheVerdict) {
  ModelServer server([](int, const ReceivedRequest&) {
    return StreamedText("A forest.\n```python\n" + std::string(kTinySolution) +
                        "print('Validation score: 0.9')\n```\n");
  });
  auto ran = Podium(
      {"run", "--task", Task(), "--agent", "greedy", "--proposer", "llm", "--model", "m", "--nodes",
       "2", "--set", "search.drafts=1", "--set", "search.feedback=leaderboard", "--name", "lb"},
      {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "k"}});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  auto nodes = EventBodies(TrialDir("lb", "m-greedy"), "node");
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes[0]["place"], "1 of 21");
  ASSERT_EQ(server.requests().size(), 2u);
  EXPECT_THAT(server.requests()[1].body, HasSubstr("On the leaderboard it is 1 of 21."));
  Json verdict = Verdict("lb", "m-greedy");
  EXPECT_EQ(verdict["reveals"], (Json{"search.feedback: leaderboard"}));
  EXPECT_THAT(ran.out,
              HasSubstr("went by labels that it does not have (search.feedback: leaderboard)"));
}

TEST_F(AblationTest, AnExpertsTextIsTheTasksOwn) {
  std::string task = Task();
  auto refused = Podium({"run", "--task", task, "--agent", "react", "--model", "m", "--set",
                         "knowledge.mode=oracle", "--dry-run"},
                        {{"OPENAI_BASE_URL", "http://127.0.0.1:9/v1"}});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("task 'tiny' has none"));
  ASSERT_TRUE(WriteFileAtomic(fs::path(task) / "expert.md", "The answer is a > b.\n"));
  std::string yaml = *ReadFile(fs::path(task) / "task.yaml");
  ASSERT_TRUE(WriteFileAtomic(fs::path(task) / "task.yaml", yaml + "expert: expert.md\n"));
  ModelServer server([](int, const ReceivedRequest&) { return StreamedToolCall("submit", "{}"); });
  auto ran = Podium({"run", "--task", task, "--agent", "react", "--model", "m", "--set",
                     "knowledge.mode=oracle", "--set", "react.steps=1", "--name", "or"},
                    {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "k"}});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  ASSERT_FALSE(server.requests().empty());
  EXPECT_THAT(server.requests()[0].body, HasSubstr("The answer is a > b."));
}

}  // namespace
}  // namespace podium::tests
