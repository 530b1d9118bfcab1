// A chat model behind real HTTP, on its normal days: prose, two fences, programs that fail, no tool
// call, errors, silence.
#include <signal.h>
#include <zstd.h>

#include <atomic>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/digest.h"
#include "base/text.h"
#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"
#include "tests/support/tiny_task.h"

namespace podium::tests {
namespace {

// Whether or not its head says how long it is.
std::string Unpacked(const std::string& zst) {
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                    ZSTD_freeDStream);
  std::string out, piece(1 << 16, '\0');
  ZSTD_inBuffer in{zst.data(), zst.size(), 0};
  for (std::size_t left = 1; left != 0 && out.size() < (1 << 26);) {
    ZSTD_outBuffer to{piece.data(), piece.size(), 0};
    left = ZSTD_decompressStream(stream.get(), &to, &in);
    if (ZSTD_isError(left) || (to.pos == 0 && in.pos == in.size)) return "";
    out.append(piece, 0, to.pos);
  }
  return out;
}

std::string Fenced(const std::string& code) {
  return "Here is my plan.\n```python\n" + code + "```\nGood luck.";
}

class LlmTest : public SandboxedProgram {
 protected:
  ProcessResult Run(const ModelServer& server, const std::string& nodes,
                    std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"run",        "--task", Task(),    "--agent", "greedy",
                                     "--proposer", "llm",    "--model", "m",       "--nodes",
                                     nodes,        "--name", "l"};
    args.insert(args.end(), more.begin(), more.end());
    return Podium(
        args, {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-test-1234567890"}});
  }
  fs::path Trial() const { return TrialDir("l", "m-greedy"); }

  // The key lies nowhere in the runs' folders, packed or not. Returns how many files were unpacked.
  int ExpectNoKeyInRuns() const {
    int unpacked = 0;
    for (const auto& e : fs::recursive_directory_iterator(runs())) {
      if (!e.is_regular_file()) continue;
      std::string bytes = *ReadFile(e.path());
      if (e.path().extension() == ".zst") {
        bytes = Unpacked(bytes);
        ++unpacked;
        EXPECT_NE(bytes, "") << e.path();
      }
      EXPECT_EQ(bytes.find("sk-test-1234567890"), std::string::npos) << e.path();
    }
    return unpacked;
  }
};

TEST_F(LlmTest, ANormalDayOfAWeakModelEndsInAScore) {
  ModelServer server([](int number, const ReceivedRequest& request) -> ScriptedReply {
    bool review = request.body.find("\"tool_choice\"") != std::string::npos;
    if (review)
      return StreamedText("I think it went well, the accuracy is high.");  // no call, and no number
    switch (number) {
      case 0:
        return StreamedText("I would first look at the data. Shall I?");  // no code: asked again
      case 1:
        return StreamedText(Fenced("print('missing bracket'\n"));
      case 2:
        return {
            429, R"({"error": {"message": "slow down"}})", {{"retry-after-ms", "50"}}, {}, false};
      case 3:
        return {200, "", {}, {}, true};  // hangs up
      case 4:
        return StreamedText("```bash\npip install pandas\n```\nthen\n```python\n" +
                            std::string(kTinySolution) + "```\n");
      case 5:
        return WholeText(Fenced(std::string(kTinySolution) + "print('Validation score: 1.0')\n"));
      default:
        return StreamedText(
            Fenced(std::string(kTinySolution) + "print('Final Validation Score:', 0.99)\n"));
    }
  });
  auto r = Run(server, "4");
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json verdict = Verdict("l", "m-greedy");
  EXPECT_EQ(verdict["grade"]["verdict"], "scored") << verdict;
  EXPECT_EQ(verdict["grade"]["score"], 1.0);
  auto nodes = EventBodies(Trial(), "node");
  ASSERT_EQ(nodes.size(), 4u);
  EXPECT_EQ(nodes[0]["fault"], "exit_1");
  std::int64_t tokens = 0, wait = 0;
  for (const Json& n : nodes) {
    tokens += n["tokens"]["completion"].get<std::int64_t>();
    wait += n["tokens"]["wait_ms"].get<std::int64_t>();
  }
  EXPECT_GT(tokens, 0);
  EXPECT_GT(wait, 0);
  for (const auto& request : server.requests()) {
    EXPECT_EQ(request.target, "/v1/chat/completions");
    EXPECT_EQ(request.authorization, "Bearer sk-test-1234567890");
  }
  std::string html = *ReadFile(runs() / "l" / "report.html");
  EXPECT_NE(html.find("Search tree"), std::string::npos);
  EXPECT_GT(ExpectNoKeyInRuns(), 0) << "no record was looked into";
}

TEST_F(LlmTest, AToolCallGivesTheScoreThatNoLineSays) {
  ModelServer server([](int, const ReceivedRequest& request) -> ScriptedReply {
    if (request.body.find("\"tool_choice\"") == std::string::npos)
      return StreamedText(
          Fenced(std::string(kTinySolution) + "print('holdout gives 0.875 here')\n"));
    Json body = *ParseJson(request.body, "request");
    std::string name = body["tools"][0]["function"]["name"];
    std::string property = body["tools"][0]["function"]["parameters"]["properties"].begin().key();
    Json arguments = Json::object();
    for (const auto& [key, schema] :
         body["tools"][0]["function"]["parameters"]["properties"].items()) {
      if (schema.dump().find("number") != std::string::npos)
        arguments[key] = 0.875;
      else if (schema.dump().find("boolean") != std::string::npos)
        arguments[key] = false;
      else
        arguments[key] = "ok";
    }
    return StreamedToolCall(name, arguments.dump());
  });
  auto r = Run(server, "1");
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  auto nodes = EventBodies(Trial(), "node");
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_EQ(nodes[0]["score"], 0.875) << nodes[0];
}

TEST_F(LlmTest, OnlyUselessAnswersEndInAnHonestNoSubmission) {
  ModelServer server([](int, const ReceivedRequest&) {
    return StreamedText("I am sorry, I cannot help with that.");
  });
  auto r = Run(server, "2");
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(Verdict("l", "m-greedy")["grade"]["verdict"], "no_submission");
  for (const Json& n : EventBodies(Trial(), "node")) EXPECT_EQ(n["fault"], "no_code") << n;
}

TEST_F(LlmTest, AServerThatRefusesIsInfrastructureAndNeverTheAgents) {
  ModelServer server([](int, const ReceivedRequest&) {
    return ScriptedReply{401, R"({"error": {"message": "bad key"}})", {}, {}, false};
  });
  auto r = Run(server, "2");
  EXPECT_EQ(r.exit_code, 5) << r.out << r.err;
  EXPECT_NE((r.out + r.err).find("OPENAI_API_KEY"), std::string::npos) << r.out << r.err;
  EXPECT_FALSE(fs::exists(Trial() / "verdict.json"));
}

TEST_F(LlmTest, AKeyThatTheServerQuotesIsKeptNowhere) {
  ModelServer server([](int, const ReceivedRequest& request) {
    std::string said = R"({"error": {"message": "Incorrect API key provided: )" +
                       request.authorization.substr(7) + R"("}})";
    return ScriptedReply{401, said, {{"x-key", request.authorization}}, {}, false};
  });
  auto r = Run(server, "2");
  EXPECT_EQ(r.exit_code, 5) << r.out << r.err;
  EXPECT_NE((r.out + r.err).find("Incorrect API key"), std::string::npos) << "not said at all";
  EXPECT_EQ((r.out + r.err).find("sk-test-1234567890"), std::string::npos) << r.out << r.err;
  ExpectNoKeyInRuns();
}

