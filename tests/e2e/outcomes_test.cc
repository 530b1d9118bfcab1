// What an agent can bring about is the agent's outcome: a verdict, and its valid submission graded.
#include <gmock/gmock.h>

#include "base/text.h"
#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;

constexpr const char* kGood = R"(import pandas as pd
test = pd.read_csv("/home/data/test.csv")
test["y"] = (test.a > test.b).astype(int)
test[["id", "y"]].to_csv("/home/submission/submission.csv", index=False)
)";

class OutcomesTest : public SandboxedProgram {
 protected:
  // A greedy search whose nodes are these programs, one after the other.
  ProcessResult Search(std::vector<std::string> programs, std::vector<std::string> more = {}) {
    ModelServer server([programs](int number, const ReceivedRequest&) -> ScriptedReply {
      std::size_t at = std::min(static_cast<std::size_t>(number), programs.size() - 1);
      return StreamedText("A plan.\n```python\n" + programs[at] + "```\n");
    });
    std::vector<std::string> args = {"run",
                                     "--task",
                                     Task(),
                                     "--agent",
                                     "greedy",
                                     "--proposer",
                                     "llm",
                                     "--model",
                                     "m",
                                     "--nodes",
                                     std::to_string(programs.size()),
                                     "--name",
                                     "o"};
    args.insert(args.end(), more.begin(), more.end());
    return Podium(args, {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "k-1234567"}});
  }
  fs::path Trial() const { return TrialDir("o", "m-greedy"); }
  std::vector<Json> Nodes() const { return EventBodies(Trial(), "node"); }
  void ExpectScored(const ProcessResult& r, const std::string& agent = "m-greedy") {
    EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
    EXPECT_EQ(Verdict("o", agent)["grade"]["verdict"], "scored") << r.out << r.err;
    EXPECT_EQ(EventBodies(TrialDir("o", agent), "failed").size(), 0u);
  }
  std::uint64_t BytesOf(const fs::path& dir) const {
    std::uint64_t sum = 0;
    for (const auto& e : fs::recursive_directory_iterator(dir)) {
      if (e.is_regular_file()) sum += e.file_size();
    }
    return sum;
  }
};

const std::string kScore = "print('Validation score: 0.5')\n";

// R6
TEST_F(OutcomesTest, AFolderWhereTheNextProgramWouldLieHindersNothing) {
  std::string plant =
      "import os\nfor i in range(9): os.makedirs(f'/home/code/node_{i}.py', exist_ok=True)\n"
      "os.chmod('/home/code', 0)\n";
  ExpectScored(
      Search({kGood + plant + kScore, kGood + std::string("print('Validation score: 0.9')\n")}));
  ASSERT_EQ(Nodes().size(), 2u);
  EXPECT_EQ(Nodes()[1]["fault"], "") << Nodes()[1];
}

// R7: it happens to honest agents too.
TEST_F(OutcomesTest, AFullDiskIsANodesFaultAndTheEarlierFileIsGraded) {
  std::string fill =
      "import os\nf = open('/home/code/big', 'wb')\ntry:\n  while True: f.write(b'x' * 65536); "
      "f.flush()\n"
      "except OSError: pass\ntry:\n  for i in range(10**6): open(f'/home/code/{i}', 'w').close()\n"
      "except OSError: pass\n";
  ExpectScored(Search({kGood + fill + kScore, kGood + kScore, kGood + kScore},
                      {"--set", "limits.disk=32 MiB"}));
}

// R25
TEST_F(OutcomesTest, AFileThatAnEarlierNodeProtectedIsNotCreditedToALaterOne) {
  std::string protect =
      "import os\nos.chmod('/home/submission/submission.csv', 0o444)\nos.chmod('/home/submission', "
      "0o555)\n";
  ExpectScored(Search({kGood + protect + kScore, "print('Validation score: 0.99')\n"}));
  ASSERT_EQ(Nodes().size(), 2u);
  EXPECT_EQ(Nodes()[1]["fault"], "no_submission") << Nodes()[1];
}

