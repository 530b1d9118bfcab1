// Existing programs in the sandbox as they are: addresses built in, nothing set.
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class ProgramsTest : public SandboxedProgram {
 protected:
  // A catalogue with one model at this server, and a vendor's hosts beside it.
  std::string Catalogue(const std::string& base_url) {
    std::string text =
        "schema: podium-models/1\nhosts: [api.openai.com/v1, openrouter.ai/api/v1]\n"
        "models:\n  - {id: scripted, key_env: SCRIPTED_KEY, base_url: \"" +
        base_url + "\"}\n";
    fs::path file = dir() / "models.yaml";
    EXPECT_TRUE(WriteFileAtomic(file, text));
    return file.string();
  }

  ProcessResult Run(const std::string& agent, const std::string& name,
                    std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"run", "--task", Task(), "--agent", agent, "--name", name};
    args.insert(args.end(), more.begin(), more.end());
    return Podium(args, {{"SCRIPTED_KEY", "sk-real-9876543210"}});
  }

  std::string Output(const std::string& name, const std::string& agent) {
    auto exec = EventBodies(TrialDir(name, agent), "exec");
    return exec.empty() ? "" : exec.back()["output"].get<std::string>();
  }
};

// Asks hard-wired addresses with urllib, whose certificates are looked for where OpenSSL says.
constexpr const char* kHardWired = R"sh(
cat > /tmp/ask.py <<'PY'
import json, os, time, urllib.error, urllib.request
def ask(url):
    begun = time.time()
    body = {'model': 'scripted', 'messages': [{'role': 'user', 'content': 'hi'}]}
    headers = {'Authorization': 'Bearer ' + os.environ['OPENAI_API_KEY'], 'Content-Type': 'application/json'}
    try:
        answer = json.loads(urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=60).read())
        print(url, answer['choices'][0]['message']['content'])
    except Exception as e:
        print(url, type(e).__name__, e, 'at once' if time.time() - begun < 2 else 'after a while')
ask('https://api.openai.com/v1/chat/completions')
ask('https://openrouter.ai/api/v1/chat/completions')
ask('https://huggingface.co/')
PY
python3 /tmp/ask.py
env -u SSL_CERT_FILE python3 /tmp/ask.py | sed 's/^/without variables: /'
cat /etc/hosts
ls /home/.podium
touch /etc/hosts && echo 'hosts can be written'
cp /home/data/sample_submission.csv /home/submission/submission.csv
)sh";

TEST_F(ProgramsTest, AnAddressThatIsBuiltInLeadsToTheGateway) {
  ModelServer server([](int, const ReceivedRequest&) { return WholeText("answered"); });
  std::string agent = ProgramAgent("wired", kHardWired);
  auto r = Run(agent, "tls",
               {"--set", "gateway.models=scripted", "--set",
                "gateway.catalogue=" + Catalogue(server.base_url())});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  std::string output = Output("tls", "wired");
  EXPECT_THAT(output, HasSubstr("https://api.openai.com/v1/chat/completions answered"));
  EXPECT_THAT(output, HasSubstr("https://openrouter.ai/api/v1/chat/completions answered"));
  EXPECT_THAT(output,
              HasSubstr("without variables: https://api.openai.com/v1/chat/completions answered"));
  EXPECT_THAT(output, HasSubstr("https://huggingface.co/ URLError"));
  EXPECT_THAT(output, Not(HasSubstr("after a while"))) << "other names fail at once";
  EXPECT_THAT(output, HasSubstr("127.0.0.1 api.openai.com"));
  EXPECT_THAT(output, Not(HasSubstr("hosts can be written")));
  EXPECT_EQ(Verdict("tls", "wired")["models"]["requests"], 4);
  EXPECT_TRUE(EventBodies(TrialDir("tls", "wired"), "service").empty());
  for (const auto& request : server.requests())
    EXPECT_EQ(request.authorization, "Bearer sk-real-9876543210");
}