// An outage that is longer than all the time that the trial has: waited for, and no working time.
TEST_F(LlmTest, AnOutageIsNeitherTheAgentsTimeNorItsEnd) {
  auto begun = std::chrono::steady_clock::now();
  ModelServer server([&](int, const ReceivedRequest&) -> ScriptedReply {
    if (std::chrono::steady_clock::now() - begun < std::chrono::seconds(12))
      return {503, R"({"error": {"message": "overloaded"}})", {{"retry-after", "3"}}, {}, false};
    return StreamedText(Fenced(std::string(kTinySolution) + "print('Validation score: 0.9')\n"));
  });
  auto r = Run(server, "1", {"--set", "budget.wall=8 s"});
  EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(Verdict("l", "m-greedy")["grade"]["verdict"], "scored") << r.out << r.err;
  auto sealed = EventBodies(Trial(), "sealed");
  ASSERT_EQ(sealed.size(), 1u);
  EXPECT_LT(sealed[0]["worked_ms"], 8000);
  EXPECT_GT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(12));
}

TEST_F(LlmTest, APaidAnswerIsNeverAskedForTwice) {
  std::atomic<bool> refuse = false;
  ModelServer server([&](int number, const ReceivedRequest&) -> ScriptedReply {
    if (refuse && number == 1) return {401, "{}", {}, {}, false};
    return StreamedText(Fenced(std::string(kTinySolution) + "print('Validation score: 0." +
                               std::to_string(5 + number) + "')\n"));
  });
  refuse = true;
  EXPECT_EQ(Run(server, "2").exit_code, 5);  // one node done, the second refused
  refuse = false;
  EXPECT_EQ(Run(server, "2").exit_code, 0);
  auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_NE(requests[0].body, requests[2].body);
  EXPECT_EQ(requests[1].body, requests[2].body)
      << "the refused one is asked again, exactly as before";
  EXPECT_EQ(EventBodies(Trial(), "node").size(), 2u);
}

