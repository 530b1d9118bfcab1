// A program that asks a model through its trial's gateway, from the sandbox to the verdict.
#include "base/text.h"
#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"
#include "tests/support/tiny_task.h"

namespace podium::tests {
namespace {

// Asks for a program with http.client, runs it, and notes what the environment says.
constexpr const char* kAgent = R"sh(
cat > /home/agent/agent.py <<'PY'
import http.client, json, os, re, subprocess, sys
base = os.environ['OPENAI_BASE_URL']
assert base == 'http://127.0.0.1:8000/v1' == os.environ['OPENAI_API_BASE'] == os.environ['LLM_BASE_URL']
assert os.environ['ANTHROPIC_BASE_URL'] == os.environ['GOOGLE_GEMINI_BASE_URL'] == 'http://127.0.0.1:8000'
assert os.environ['ANTHROPIC_API_KEY'] == os.environ['GEMINI_API_KEY'] == os.environ['OPENAI_API_KEY']
def ask(words):
    c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=60)
    c.request('POST', '/v1/chat/completions', json.dumps({'model': os.environ['LLM_MODEL'], 'max_tokens': 500,
              'messages': [{'role': 'user', 'content': words}]}),
              {'Authorization': 'Bearer ' + os.environ['OPENAI_API_KEY'], 'Content-Type': 'application/json'})
    r = c.getresponse()
    return r.status, json.loads(r.read())
status, answer = ask('Write the program.')
print(status, answer)
code = re.search(r'```python\n(.*?)```', answer['choices'][0]['message']['content'], re.S).group(1)
status, answer = ask('And a second question.')
print('second', status, answer.get('error', {}).get('code'))
exec(code)
PY
python3 /home/agent/agent.py
)sh";

class GatewayRunTest : public SandboxedProgram {
 protected:
  // A catalogue with one model at this server, at one and ten dollars a million.
  std::string Catalogue(const std::string& base_url) {
    std::string text =
        "schema: podium-models/1\n"
        "models:\n"
        "  - id: scripted\n"
        "    provider: test\n"
        "    formats: [chat]\n"
        "    base_url: " +
        base_url +
        "\n"
        "    key_env: SCRIPTED_KEY\n"
        "    max_output_tokens: 1000\n"
        "    context_tokens: 100000\n"
        "    price: {input: \"1.00\", output: \"10.00\", source: test, as_of: 2026-11}\n";
    fs::path file = dir() / "models.yaml";
    EXPECT_TRUE(WriteFileAtomic(file, text));
    return file.string();
  }

  ProcessResult Run(const std::string& base_url, std::vector<std::string> more = {},
                    const std::string& key = "sk-real-9876543210", const std::string& name = "g") {
    std::vector<std::string> args = {"run",
                                     "--task",
                                     Task(),
                                     "--agent",
                                     ProgramAgent("asker", kAgent),
                                     "--name",
                                     name,
                                     "--set",
                                     "gateway.models=scripted",
                                     "--set",
                                     "gateway.catalogue=" + Catalogue(base_url)};
    args.insert(args.end(), more.begin(), more.end());
    return Podium(args, {{"SCRIPTED_KEY", key}});
  }
};

ScriptedReply Good(int, const ReceivedRequest&) {
  return WholeText("Here.\n```python\n" + std::string(kTinySolution) + "```\n");
}

TEST_F(GatewayRunTest, AProgramAsksAModelAndItsCallsAreInVerdictAndReport) {
  ModelServer server(Good);
  auto r = Run(server.base_url());
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json verdict = Verdict("g", "asker");
  EXPECT_EQ(verdict["grade"]["score"], 1.0) << verdict;
  EXPECT_EQ(verdict["models"]["requests"], 2);
  EXPECT_EQ(verdict["models"]["input_tokens"], 200);
  EXPECT_EQ(verdict["models"]["output_tokens"], 50);
  EXPECT_EQ(verdict["models"]["cost_usd"], "0.0007");
  EXPECT_NE(r.out.find("0.0007"), std::string::npos) << r.out;
  auto calls = EventBodies(TrialDir("g", "asker"), "model_call");
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0]["model"], "scripted");
  for (const auto& request : server.requests()) {
    EXPECT_EQ(request.authorization, "Bearer sk-real-9876543210");
    EXPECT_EQ(request.target, "/v1/chat/completions");
  }
  for (const auto& e : fs::recursive_directory_iterator(runs())) {
    if (!e.is_regular_file()) continue;
    EXPECT_EQ(ReadFile(e.path())->find("sk-real-9876543210"), std::string::npos) << e.path();
  }
}

