// Faults of models that are made on purpose: an axis of a matrix, declared wherever a result is.
#include <gmock/gmock.h>

#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"
#include "tests/support/tiny_task.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

// Asks until it is answered with a program, as an SDK does.
constexpr const char* kPatient = R"sh(
cat > /home/agent/agent.py <<'PY'
import http.client, json, os, re, time
def ask():
    c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=60)
    c.request('POST', '/v1/chat/completions', json.dumps({'model': os.environ['LLM_MODEL'],
              'messages': [{'role': 'user', 'content': 'Write the program.'}]}),
              {'Authorization': 'Bearer ' + os.environ['OPENAI_API_KEY'], 'Content-Type': 'application/json'})
    r = c.getresponse()
    return r.status, r.read()
for i in range(12):
    try:
        status, body = ask()
        print('answer', status)
    except (http.client.HTTPException, ConnectionError) as e:
        print('no answer', type(e).__name__)
        continue
    if status != 200: continue
    found = re.search(r'```python\n(.*?)```', json.loads(body)['choices'][0]['message']['content'] or '', re.S)
    if found: exec(found.group(1))
PY
python3 /home/agent/agent.py
)sh";

class InjectedFaultsTest : public SandboxedProgram {
 protected:
  std::map<std::string, std::string> Env() const {
    return {{"OPENAI_BASE_URL", server_.base_url()}, {"OPENAI_API_KEY", "sk-test-1234567890"}};
  }
  static std::string Counts(const Json& verdict) {
    return verdict["models"].value("injected_faults", Json::object()).dump();
  }

  ModelServer server_{[](int, const ReceivedRequest& request) {
    std::string text = "A plan.\n```python\n" + std::string(kTinySolution) +
                       "print('Validation score: 0.9')\n```\n";
    bool stream = request.body.find("\"stream\":true") != std::string::npos;
    return stream ? StreamedText(text) : WholeText(text);
  }};
};

TEST_F(InjectedFaultsTest, AreACellOfAMatrixThatEveryResultDeclares) {
  auto ran = Podium({"run", "--task", Task(), "--agent", "greedy", "--proposer", "llm", "--model",
                     "m", "--nodes", "6", "--name", "f", "--vary", "llm.faults.rate=0,0.6"},
                    Env());
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  Json plain = Verdict("f", "greedy.rate=0"), faulty = Verdict("f", "greedy.rate=0.6");
  EXPECT_FALSE(plain.contains("variants"));
  EXPECT_EQ(Counts(plain), "{}");
  ASSERT_TRUE(faulty.contains("variants")) << faulty;
  EXPECT_THAT(faulty["variants"][0].get<std::string>(), HasSubstr("llm.faults: 0.6 of 429, 500"));
  EXPECT_EQ(faulty["cell"]["llm.faults.rate"], "0.6");
  EXPECT_EQ(faulty["grade"]["verdict"], "scored") << "a search goes on through faults";
  fs::path trial = TrialDir("f", "greedy.rate=0.6");
  std::map<std::string, int> noted;
  for (const Json& met : EventBodies(trial, "injected_fault")) ++noted[met["kind"]];
  EXPECT_GT(noted.size(), 3u) << "several kinds";
  EXPECT_EQ(Counts(faulty), Json(noted).dump());
  for (const Json& outage : EventBodies(trial, "outage"))
    EXPECT_THAT(outage["why"].get<std::string>(), Not(HasSubstr("answer"))) << "no provider failed";
  EXPECT_THAT(ran.out, HasSubstr("greedy.rate=0.6 \u2021"));
  EXPECT_THAT(ran.out, HasSubstr("was run as a variant (llm.faults: 0.6 of"));
  auto again = Podium({"replay", "f/tiny/greedy.rate=0.6/s0"}, {});
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
}

TEST_F(InjectedFaultsTest, ReachAProgramAndItsReplay) {
  fs::path models = dir() / "models.yaml";
  ASSERT_TRUE(WriteFileAtomic(
      models, "schema: podium-models/1\nmodels:\n  - {id: scripted, base_url: \"" +
                  server_.base_url() + "\", context_tokens: 100000, max_output_tokens: 1000}\n"));
  auto ran =
      Podium({"run", "--task", Task(), "--agent", ProgramAgent("patient", kPatient), "--name", "p",
              "--set", "gateway.models=scripted", "--set", "gateway.catalogue=" + models.string(),
              "--set", "llm.faults.rate=0.5", "--set", "llm.faults.kinds=429,500,no_answer,prose"},
             Env());
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  Json verdict = Verdict("p", "patient");
  EXPECT_EQ(verdict["grade"]["verdict"], "scored") << verdict;
  EXPECT_EQ(verdict["variants"], (Json{"llm.faults: 0.5 of 429, 500, no_answer, prose"}));
  auto met = EventBodies(TrialDir("p", "patient"), "injected_fault");
  EXPECT_GT(met.size(), 2u);
  EXPECT_LT(met.size(), 10u);
  auto again = Podium({"replay", "p"}, {});
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
}

}  // namespace
}  // namespace podium::tests