TEST_F(LlmTest, ASearchWhoseBudgetIsUsedUpEndsWithItsBestSoFar) {
  ModelServer server([](int number, const ReceivedRequest&) {
    return StreamedText(Fenced(std::string(kTinySolution) + "print('Validation score: 0." +
                               std::to_string(5 + number) + "')\n"));
  });
  auto r = Run(server, "6", {"--set", "budget.requests=2"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(server.requests().size(), 2u);
  Json verdict = Verdict("l", "m-greedy");
  EXPECT_EQ(verdict["agent"]["end"], "model_budget") << verdict;
  EXPECT_EQ(verdict["grade"]["verdict"], "scored");
  EXPECT_EQ(verdict["models"]["requests"], 2);
  EXPECT_EQ(verdict["models"]["input_tokens"], 200);
  EXPECT_TRUE(verdict["models"]["cost_usd"].is_null()) << "nobody knows what it costs";
  EXPECT_EQ(EventBodies(Trial(), "model_call").size(), 2u);
  auto priced = Run(server, "6", {"--set", "budget.usd=1"});
  EXPECT_NE(priced.exit_code, 0);
  EXPECT_NE((priced.out + priced.err).find("models.yaml"), std::string::npos) << priced.err;
}

TEST_F(LlmTest, ControlCTwiceLeavesAServerThatNeverAnswers) {
  ModelServer server([](int, const ReceivedRequest&) {
    return ScriptedReply{200, "", {}, std::chrono::milliseconds(300'000), false};
  });
  pid_t pid = Start({"run", "--task", Task(), "--agent", "greedy", "--proposer", "llm", "--model",
                     "m", "--name", "l"},
                    dir() / "log", {{"OPENAI_BASE_URL", server.base_url()}});
  for (int i = 0; i < 1500 && server.requests().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_FALSE(server.requests().empty()) << *ReadFile(dir() / "log");
  ::kill(pid, SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  auto before = std::chrono::steady_clock::now();
  ::kill(pid, SIGINT);
  EXPECT_EQ(Wait(pid), 6) << *ReadFile(dir() / "log");
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(60))
      << "it waited for the server";
}

TEST_F(LlmTest, APromptThatDoesNotFitIsHalvedAndThatIsTheAgentsAffair) {
  std::vector<std::size_t> sizes;
  std::mutex mutex;
  ModelServer server([&](int, const ReceivedRequest& request) -> ScriptedReply {
    std::lock_guard lock(mutex);
    sizes.push_back(request.body.size());
    if (sizes.size() % 4 != 0)
      return {400,
              R"({"error": {"type": "exceed_context_size_error", "message": "too long"}})",
              {},
              {},
              false};
    return StreamedText(Fenced(std::string(kTinySolution) + "print('Validation score: 1.0')\n"));
  });
  auto r = Run(server, "2");
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  auto nodes = EventBodies(Trial(), "node");
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes[0]["fault"], "context_overflow");
  EXPECT_EQ(nodes[1]["fault"], "");
  EXPECT_EQ(sizes.size(), 4u) << "two halvings, then the next node";
}

// Every number of the labels' form that can be read in the sandbox, and a submission.
constexpr const char* kSearcher = R"(import os, re, pandas as pd
found = set()
for top in ("/home", "/tmp", "/root", "/mnt", "/media", "/srv", "/opt", "/var", "/etc", "/run", "/dev/shm", "/.podium"):
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    found |= set(re.findall(rb"770042\d{5}9", open(path, "rb").read()))
            except OSError:
                pass
print("FOUND", " ".join(sorted(f.decode() for f in found)))
sample = pd.read_csv("/home/data/sample_submission.csv")
sample.to_csv("/home/submission/submission.csv", index=False)
print("Validation score: 0.25")
)";

// The tiny task with a label of its own for each training row, 40 of 200 to be held.
void GiveEachRowALabel(const fs::path& task) {
  std::string train = "id,a,b,y\n", yaml = *ReadFile(task / "task.yaml");
  for (int i = 0; i < 200; ++i)
    train += std::to_string(i) + ",1,2,770042" + std::to_string(10000 + i) + "9\n";
  ASSERT_TRUE(WriteFileAtomic(task / "data/public/train.csv", train));
  std::size_t pin = yaml.find("public/train.csv: ") + 18;
  yaml.replace(pin, 64, Digest::Of(train).hex());
  yaml.replace(yaml.find(", min: 0, max: 1"), 16, "");
  yaml += "split: {table: train.csv, target: y, fraction: 0.2}\n";
  ASSERT_TRUE(WriteFileAtomic(task / "task.yaml", yaml));
}

TEST_F(LlmTest, NoLabelOfAHiddenRowIsInTheSandboxAndEveryTableSaysThatThereAreSome) {
  GiveEachRowALabel(Task());
  ModelServer server([](int, const ReceivedRequest&) { return StreamedText(Fenced(kSearcher)); });
  auto r =
      Run(server, "2", {"--set", "search.feedback=hidden", "--set", "search.selection=hidden"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json node = EventBodies(Trial(), "node").at(0);
  EXPECT_EQ(node["fault"], "") << node["detail"] << node["output"];
  EXPECT_EQ(node["own_score"], 0.25);
  EXPECT_EQ(node["score"], 0.0) << "the metric's word on the hidden rows";
  EXPECT_EQ(node["choice_score"], 0.0);
  std::string output = node["output"];
  std::istringstream words(output.substr(output.find("FOUND ") + 6));
  int found = 0;
  for (std::string word; words >> word && word.starts_with("770042");) ++found;
  EXPECT_EQ(found, 160) << "all labels that it may have, and no other: " << output;
  Json verdict = Verdict("l", "m-greedy");
  ASSERT_EQ(verdict["reveals"].size(), 3u);
  EXPECT_NE(verdict["reveals"][2].get<std::string>().find("20 rows for the search, 20 for"),
            std::string::npos);
  EXPECT_EQ(verdict["grade"]["verdict"], "scored") << verdict["grade"]["detail"];
  EXPECT_NE(r.out.find("m-greedy \u2020"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("went by labels that it does not have (search.feedback: hidden"),
            std::string::npos)
      << r.out;
}

TEST_F(LlmTest, ATaskThatDoesNotSayHowIsRefusedBeforeAnythingRuns) {
  ModelServer server([](int, const ReceivedRequest&) { return StreamedText(""); });
  auto r = Run(server, "2", {"--set", "search.feedback=hidden", "--dry-run"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("task 'tiny' does not say how its training rows can be split"),
            std::string::npos)
      << r.err;
}

}  // namespace
}  // namespace podium::tests