TEST_F(GatewayRunTest, AProgramOnGvisorAsksThroughARelay) {
  if (FindProgram("runsc").empty()) GTEST_SKIP() << "runsc is not installed";
  ModelServer server(Good);
  auto r = Run(server.base_url(), {"--set", "sandbox=runsc"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json verdict = Verdict("g", "asker");
  EXPECT_EQ(verdict["grade"]["score"], 1.0) << verdict;
  EXPECT_EQ(verdict["models"]["requests"], 2);
  EXPECT_TRUE(EventBodies(TrialDir("g", "asker"), "service").empty()) << "and it has a validator";
}

TEST_F(GatewayRunTest, ABudgetIsKeptAndSaysSo) {
  ModelServer server(Good);
  auto r = Run(server.base_url(), {"--set", "budget.requests=1", "--set", "budget.usd=0.02"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(Verdict("g", "asker")["models"]["requests"], 1);
  auto flags = EventBodies(TrialDir("g", "asker"), "gateway_flag");
  ASSERT_EQ(flags.size(), 1u);
  EXPECT_EQ(flags[0]["code"], "budget_exhausted");
  auto output = EventBodies(TrialDir("g", "asker"), "exec")[0]["output"].get<std::string>();
  EXPECT_NE(output.find("second 403 budget_exhausted"), std::string::npos) << output;
}

TEST_F(GatewayRunTest, WhatWasRecordedReplaysWithoutAKeyAndWithoutAServer) {
  std::string url;
  {
    ModelServer server(Good);
    url = server.base_url();
    ASSERT_EQ(Run(url).exit_code, 0);
  }
  fs::create_directories(TrialDir("again", "asker").parent_path());
  fs::create_directories(TrialDir("again", "asker"));
  fs::copy(TrialDir("g", "asker") / "llm", TrialDir("again", "asker") / "llm",
           fs::copy_options::recursive);
  auto r = Run(url, {"--set", "gateway.mode=replay"}, "", "again");
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json verdict = Verdict("again", "asker");
  EXPECT_EQ(verdict["grade"]["score"], 1.0) << verdict;
  EXPECT_EQ(verdict["models"]["requests"], 0) << "nothing was asked";
  auto calls = EventBodies(TrialDir("again", "asker"), "model_call");
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0]["replayed"], true);
}

// A native scaffold asks the catalogue's model in a format of its own choice, and pays its price.
TEST_F(GatewayRunTest, ASearchAsksACataloguesModelInItsFormatAtItsPrice) {
  std::string program = std::string(kTinySolution) + "print('Validation score: 0.9')\n";
  ModelServer server([&](int, const ReceivedRequest&) -> ScriptedReply {
    Json block = {{"type", "text"}, {"text", "Here.\n```python\n" + program + "```\n"}};
    Json body = {{"type", "message"},
                 {"content", Json::array({block})},
                 {"stop_reason", "end_turn"},
                 {"usage", {{"input_tokens", 100}, {"output_tokens", 25}}}};
    return {.body = body.dump()};
  });
  std::string file = Catalogue(server.base_url());
  std::string text = *ReadFile(file);
  ASSERT_TRUE(WriteFileAtomic(file, text.replace(text.find("[chat]"), 6, "[messages]")));
  auto r = Podium(
      {"run", "--task", Task(), "--agent", "greedy", "--proposer", "llm", "--model", "scripted",
       "--nodes", "4", "--name", "n", "--set", "models.catalogue=" + file, "--set",
       "budget.usd=0.023", "--set", "llm.max_tokens=1000"},
      {{"SCRIPTED_KEY", "sk-real-9876543210"}, {"OPENAI_BASE_URL", "http://127.0.0.1:1/v1"}});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json verdict = Verdict("n", "scripted-greedy");
  EXPECT_EQ(verdict["agent"]["end"], "node_budget") << verdict;
  EXPECT_EQ(verdict["models"]["requests"], 4);
  EXPECT_EQ(verdict["models"]["cost_usd"], "0.0014");
  for (const auto& request : server.requests()) EXPECT_EQ(request.target, "/v1/messages");
  EXPECT_NE(r.out.find("0.0014"), std::string::npos) << r.out;
}

// The provider asks everybody to wait for longer than the program's own time: that stands still.
TEST_F(GatewayRunTest, AProgramsTimeStandsStillWhileItWaitsForATurn) {
  constexpr const char* kWaiter = R"sh(
cat > /home/agent/agent.py <<'PY'
import http.client, json, os
for i in range(2):
    c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=120)
    c.request('POST', '/v1/chat/completions', json.dumps({'model': 'scripted', 'max_tokens': 5, 'seed': i,
              'messages': [{'role': 'user', 'content': 'x'}]}),
              {'Authorization': 'Bearer ' + os.environ['OPENAI_API_KEY'], 'Content-Type': 'application/json'})
    print('answered', c.getresponse().status, flush=True)
PY
python3 /home/agent/agent.py && cp /home/data/sample_submission.csv /home/submission/submission.csv
sleep 600
)sh";
  ModelServer server([](int number, const ReceivedRequest&) -> ScriptedReply {
    if (number == 0) return {.status = 429, .headers = {{"retry-after", "9"}}};
    return WholeText("hello");
  });
  auto begun = std::chrono::steady_clock::now();
  auto r = Podium({"run", "--task", Task(), "--agent", ProgramAgent("waiter", kWaiter), "--name",
                   "w", "--set", "gateway.models=scripted", "--set",
                   "gateway.catalogue=" + Catalogue(server.base_url()), "--set", "budget.wall=6 s"},
                  {{"SCRIPTED_KEY", "sk-real-9876543210"}});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(120));
  Json verdict = Verdict("w", "waiter");
  EXPECT_EQ(verdict["agent"]["end"], "time_limit") << "and it goes on afterwards";
  auto exec = EventBodies(TrialDir("w", "waiter"), "exec");
  ASSERT_EQ(exec.size(), 1u);
  EXPECT_NE(exec[0]["output"].get<std::string>().find("answered 200"), std::string::npos)
      << exec[0];
  EXPECT_GT(exec[0]["wall_ms"], 12'000);
  EXPECT_LT(EventBodies(TrialDir("w", "waiter"), "sealed")[0]["worked_ms"], 12'000);
}

TEST_F(GatewayRunTest, WhatCannotWorkIsSaidBeforeAnythingRuns) {
  ModelServer server(Good);
  auto no_key = Run(server.base_url(), {}, "");
  EXPECT_EQ(no_key.exit_code, 2) << no_key.out << no_key.err;
  EXPECT_NE((no_key.out + no_key.err).find("SCRIPTED_KEY"), std::string::npos) << no_key.err;
  auto no_model = Run(server.base_url(), {"--set", "gateway.models=scriptde"});
  EXPECT_NE(no_model.exit_code, 0);
  EXPECT_NE((no_model.out + no_model.err).find("Did you mean 'scripted'"), std::string::npos)
      << no_model.out << no_model.err;
  auto no_amount = Run(server.base_url(), {"--set", "budget.usd=much"});
  EXPECT_NE((no_amount.out + no_amount.err).find("budget.usd"), std::string::npos)
      << no_amount.out << no_amount.err;
  EXPECT_TRUE(server.requests().empty());
}

// The server is down by then, and there is no key.
TEST_F(GatewayRunTest, AProgramThatIsDoneAgainAsksTheSame) {
  {
    ModelServer server(Good);
    auto ran = Run(server.base_url());
    ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
  auto r = Podium({"replay", "g", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json result = *ParseJson(r.out, "replay");
  EXPECT_EQ(result["equal"], true);
  EXPECT_EQ(result["requests"], 2);
  EXPECT_EQ(result["answers_checked"], 2);
}

}  // namespace
}  // namespace podium::tests