// R10, R11: two GiB of holes used one KiB inside, and 4 GiB of the host's disk.
TEST_F(OutcomesTest, AFileOfHolesCostsTheHostNothing) {
  std::string holes =
      "f = open('/home/submission/submission.csv', 'wb')\nf.write(b'id,y\\n')\nf.truncate(2**31 - "
      "1)\n";
  auto r =
      Search({holes + kScore, holes + kScore, holes + kScore}, {"--set", "limits.disk=64 MiB"});
  EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
  for (const Json& node : Nodes())
    EXPECT_THAT(node["fault"].get<std::string>(), testing::AnyOf("sparse", "too_large"));
  EXPECT_LT(BytesOf(Trial()), 1u << 20);
  std::string agent = ProgramAgent(
      "sparse",
      "printf 'id,y\\n' > submission.csv; truncate -s 2147483647 submission.csv; sleep 3");
  auto program = Podium(
      {"run", "--task", Task(), "--agent", agent, "--name", "p", "--set", "limits.disk=64 MiB"});
  EXPECT_EQ(program.exit_code, 0) << program.err;
  EXPECT_EQ(Verdict("p", "sparse")["grade"]["verdict"], "invalid");
  EXPECT_LT(BytesOf(TrialDir("p", "sparse")), 1u << 20);
}

TEST_F(OutcomesTest, NodesThatAreNoUseLeaveNoFileBehind) {
  std::string wrong =
      "open('/home/submission/submission.csv', 'w').write('id,z\\n' + 'x,1\\n' * 200000)\n";
  ExpectScored(Search({wrong + kScore, wrong + kScore, kGood + kScore}));
  EXPECT_LT(BytesOf(Trial() / "snapshots"), 100'000u);
}

// R4, R5: the same submission without it was counted; with it the trial had no verdict.
TEST_F(OutcomesTest, AnAgentThatAttacksPidOneIsGradedLikeAnyOther) {
  const std::string attack = R"(cp /home/data/sample_submission.csv submission.csv
cat > /tmp/x.py <<'PY'
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
for resource in range(16):
    libc.prlimit(1, resource, (ctypes.c_ulong * 2)(0, 0), None)
libc.setpriority(0, 1, 19)
try: os.sched_setaffinity(1, {0})
except OSError: pass
for s in (9, 19, 15, 2, 6):
    try: os.kill(1, s)
    except OSError: pass
PY
python3 /tmp/x.py
head -c 3000000 /dev/zero | tr '\0' 'x')";
  std::string agent = ProgramAgent("attacker", attack);
  auto r = Podium(
      {"run", "--task", Task(), "--agent", agent, "--agent", "sample-submission", "--name", "o"});
  ExpectScored(r, "attacker");
  EXPECT_EQ(Verdict("o", "attacker")["grade"]["score"],
            Verdict("o", "sample-submission")["grade"]["score"]);
}