TEST_F(ProgramsTest, ASettingLeavesTheVendorsNamesAlone) {
  ModelServer server([](int, const ReceivedRequest&) { return WholeText("answered"); });
  std::string agent = ProgramAgent("wired", kHardWired);
  auto r = Run(agent, "off",
               {"--set", "gateway.models=scripted", "--set", "gateway.tls=off", "--set",
                "gateway.catalogue=" + Catalogue(server.base_url())});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_THAT(Output("off", "wired"),
              HasSubstr("https://api.openai.com/v1/chat/completions URLError"));
  EXPECT_THAT(Output("off", "wired"), Not(HasSubstr("127.0.0.1 api.openai.com")));
  EXPECT_TRUE(server.requests().empty());
  auto wrong = Run(agent, "wrong", {"--set", "gateway.models=scripted", "--set", "gateway.tls=on"});
  EXPECT_EQ(wrong.exit_code, 2) << wrong.err;
  EXPECT_THAT(wrong.out + wrong.err, HasSubstr("'gateway.tls' is auto or off"));
}

TEST_F(ProgramsTest, GvisorAndOtherRuntimesAnswerUnderTheVendorsNamesToo) {
  ModelServer server([](int, const ReceivedRequest&) { return WholeText("answered"); });
  std::string agent = ProgramAgent("wired", kHardWired);
  for (const std::string runtime : {"crun", "runsc"}) {
    if (FindProgram(runtime).empty()) continue;
    auto r = Run(agent, runtime,
                 {"--set", "gateway.models=scripted", "--set", "sandbox=" + runtime, "--set",
                  "gateway.catalogue=" + Catalogue(server.base_url())});
    ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
    EXPECT_THAT(Output(runtime, "wired"),
                HasSubstr("https://api.openai.com/v1/chat/completions answered"))
        << runtime;
  }
}

// MLE-bench's contract: words, names in both styles, variables, a home to write in, instructions.
TEST_F(ProgramsTest, ArgumentsVariablesAndInstructionsReachStartSh) {
  constexpr const char* kEcho = R"sh(
printf '<%s>' "$@"; echo
echo "MODE=$MODE LIMIT=$TIME_LIMIT_SECS STEPS=$STEP_LIMIT"
[ "$HF_TOKEN" = hf_secret_12345678 ] && echo 'the token is there'
echo "and said: $HF_TOKEN"
cat /home/instructions.txt
sed -i 's/good/better/' /home/instructions.txt && cat /home/instructions.txt
echo kept > /home/logs/own.log
touch /home/data/x 2> /dev/null || echo 'data cannot be written'
cp /home/data/sample_submission.csv /home/submission/submission.csv
)sh";
  std::string agent = ProgramAgent("args", kEcho);
  std::string yaml = *ReadFile(agent);
  std::string options =
      "  folder: args\n  args: [--fast, \"a b,c\"]\n  kwargs: {agent.steps: 5}\n"
      "  env: {MODE: quick, HF_TOKEN: \"${{ secrets.HF_TOKEN }}\", TIME_LIMIT_SECS: 1}\n"
      "  instructions: mine.txt\nbudget: {wall: 100 s, nodes: 7}\n";
  ASSERT_TRUE(
      WriteFileAtomic(agent, yaml.substr(0, yaml.find("program: {")) + "program:\n" + options));
  ASSERT_TRUE(WriteFileAtomic(dir() / "agents" / "mine.txt", "Be good.\n"));
  std::vector<std::string> args = {"run",    "--task", Task(),  "--agent",           agent,
                                   "--name", "args",   "--set", "allow_env=HF_TOKEN"};
  auto unset = Podium(args);
  EXPECT_EQ(unset.exit_code, 2) << unset.out;
  EXPECT_THAT(unset.err, HasSubstr("args.yaml"));
  EXPECT_THAT(unset.err, HasSubstr("'HF_TOKEN' needs the variable HF_TOKEN"));
  auto r = Podium(args, {{"HF_TOKEN", "hf_secret_12345678"}});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  std::string output = Output("args", "args");
  EXPECT_THAT(output, HasSubstr("<--fast><a b,c><agent.steps=5>\n"));
  EXPECT_THAT(output, testing::ContainsRegex("MODE=quick LIMIT=(79|80) STEPS=7\n"))
      << "Podium's own word counts";
  EXPECT_THAT(output, HasSubstr("the token is there\nand said: [key]\nBe good.\nBe better.\n"));
  EXPECT_THAT(output, HasSubstr("data cannot be written"));
  EXPECT_EQ(*ReadFile(TrialDir("args", "args") / "logs" / "own.log"), "kept\n");
  for (const auto& e : fs::recursive_directory_iterator(runs())) {
    if (!e.is_regular_file()) continue;
    EXPECT_EQ(ReadFile(e.path())->find("hf_secret"), std::string::npos) << e.path();
  }
  EXPECT_THAT(*ReadFile(runs() / "args" / "lock.json"), HasSubstr("secrets.HF_TOKEN"));
  // A changed text is another agent.
  ASSERT_TRUE(WriteFileAtomic(dir() / "agents" / "mine.txt", "Be bad.\n"));
  auto again = Podium(args, {{"HF_TOKEN", "hf_secret_12345678"}});
  EXPECT_EQ(again.exit_code, 2) << again.out << again.err;
}

