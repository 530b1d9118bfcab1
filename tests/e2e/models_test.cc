// `podium models`: the catalogue, and whether a model answers as it says.
#include "base/json.h"
#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"
#include "tests/support/tiny_task.h"
#include "tests/support/wire_answers.h"

namespace podium::tests {
namespace {

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// A model of this format that does all that it is asked for.
ScriptedReply Able(const std::string& format, const ReceivedRequest& request) {
  Said said{.text = "ready"};
  bool schema = Has(request.body, "json_schema") || Has(request.body, "responseSchema");
  if (schema)
    said.text = R"({"number": 7})";
  else if (Has(request.body, "report"))
    said = {.tool = "report", .arguments = R"({"number": 7})"};
  bool stream =
      Has(request.body, "\"stream\":true") || Has(request.target, "streamGenerateContent");
  return {.body = stream ? StreamOf(format, said) : WholeOf(format, said),
          .headers = {{"Content-Type", stream ? "text/event-stream" : "application/json"}}};
}

class ModelsTest : public PodiumProgram {
 protected:
  // A catalogue of one model "mine" at the server.
  std::string Catalogue(const ModelServer& server, const std::string& more) {
    fs::path file = dir() / "models.yaml";
    EXPECT_TRUE(WriteFileAtomic(file,
                                "schema: podium-models/1\nmodels:\n  - {id: mine, provider: me, "
                                "base_url: \"" +
                                    server.base_url() + "\", " + more + "}\n"));
    return file.string();
  }
  // What `check` says, by the name of the call.
  std::map<std::string, Json> Checked(const std::string& catalogue, int code,
                                      const std::string& model = "mine") {
    auto r =
        Podium({"models", "check", model, "--catalogue", catalogue, "--json", "--timeout", "20 s"},
               {{"MY_KEY", "sk-mine-123456"}});
    EXPECT_EQ(r.exit_code, code) << r.out << r.err;
    std::map<std::string, Json> out;
    Json json = Json::parse(r.out, nullptr, false);
    if (!json.is_object()) return out;
    EXPECT_EQ(json["schema"], "podium-model-check/1");
    EXPECT_EQ(json["ok"], code == 0);
    for (const Json& probe : json["probes"]) out[probe["name"]] = probe;
    return out;
  }
};

TEST_F(ModelsTest, AModelThatCanAllAnswersInEachFormat) {
  for (const std::string format : {"chat", "responses", "messages", "gemini"}) {
    ModelServer server([&](int, const ReceivedRequest& request) { return Able(format, request); });
    auto file = Catalogue(server, "formats: [" + format +
                                      "], price: {input: \"1\", output: \"10\", source: s, as_of: "
                                      "2026-01}, capabilities: [tools, forced_tool]");
    auto probes = Checked(file, 0);
    ASSERT_EQ(probes.size(), 5u) << format;
    for (const auto& [name, probe] : probes) {
      bool skipped = format == "messages" && name == "json_schema";
      EXPECT_EQ(probe["outcome"], skipped ? "skipped" : "answered") << format << " " << probe;
      if (!skipped) EXPECT_EQ(probe["cost_usd"], "0.00035") << "100 and 25 tokens: " << probe;
    }
    EXPECT_EQ(probes["tools"]["declared"], true);
    EXPECT_EQ(probes["json_schema"]["declared"], false);
    EXPECT_EQ(probes["text"]["declared"], nullptr);
    EXPECT_EQ(server.requests().size(), format == "messages" ? 4u : 5u) << "nothing twice";
  }
}

TEST_F(ModelsTest, WhatTheCatalogueSaysAndTheModelCannotIsNotVerified) {
  ModelServer server([](int, const ReceivedRequest& request) -> ScriptedReply {
    if (Has(request.body, "tool_choice"))
      return {.status = 400, .body = ErrorOf("chat", 400, "invalid_request_error")};
    return {.body = StreamOf("chat", {.text = "ready"}),
            .headers = {{"Content-Type", "text/event-stream"}}};
  });
  auto probes = Checked(Catalogue(server, "capabilities: [forced_tool]"), 7);
  EXPECT_EQ(probes["text"]["outcome"], "answered");
  EXPECT_EQ(probes["tools"]["outcome"], "otherwise");
  EXPECT_EQ(probes["forced_tool"]["outcome"], "refused");
  EXPECT_EQ(probes["json_schema"]["outcome"], "otherwise");
  EXPECT_TRUE(Has(probes["tools"]["detail"], "'ready'"));
  Checked(Catalogue(server, "capabilities: []"), 0);
}

TEST_F(ModelsTest, AServerThatDoesNotServeIsAskedOnce) {
  ModelServer server([](int, const ReceivedRequest&) -> ScriptedReply { return {.status = 503}; });
  auto probes = Checked(Catalogue(server, "key_env: MY_KEY"), 5);
  EXPECT_EQ(probes["text"]["outcome"], "no_answer");
  EXPECT_EQ(probes["json_schema"]["outcome"], "skipped");
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(server.requests()[0].authorization, "Bearer sk-mine-123456");
  ModelServer strict([](int, const ReceivedRequest&) -> ScriptedReply { return {.status = 401}; });
  EXPECT_EQ(Checked(Catalogue(strict, "key_env: MY_KEY"), 5)["text"]["outcome"], "refused");
}

TEST_F(ModelsTest, AnUnknownNameNeedsAPlaceToAsk) {
  ModelServer server([](int, const ReceivedRequest& request) { return Able("chat", request); });
  auto file = Catalogue(server, "formats: [chat]");
  auto r = Podium({"models", "check", "mien", "--catalogue", file});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_TRUE(Has(r.err, "Did you mean 'mine'?")) << r.err;
  EXPECT_EQ(Checked(file, 0, "me/another")["text"]["outcome"], "answered")
      << "of a provider that the file knows";
  EXPECT_TRUE(Has(server.requests()[0].body, "\"model\":\"another\""));
  r = Podium({"models", "check", "whatever", "--base-url", server.base_url()});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_TRUE(Has(r.out, "'whatever' in format chat")) << r.out;
}

TEST_F(ModelsTest, ShowsTheShippedCatalogue) {
  auto r = Podium({"models", "ls", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  Json list = Json::parse(r.out);
  EXPECT_EQ(list["schema"], "podium-model-list/1");
  EXPECT_GE(list["models"].size(), 8u);
  r = Podium({"models", "show", "anthropic/claude-haiku-4-5", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  Json model = Json::parse(r.out);
  EXPECT_EQ(model["id"], "claude-haiku-4-5");
  EXPECT_EQ(model["usd_per_million_tokens"]["cache_write"], "1.25");
  EXPECT_TRUE(Has(Podium({"models", "ls"}).out, "gemini-2.5-flash"));
  EXPECT_EQ(Podium({"models", "show", "gpt-4.1-mni"}).exit_code, 2);
}

// Asks in Chat Completions, by a function and without one, and hands in the program it is given.
constexpr const char* kChatAgent = R"sh(
cat > /home/agent/agent.py <<'PY'
import http.client, json, os, re
def ask(body):
    c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=60)
    c.request('POST', '/v1/chat/completions', json.dumps(dict(body, model=os.environ['LLM_MODEL'], max_tokens=500)),
              {'Authorization': 'Bearer ' + os.environ['OPENAI_API_KEY'], 'Content-Type': 'application/json'})
    r = c.getresponse()
    assert r.status == 200, r.read()
    return r.read().decode()
words = [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Write the program.'}]
tool = {'type': 'function', 'function': {'name': 'report', 'parameters': {'type': 'object', 'properties': {}}}}
called = json.loads(ask({'messages': words, 'tools': [tool], 'tool_choice': 'required'}))['choices'][0]
assert called['finish_reason'] == 'tool_calls', called
call = called['message']['tool_calls'][0]
words += [called['message'], {'role': 'tool', 'tool_call_id': call['id'], 'content': 'seven it is'}]
text = ''
for line in ask({'messages': words, 'stream': True}).splitlines():
    if line.startswith('data: {'):
        text += json.loads(line[6:])['choices'][0]['delta'].get('content') or ''
exec(re.search(r'```python\n(.*?)```', text, re.S).group(1))
PY
python3 /home/agent/agent.py
)sh";

class ModelRunsTest : public SandboxedProgram {
 protected:
  // Two models at this server, one a format, at one and ten dollars a million.
  std::string Catalogue(const ModelServer& server) {
    std::string text = "schema: podium-models/1\nproviders: {me: {rpm: 500}}\nmodels:\n";
    for (const char* format : {"messages", "gemini"})
      text += std::string("  - {id: by-") + format + ", provider: me, formats: [" + format +
              "], base_url: \"" + server.base_url() +
              "\", translate: true, structured: json_schema, context_tokens: 100000, "
              "max_output_tokens: 4000, price: {input: \"1\", output: \"10\", source: s, as_of: "
              "2026-01}}\n";
    fs::path file = dir() / "models.yaml";
    EXPECT_TRUE(WriteFileAtomic(file, text));
    return file.string();
  }

  // Writes the tiny task's program, reports when it is asked by a tool, scores by a schema.
  static ScriptedReply Answer(int, const ReceivedRequest& request) {
    bool gemini = Has(request.target, "enerateContent");
    bool stream = Has(request.body, "\"stream\":true") || Has(request.target, "stream");
    Said said{.text = "```python\n" + std::string(kTinySolution) + "print('all went to 0.5')\n```"};
    if (Has(request.body, "responseSchema")) said.text = R"({"metric": 0.5, "summary": "x"})";
    bool result = Has(request.body, "seven it is");
    if (Has(request.body, "report") && !result)
      said = {.tool = "report", .arguments = R"({"number": 7})"};
    std::string format = gemini ? "gemini" : "messages";
    return {.body = stream ? StreamOf(format, said) : WholeOf(format, said),
            .headers = {{"Content-Type", stream ? "text/event-stream" : "application/json"}}};
  }

  std::vector<std::string> ModelsOf(const fs::path& trial) const {
    std::vector<std::string> out;
    for (const Json& call : EventBodies(trial, "model_call")) out.push_back(call["model"]);
    return out;
  }
};

TEST_F(ModelRunsTest, AReviewerOfAnotherVendorSharesTheBudgetAndTheLock) {
  ModelServer server(Answer);
  auto r = Podium({"run",
                   "--task",
                   Task(),
                   "--agent",
                   "greedy",
                   "--proposer",
                   "llm",
                   "--model",
                   "by-messages",
                   "--nodes",
                   "1",
                   "--name",
                   "l",
                   "--set",
                   "budget.usd=0.50",
                   "--set",
                   "llm.models.review=by-gemini",
                   "--set",
                   "llm.reasoning_effort=low",
                   "--set",
                   "gateway.catalogue=" + Catalogue(server)});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(Verdict("l", "by-messages-greedy")["grade"]["verdict"], "scored");
  EXPECT_EQ(ModelsOf(TrialDir("l", "by-messages-greedy")),
            (std::vector<std::string>{"by-messages", "by-gemini"}));
  EXPECT_TRUE(Has(server.requests()[0].body, "\"thinking\""));
  EXPECT_TRUE(Has(server.requests()[1].body, "responseSchema"));
  EXPECT_TRUE(Has(server.requests()[1].body, "thinkingBudget"));
  Json lock = Json::parse(*ReadFile(runs() / "l" / "lock.json"));
  EXPECT_TRUE(Has(lock.dump(), "by-gemini")) << lock;
  EXPECT_EQ(Verdict("l", "by-messages-greedy")["models"]["requests"], 2);
}

TEST_F(ModelRunsTest, AProgramOfChatCompletionsWorksOnModelsThatDoNotSpeakIt) {
  for (const std::string model : {"by-messages", "by-gemini"}) {
    ModelServer server(Answer);
    auto r = Podium({"run", "--task", Task(), "--agent", ProgramAgent("asker", kChatAgent),
                     "--name", model, "--set", "gateway.models=" + model, "--set",
                     "gateway.catalogue=" + Catalogue(server), "--set", "budget.usd=0.50"});
    ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
    EXPECT_EQ(Verdict(model, "asker")["grade"]["verdict"], "scored") << model;
    int translated = 0;
    for (const Json& flag : EventBodies(TrialDir(model, "asker"), "gateway_flag"))
      translated += flag["code"] == "translated";
    EXPECT_EQ(translated, 2);
    EXPECT_EQ(ModelsOf(TrialDir(model, "asker")), (std::vector<std::string>{model, model}));
  }
}

}  // namespace
}  // namespace podium::tests