// Ten further ways to look like a broken machine. Each leaves a submission, and each is graded.
TEST_F(OutcomesTest, AnAgentThatSpoilsItsSandboxIsGradedLikeAnyOther) {
  const std::map<std::string, std::string> kSpoilers = {
      {"clock",
       "touch -d 2100-01-01 submission.csv; date -s 2100-01-01; python3 -c \"import os; "
       "os.utime('submission.csv', ns=(-2**62, -2**62))\"; chmod 0 submission.csv"},
      {"daemon",
       "for i in $(seq 20); do setsid sh -c 'trap \"\" TERM HUP INT; while :; do echo x; done' & "
       "done; exec 1>&- 2>&-; kill -9 $PPID; exit 255"},
      {"deep",
       "python3 - <<'P'\nimport os\nos.chdir('/home/code')\nfor i in range(300): os.mkdir('d' * "
       "200); "
       "os.chdir('d' * 200); open('f', 'w').close()\nos.chdir('/home/logs')\nfor i in range(3000): "
       "os.mkdir('x'); os.chdir('x')\nP"},
      {"fill",
       "for f in /tmp/x /dev/shm/x /home/logs/x; do head -c 1000000000 /dev/zero > $f; done; for i "
       "in $(seq 50000); do : > /home/code/$i || break; done"},
      {"lease",
       "python3 - <<'P'\nimport fcntl, signal, time\nsignal.signal(signal.SIGIO, "
       "signal.SIG_IGN)\nkept = [open('submission.csv', 'r+'), open('/home/logs/a', 'w')]\nfor f "
       "in "
       "kept: fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)\ntime.sleep(4)\nP"},
      {"limits",
       "python3 - <<'P'\nimport ctypes, os, resource\nctypes.CDLL(None).ptrace(16, 1, 0, 0)\nfor r "
       "in "
       "range(16):\n  try: resource.setrlimit(r, (0, 0))\n  except Exception: pass\nfor s in "
       "range(1, 65):\n  if s not in (9, 19): os.kill(-1, s)\nP"},
      {"names",
       "python3 - <<'P'\nimport os\nfor d in (b'/home/code/', b'/home/logs/'):\n  for n in "
       "(b'\\xff\\xfe', b'a\\nb\"c', b'\\x1b[2J', b'x' * 255): open(d + n, "
       "'w').close()\nos.write(1, "
       "bytes(range(256)) * 99)\nP"},
      {"pids",
       "python3 - <<'P'\nimport os, time\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid(); "
       "time.sleep(60)\n  except OSError: time.sleep(0.01)\nP"},
      {"stop", "sleep 100 & kill -STOP $!; kill -STOP -1; kill -STOP $$"},
      {"swap",
       "mv /home/.podium /home/p; rm -rf /home/.podium; mkdir /home/.podium; for f in code logs; "
       "do "
       "mv /home/$f /home/old-$f; ln -s /proc/1/root /home/$f; done; chmod 0 /home/submission "
       "/home"}};
  std::vector<std::string> args = {"run",
                                   "--task",
                                   Task(),
                                   "--name",
                                   "o",
                                   "--jobs",
                                   "2",
                                   "--set",
                                   "budget.wall=8 s",
                                   "--set",
                                   "limits.memory=256MiB",
                                   "--set",
                                   "limits.disk=128MiB",
                                   "--set",
                                   "limits.pids=200"};
  for (const auto& [name, script] : kSpoilers) {
    args.insert(args.end(), {"--agent", ProgramAgent(name,
                                                     "cp /home/data/sample_submission.csv "
                                                     "submission.csv\n" +
                                                         script)});
  }
  auto r = Podium(args);
  for (const auto& [name, script] : kSpoilers) ExpectScored(r, name);
}

TEST_F(OutcomesTest, CodeAndLogsAreTakenOutAndNoLinkIsFollowed) {
  std::string agent = ProgramAgent("keeper", R"(cp /home/data/sample_submission.csv submission.csv
echo hello > /home/logs/a.log; mkdir /home/code/src; echo code > /home/code/src/main.py
ln -s /etc/shadow /home/logs/shadow; mkfifo /home/logs/pipe; truncate -s 1G /home/logs/holes)");
  auto r = Podium({"run", "--task", Task(), "--agent", agent, "--name", "o"});
  ExpectScored(r, "keeper");
  fs::path trial = TrialDir("o", "keeper");
  EXPECT_EQ(*ReadFile(trial / "logs" / "a.log"), "hello\n");
  EXPECT_EQ(*ReadFile(trial / "code" / "src" / "main.py"), "code\n");
  for (const char* name : {"shadow", "pipe", "holes"})
    EXPECT_FALSE(fs::exists(fs::symlink_status(trial / "logs" / name))) << name;
  auto taken = EventBodies(trial, "taken");
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[1]["left_out"], 3) << taken[1];
}

TEST_F(OutcomesTest, AFileOfAnotherNameIsNamed) {
  std::string agent = ProgramAgent("near", "cp /home/data/sample_submission.csv Submission.csv");
  auto r = Podium({"run", "--task", Task(), "--agent", agent, "--name", "o"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(Verdict("o", "near")["grade"]["detail"].get<std::string>(),
              HasSubstr("'Submission.csv' lies there"));
}

}  // namespace
}  // namespace podium::tests