// A program that ends early is run again, and the verdict says that it was.
TEST_F(ProgramsTest, ItIsRunAgainUntilItsTimeIsOver) {
  constexpr const char* kCounts = R"sh(
echo "round $PODIUM_ROUND: $PODIUM_REPROMPT"
grep -c 'Your time is not over' /home/instructions.txt
[ "${PODIUM_ROUND:-1}" -lt 3 ] || sleep 600
cp /home/data/sample_submission.csv /home/submission/submission.csv
)sh";
  std::string agent = ProgramAgent("again", kCounts);
  auto r = Run(agent, "again",
               {"--set", "program.reprompt=until-budget", "--set", "budget.wall=20 s", "--set",
                "program.grace=1 s"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json verdict = Verdict("again", "again");
  EXPECT_EQ(verdict["variants"], Json::array({"program.reprompt: until-budget"}));
  EXPECT_THAT(r.out, HasSubstr("was run as a variant (program.reprompt: until-budget)"));
  EXPECT_EQ(verdict["agent"]["end"], "time_limit");
  EXPECT_EQ(verdict["grade"]["verdict"], "scored");
  auto rounds = EventBodies(TrialDir("again", "again"), "exec");
  ASSERT_EQ(rounds.size(), 3u);
  EXPECT_EQ(rounds[0]["command"], "start.sh");
  EXPECT_EQ(rounds[0]["output"], "round 1: \n0\n");
  EXPECT_EQ(rounds[1]["command"], "start.sh, round 2");
  EXPECT_THAT(rounds[1]["output"].get<std::string>(), HasSubstr("round 2: Your time is not over."));
  EXPECT_THAT(rounds[2]["output"].get<std::string>(), testing::EndsWith("\n1\n"));
  EXPECT_THAT(*ReadFile(runs() / "again" / "lock.json"), HasSubstr("until-budget"));
  auto once = Run(agent, "once", {"--set", "budget.wall=20 s"});
  ASSERT_EQ(once.exit_code, 0) << once.err;
  EXPECT_FALSE(Verdict("once", "again").contains("variants"));
  EXPECT_EQ(EventBodies(TrialDir("once", "again"), "exec").size(), 1u);
  auto wrong = Run(agent, "wrong", {"--set", "program.reprompt=always"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("'program.reprompt' is off or until-budget"));
}

// A small agent that speaks the Agent Client Protocol.
constexpr const char* kAcpAgent = R"sh(
cat > /tmp/acp.py <<'PY'
import json, shutil, sys
def send(**m):
    print(json.dumps(dict(m, jsonrpc='2.0')), flush=True)
def update(**u):
    send(method='session/update', params={'sessionId': 's1', 'update': u})
rounds = 0
for line in sys.stdin:
    m = json.loads(line)
    if m.get('method') == 'initialize':
        print('hello', file=sys.stderr)
        send(id=m['id'], result={'protocolVersion': 1, 'agentCapabilities': {}})
    elif m.get('method') == 'session/new':
        send(id=m['id'], result={'sessionId': 's1'})
    elif m.get('method') == 'session/prompt':
        rounds += 1
        prompt, text = m['id'], m['params']['prompt'][0]['text']
        for piece in ('prompt of ', str(len(text) > 200), ' size'):
            update(sessionUpdate='agent_message_chunk', content={'type': 'text', 'text': piece})
        update(sessionUpdate='tool_call', toolCallId='c1', title='hand in', status='pending')
        send(id='p1', method='session/request_permission', params={'sessionId': 's1',
             'toolCall': {'toolCallId': 'c1', 'title': 'hand in'}, 'options': [
             {'optionId': 'y', 'name': 'Yes', 'kind': 'allow_once'}, {'optionId': 'n', 'name': 'No', 'kind': 'reject_once'}]})
    elif m.get('id') == 'p1':
        if m['result']['outcome'].get('optionId') == 'y':
            shutil.copy('/home/data/sample_submission.csv', '/home/submission/submission.csv')
        send(id=prompt, result={'stopReason': 'end_turn'})
print('input ended after %d' % rounds, file=sys.stderr)
PY
python3 /tmp/acp.py
)sh";

TEST_F(ProgramsTest, AnAgentOfTheAgentClientProtocolIsPromptedAndItsUpdatesAreKept) {
  std::string agent = ProgramAgent("acp", kAcpAgent);
  auto r = Run(agent, "acp", {"--set", "program.protocol=acp", "--set", "program.grace=2 s"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json verdict = Verdict("acp", "acp");
  EXPECT_EQ(verdict["agent"]["end"], "finished") << verdict["agent"];
  EXPECT_EQ(verdict["grade"]["verdict"], "scored");
  std::vector<std::string> updates;
  for (const Json& one : EventBodies(TrialDir("acp", "acp"), "acp"))
    updates.push_back(one["kind"].get<std::string>() + "=" + one["text"].get<std::string>());
  EXPECT_THAT(updates, testing::ElementsAre("agent_message_chunk=prompt of True size",
                                            "tool_call=hand in: pending", "permission=hand in -> y",
                                            "stop=end_turn"));
  EXPECT_EQ(Output("acp", "acp"), "hello\ninput ended after 1\n") << "what it says beside";
  auto rejected = Run(agent, "rejected",
                      {"--set", "program.protocol=acp", "--set", "program.permission=reject"});
  ASSERT_EQ(rejected.exit_code, 0) << rejected.err;
  EXPECT_EQ(Verdict("rejected", "acp")["grade"]["reason"], "missing");
}

TEST_F(ProgramsTest, AnAgentOfTheProtocolGoesOnInItsSessionAndIsEndedInTheEnd) {
  // It goes on after its input has ended.
  std::string agent = ProgramAgent("stays", std::string(kAcpAgent) + "sleep 600\n");
  auto begun = std::chrono::steady_clock::now();
  auto r = Run(agent, "stays", {"--set", "program.protocol=acp", "--set", "program.grace=1 s"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(Verdict("stays", "stays")["agent"]["end"], "finished");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(60));
  // One that does not speak it.
  std::string mute = ProgramAgent("mute", "echo no protocol; exit 0");
  auto other = Run(mute, "mute", {"--set", "program.protocol=acp"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  Json verdict = Verdict("mute", "mute");
  EXPECT_EQ(verdict["agent"]["end"], "acp_failed");
  EXPECT_THAT(verdict["agent"]["detail"].get<std::string>(), HasSubstr("closed its output"));
}

// An agent's file may be a stranger's: no file of the host's comes into the container by it.
TEST_F(ProgramsTest, InstructionsOfAnAgentsFileLieBesideIt) {
  std::string agent = ProgramAgent("leaks", "true");
  std::string yaml = *ReadFile(agent);
  ASSERT_TRUE(WriteFileAtomic(dir() / "answers.csv", "the answers\n"));
  fs::create_symlink(dir() / "answers.csv", dir() / "agents" / "link.txt");
  for (const std::string file : {"../answers.csv", "/etc/passwd", "link.txt"}) {
    std::string leak = yaml;
    leak.replace(leak.find("snapshot_every"), 0, "instructions: " + file + ", ");
    ASSERT_TRUE(WriteFileAtomic(agent, leak));
    auto r = Run(agent, "leaks");
    EXPECT_EQ(r.exit_code, 2) << file << r.out << r.err;
    EXPECT_THAT(r.err, HasSubstr("leaks.yaml:4")) << file;
  }
}

TEST_F(ProgramsTest, ItsOutputIsFollowedAndItsEndIsTold) {
  constexpr const char* kSaves = R"sh(
cat > /tmp/work.py <<'PY'
import shutil, signal, sys, time
def save(*_):
    shutil.copy('/home/data/sample_submission.csv', '/home/submission/submission.csv')
    print('saved', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print('working', flush=True)
time.sleep(600)
PY
python3 /tmp/work.py
echo 'not reached'
)sh";
  std::string agent = ProgramAgent("saves", kSaves);
  pid_t pid = Start({"run", "--task", Task(), "--agent", agent, "--name", "saves", "--set",
                     "budget.wall=12 s", "--set", "program.grace=1 s"},
                    dir() / "log");
  fs::path log = TrialDir("saves", "saves") / "logs" / "start.sh.log";
  bool followed = false;
  for (int i = 0; i < 600 && !followed; ++i) {
    ::usleep(50'000);
    auto text = ReadFile(log);
    bool running = !fs::exists(TrialDir("saves", "saves") / "verdict.json");
    followed = text && *text == "working\n" && running;
  }
  EXPECT_TRUE(followed) << "seen while it runs";
  EXPECT_EQ(Wait(pid), 0) << ReadFile(dir() / "log").value_or("");
  EXPECT_EQ(*ReadFile(log), "working\nsaved\n");
  Json verdict = Verdict("saves", "saves");
  EXPECT_EQ(verdict["agent"]["end"], "time_limit") << verdict;
  EXPECT_TRUE(verdict["grade"]["score"].is_number()) << "what it saved in its last second counts";
  EXPECT_LT(EventBodies(TrialDir("saves", "saves"), "exec")[0]["wall_ms"], 12'000);
}

TEST_F(ProgramsTest, AnImportedAgentRuns) {
  auto put = [this](const std::string& name, const std::string& text) {
    fs::path at = dir() / "checkout" / name;
    fs::create_directories(at.parent_path());
    ASSERT_TRUE(WriteFileAtomic(at, text));
  };
  put("agents/dummy/config.yaml",
      "defaults: &d\n  start: dummy/start.sh\n  env_vars: {TIME_LIMIT_SECS: 60}\n"
      "dummy:\n  <<: *d\n  kwargs_type: argparse\n  kwargs: {model: gpt-4.1, debug: false}\n");
  put("agents/dummy/start.sh",
      "cat ${AGENT_DIR}/note.txt; echo \"$@\"; cat /home/instructions.txt\n"
      "cp /home/data/sample_submission.csv ${SUBMISSION_DIR}/submission.csv\n");
  put("agents/dummy/note.txt", "a note\n");
  put("environment/instructions.txt", "Their own words.\n");
  auto imported = Podium({"agents", "import", "mle-bench", (dir() / "checkout").string(), "--to",
                          (dir() / "theirs").string(), "--instructions"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_THAT(imported.out, HasSubstr("dummy: podium run --task TASK --agent "));
  auto r = Run((dir() / "theirs" / "dummy.yaml").string(), "theirs");
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(Output("theirs", "dummy"), "a note\n--model gpt-4.1 --debug False\nTheir own words.\n");
}

}  // namespace
}  // namespace podium::tests
