// A trial that is done again from its record: what makes it equal, and what stops it.
#include "base/digest.h"
#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"
#include "tests/support/tiny_task.h"

namespace podium::tests {
namespace {

std::string Fenced(const std::string& code) { return "A plan.\n```python\n" + code + "```\n"; }

std::string Scored(const std::string& score) {
  return std::string(kTinySolution) + "print('Validation score: " + score + "')\n";
}

std::string JobCall(const std::string& command) {
  return DumpJson(Json{{"command", command}, {"background", true}});
}

class ReplayTest : public SandboxedProgram {
 protected:
  // A search of which each program is the next of `programs`, the last one again and again.
  void Search(std::vector<std::string> programs, std::vector<std::string> more = {}) {
    ModelServer server([&](int number, const ReceivedRequest&) {
      auto at = std::min(static_cast<std::size_t>(number), programs.size() - 1);
      return StreamedText(Fenced(programs[at]));
    });
    std::vector<std::string> args = {"run",        "--task", Task(),    "--agent", "greedy",
                                     "--proposer", "llm",    "--model", "m",       "--nodes",
                                     "3",          "--name", "l"};
    args.insert(args.end(), more.begin(), more.end());
    auto ran = Podium(args, {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-1"}});
    ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
  // Its server is down by now, and there is no key.
  ProcessResult Replay(std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"replay", "l"};
    args.insert(args.end(), more.begin(), more.end());
    return Podium(args, {{"OPENAI_BASE_URL", "http://127.0.0.1:9/v1"}});
  }
  fs::path Trial() const { return TrialDir("l", "m-greedy"); }
  fs::path OneOf(const char* folder, const std::string& ending) const {
    for (const auto& e : fs::directory_iterator(Trial() / folder)) {
      if (e.path().string().ends_with(ending)) return e.path();
    }
    return {};
  }
  // The k-th byte from the end is another one.
  static void ChangeByte(const fs::path& file, std::size_t k) {
    std::string bytes = *ReadFile(file);
    ASSERT_GT(bytes.size(), k);
    bytes[bytes.size() - 1 - k] ^= 1;
    ASSERT_TRUE(WriteFileAtomic(file, bytes));
  }
  void ExpectStoppedAt(const std::string& file, const std::string& says) {
    auto r = Replay();
    EXPECT_EQ(r.exit_code, 7) << r.out << r.err;
    EXPECT_NE(r.err.find(file), std::string::npos) << r.err;
    EXPECT_NE(r.err.find(says), std::string::npos) << r.err;
    EXPECT_FALSE(fs::exists(runs() / "replays")) << "it went on";
  }
};

TEST_F(ReplayTest, ASearchIsEqualWithTheServerOffAndLeavesNothing) {
  Search({Scored("0.5"), "raise ValueError('no')\n", Scored("0.9")});
  auto r = Replay({"--json"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json result = *ParseJson(r.out, "replay");
  EXPECT_EQ(result["schema"], "podium-replay/1");
  EXPECT_EQ(result["equal"], true);
  EXPECT_EQ(result["nodes"], 3);
  EXPECT_GE(result["requests"], 3);
  EXPECT_EQ(result["requests"], result["answers_checked"]);
  EXPECT_EQ(result["grade"], "scored");
  EXPECT_TRUE(result["kept"].is_null());
  EXPECT_TRUE(fs::is_empty(runs() / "replays"));
  EXPECT_EQ(Podium({"verify", "l"}).exit_code, 0) << "the run itself is as it was";
}

TEST_F(ReplayTest, AProgramThatTheTimeCutIsCutThereAgain) {
  Search({"import time\nprint('begun', flush=True)\ntime.sleep(600)\n", Scored("0.9")},
         {"--exec-limit", "3s"});
  ASSERT_EQ(EventBodies(Trial(), "node")[0]["fault"], "time_limit");
  auto r = Replay();
  EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
}

// Nodes began and ended in another order than they were chosen in; the record's is followed.
TEST_F(ReplayTest, ASearchOfSeveralWorkersIsEqual) {
  std::string slow = "import time\ntime.sleep(2)\n" + Scored("0.6");
  Search({slow, Scored("0.5"), Scored("0.7"), slow, Scored("0.8")},
         {"--set", "search.workers=2", "--set", "budget.nodes=5"});
  auto nodes = EventBodies(Trial(), "node");
  ASSERT_EQ(nodes.size(), 5u);
  auto r = Replay();
  EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
}

TEST_F(ReplayTest, AProgramThatDoesNotDoTheSameTwiceIsNamed) {
  Search({Scored("0.5"), "import time\nprint('at', time.time_ns())\n" + Scored("0.9")});
  auto r = Replay();
  ASSERT_EQ(r.exit_code, 7) << r.out << r.err;
  EXPECT_NE(r.out.find("node 1, what its program printed, line 1"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("does not do the same twice"), std::string::npos) << r.out;
  fs::path kept = runs() / "replays";
  ASSERT_FALSE(fs::is_empty(kept)) << "to be looked at";
  fs::path again = fs::directory_iterator(kept)->path() / "trials/tiny/m-greedy/s0";
  EXPECT_EQ(EventBodies(again, "node").size(), 2u) << "it stops at the first difference";
}

TEST_F(ReplayTest, AnAnswerThatWasChangedStopsIt) {
  Search({Scored("0.5")});
  ChangeByte(OneOf("llm", ".response.zst"), 20);
  ExpectStoppedAt(".response.zst", "is not what was stored");
}

TEST_F(ReplayTest, AProgramThatWasChangedStopsIt) {
  Search({Scored("0.5")});
  ChangeByte(OneOf("code", "node_1.py"), 5);
  ExpectStoppedAt("node_1.py", "is not the program that the journal has");
}

TEST_F(ReplayTest, AJournalThatWasChangedStopsIt) {
  Search({Scored("0.5")});
  std::string text = *ReadFile(Trial() / "journal.jsonl");
  auto at = text.find("0.5");
  ASSERT_NE(at, std::string::npos);
  text[at] = '1';
  ASSERT_TRUE(WriteFileAtomic(Trial() / "journal.jsonl", text));
  auto r = Replay();
  EXPECT_NE(r.exit_code, 0);
  EXPECT_NE(r.err.find("journal.jsonl"), std::string::npos) << r.err;
}

TEST_F(ReplayTest, AnImageThatIsAnotherStopsIt) {
  Search({Scored("0.5")});
  std::string lock = *ReadFile(runs() / "l/lock.json");
  Json json = *ParseJson(lock, "lock.json");
  std::string digest = json["image"]["digest"];
  std::string other = digest;
  other[0] = other[0] == 'a' ? 'b' : 'a';
  lock.replace(lock.find(digest), digest.size(), other);
  ASSERT_TRUE(WriteFileAtomic(runs() / "l/lock.json", lock));
  auto r = Replay();
  EXPECT_EQ(r.exit_code, 7) << r.out << r.err;
  EXPECT_NE(r.err.find("another than the run's"), std::string::npos) << r.err;
}

// What a build with other prompts would ask.
TEST_F(ReplayTest, ARequestThatIsNotInTheRecordIsShownBesideTheNearest) {
  Search({Scored("0.5")});
  std::string plan = *ReadFile(runs() / "l/plan.json");
  Json json = *ParseJson(plan, "plan.json");
  json["agents"][0]["settings"]["llm.temperature"] = {
      {"value", "1.5"}, {"layer", "flag"}, {"origin", "a test"}};
  ASSERT_TRUE(WriteFileAtomic(runs() / "l/plan.json", json.dump()));
  auto r = Replay();
  ASSERT_EQ(r.exit_code, 7) << r.out << r.err;
  EXPECT_NE(r.out.find("temperature"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("1.5"), std::string::npos) << r.out;
}

TEST_F(ReplayTest, ATrialIsNamedAndOthersAreSuggested) {
  Search({Scored("0.5")}, {"--seeds", "2"});
  auto none = Podium({"replay", "l/tiny/m-greedy/s7"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_NE(none.err.find("tiny/m-greedy/s1"), std::string::npos) << none.err;
  EXPECT_EQ(Podium({"replay", "l"}).exit_code, 2) << "two trials";
  EXPECT_EQ(Podium({"replay", "tiny/m-greedy/s1"}).exit_code, 0) << "of the newest run";
  EXPECT_EQ(Podium({"replay", Trial().string()}).exit_code, 0) << "by its folder";
}

// The first two nodes of the parent stand; the third is asked for anew, at another temperature.
TEST_F(ReplayTest, AForkGoesOnFromANodeWithOtherSettings) {
  Search({Scored("0.5"), "raise ValueError('no')\n", Scored("0.9")});
  ModelServer server(
      [](int, const ReceivedRequest&) { return StreamedText(Fenced(Scored("0.95"))); });
  std::map<std::string, std::string> env = {{"OPENAI_BASE_URL", server.base_url()},
                                            {"OPENAI_API_KEY", "sk-1"}};
  auto r = Podium({"fork", "l", "--at-step", "2", "--set", "llm.temperature=1.5", "--set",
                   "budget.nodes=4", "--name", "f"},
                  env);
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  fs::path fork = TrialDir("f", "m-greedy-fork");
  auto nodes = EventBodies(fork, "node");
  ASSERT_EQ(nodes.size(), 4u);
  auto parents = EventBodies(Trial(), "node");
  EXPECT_EQ(nodes[0], parents[0]);
  EXPECT_EQ(nodes[1], parents[1]);
  EXPECT_EQ(nodes[2]["score"], 0.95);
  ASSERT_EQ(server.requests().size(), 2u) << "nobody was asked for the parent's nodes";
  EXPECT_NE(server.requests()[0].body.find("\"temperature\":1.5"), std::string::npos);
  EXPECT_EQ(EventBodies(fork, "forked")[0]["trial"], "tiny/m-greedy/s0");
  EXPECT_EQ(EventBodies(fork, "rebuilt")[0], (Json{{"nodes", 2}, {"different", Json::array()}}));
  EXPECT_EQ(Verdict("f", "m-greedy-fork")["grade"]["verdict"], "scored");
  Json status = *ParseJson(Podium({"status", "f", "--json"}).out, "status");
  EXPECT_EQ(status["trials"][0]["forked_from"]["step"], 2);
  auto verified = Podium({"verify", "f"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  EXPECT_NE(verified.out.find("forked: its first 2 nodes"), std::string::npos) << verified.out;
  auto again = Podium({"replay", "f"}, {});
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
}

// A program of a node that stays has left what a later one needs.
TEST_F(ReplayTest, AForkFindsTheWorkspaceAsItWas) {
  std::string keeps = "open('/home/code/kept.txt', 'w').write('seven')\n" + Scored("0.5");
  std::string reads = "print('kept', open('/home/code/kept.txt').read())\n" + Scored("0.9");
  Search({keeps, Scored("0.6")});
  ModelServer server([&](int, const ReceivedRequest&) { return StreamedText(Fenced(reads)); });
  auto r = Podium({"fork", "l", "--at-step", "1", "--set", "budget.nodes=2", "--name", "f"},
                  {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-1"}});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  auto nodes = EventBodies(TrialDir("f", "m-greedy-fork"), "node");
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes[1]["end"], "exited");
  EXPECT_NE(std::string(nodes[1]["output"]).find("kept seven"), std::string::npos) << nodes[1];
}

// Each program writes what no second run of it would.
std::string Marks(const std::string& name, const std::string& score) {
  return "import time\nopen('/home/code/" + name +
         "', 'w').write(str(time.time_ns()))\n"
         "import os\nfor f in sorted(os.listdir('/home/code')):\n"
         "    if f.endswith('.mark'): print(f, open('/home/code/' + f).read())\n" +
         Scored(score);
}

class ForkLayersTest : public ReplayTest {
 protected:
  ProcessResult ForkAt(int step, const std::string& name, const std::string& program,
                       std::vector<std::string> more = {}) {
    ModelServer server([&](int, const ReceivedRequest&) { return StreamedText(Fenced(program)); });
    std::vector<std::string> args = {"fork",      "l",
                                     "--at-step", std::to_string(step),
                                     "--name",    name,
                                     "--set",     "llm.temperature=1.5",
                                     "--set",     "budget.nodes=" + std::to_string(step + 1)};
    args.insert(args.end(), more.begin(), more.end());
    return Podium(args, {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-1"}});
  }
  Json Rebuilt(const std::string& run) const {
    return EventBodies(TrialDir(run, "m-greedy-fork"), "rebuilt").at(0);
  }
  std::string PrintedLast(const std::string& run) const {
    return EventBodies(TrialDir(run, "m-greedy-fork"), "node").back()["output"];
  }
};

TEST_F(ForkLayersTest, WhereEachLayerIsKeptNoProgramRunsAgain) {
  Search({Marks("a.mark", "0.5"), Marks("b.mark", "0.6"), Marks("c.mark", "0.7")},
         {"--set", "keep.layers=all"});
  auto layers = EventBodies(Trial(), "layer");
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[0]["below"], -1);
  EXPECT_EQ(layers[2]["below"], 1);
  for (int i = 0; i < 3; ++i) {
    fs::path file = Trial() / ("layers/" + std::to_string(i) + ".tar.zst");
    EXPECT_EQ(layers[static_cast<std::size_t>(i)]["digest"], DigestFile(file)->hex());
  }
  auto r = ForkAt(2, "f", Marks("d.mark", "0.9"));
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(Rebuilt("f"), (Json{{"nodes", 0}, {"different", Json::array()}, {"restored", 1}}));
  std::string parents = EventBodies(Trial(), "node")[1]["output"];
  std::string marks = parents.substr(0, parents.find("Validation"));
  EXPECT_NE(marks.find("b.mark"), std::string::npos) << marks;
  EXPECT_EQ(PrintedLast("f").find(marks), 0u) << PrintedLast("f") << "and not\n" << marks;
  EXPECT_EQ(PrintedLast("f").find("c.mark"), std::string::npos) << "a later node's is not there";
  auto again = Podium({"replay", "f"}, {});
  EXPECT_EQ(again.exit_code, 7) << "its new program prints the time: " << again.out;
  EXPECT_NE(again.out.find("differs at node 2"), std::string::npos)
      << "what it stands on is the same: " << again.out;
}

TEST_F(ForkLayersTest, TheLastIsKeptUnlessSaidOtherwise) {
  Search({Marks("a.mark", "0.5"), Scored("0.6")});
  ASSERT_EQ(EventBodies(Trial(), "layer").size(), 1u);
  EXPECT_EQ(EventBodies(Trial(), "layer")[0]["step"], 2);
  ASSERT_EQ(ForkAt(3, "end", Marks("d.mark", "0.9")).exit_code, 0);
  EXPECT_EQ(Rebuilt("end"), (Json{{"nodes", 0}, {"different", Json::array()}, {"restored", 2}}));
  std::string mark = std::string(EventBodies(Trial(), "node")[0]["output"]).substr(0, 26);
  EXPECT_EQ(PrintedLast("end").find(mark), 0u) << PrintedLast("end") << mark;
  ASSERT_EQ(ForkAt(1, "early", Marks("d.mark", "0.9")).exit_code, 0);
  EXPECT_EQ(Rebuilt("early")["nodes"], 1) << "no layer of it is kept";
}

// The whole of /home, as a program of the fork sees it.
TEST_F(ForkLayersTest, ALayerIsWhatRunningAgainGives) {
  std::string steps =
      "import os\nos.makedirs('/home/code/d', exist_ok=True)\n"
      "open('/home/code/d/f', 'a').write('x')\n"
      "os.symlink('d/f', '/home/agent/l') if not os.path.islink('/home/agent/l') "
      "else os.remove('/home/agent/l')\n";
  Search({steps + Scored("0.5"), steps + Scored("0.6"), steps + Scored("0.7")},
         {"--set", "keep.layers=all"});
  std::string look =
      "import subprocess\nprint(subprocess.run(['bash', '-c', 'cd /home; find . -path ./data "
      "-prune "
      "-o -path ./.podium -prune -o -path ./submission -prune -o -printf \"%p %y %m %U %l\\\\n\"; "
      "cat code/d/f'], capture_output=True, text=True).stdout)\n" +
      Scored("0.9");
  ASSERT_EQ(ForkAt(3, "kept", look).exit_code, 0);
  fs::remove_all(Trial() / "layers");
  ASSERT_EQ(ForkAt(3, "again", look).exit_code, 0) << "without the files";
  EXPECT_EQ(Rebuilt("kept")["restored"], 2);
  EXPECT_EQ(Rebuilt("again")["nodes"], 3);
  EXPECT_NE(PrintedLast("kept").find("xxx"), std::string::npos) << PrintedLast("kept");
  EXPECT_NE(PrintedLast("kept").find("./code/d/f f 644 1000 "), std::string::npos)
      << PrintedLast("kept");
  EXPECT_EQ(PrintedLast("kept"), PrintedLast("again"));
}

TEST_F(ForkLayersTest, ALayerThatWasChangedIsRefusedByName) {
  Search({Marks("a.mark", "0.5")}, {"--set", "keep.layers=all"});
  ChangeByte(Trial() / "layers/1.tar.zst", 30);
  auto r = ForkAt(2, "f", Scored("0.9"));
  EXPECT_NE(r.exit_code, 0) << r.out;
  EXPECT_NE(r.err.find("layers/1.tar.zst is not the layer that was kept"), std::string::npos)
      << r.err;
  auto before = ForkAt(1, "g", Scored("0.9"));
  EXPECT_EQ(before.exit_code, 0) << "which does not stand on it: " << before.err;
}

TEST_F(ForkLayersTest, OfSeveralWorkersEachNodesIsKept) {
  Search({Marks("a.mark", "0.5"), Marks("b.mark", "0.6"), Marks("c.mark", "0.7"),
          Marks("d.mark", "0.8")},
         {"--set", "search.workers=2", "--set", "budget.nodes=4", "--set", "keep.layers=all"});
  ASSERT_EQ(EventBodies(Trial(), "layer").size(), 4u);
  for (const Json& layer : EventBodies(Trial(), "layer")) EXPECT_FALSE(layer.contains("failed"));
  auto r = ForkAt(4, "f", Marks("e.mark", "0.9"), {"--set", "search.workers=2"});
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(Rebuilt("f")["nodes"], 0);
  auto nodes = EventBodies(TrialDir("f", "m-greedy-fork"), "node");
  ASSERT_EQ(nodes.size(), 5u);
  int parent = nodes[4]["parents"].empty() ? -1 : nodes[4]["parents"][0].get<int>();
  ASSERT_GE(parent, 0) << "it improves the best";
  std::string printed = nodes[static_cast<std::size_t>(parent)]["output"];
  std::string marks = printed.substr(0, printed.find("Validation"));
  EXPECT_EQ(PrintedLast("f").find(marks), 0u) << PrintedLast("f") << "and not\n" << marks;
}

// A model with tools.
class ForkReactTest : public ReplayTest {
 protected:
  static std::string Bash(const std::string& command) {
    return DumpJson(Json{{"command", command}});
  }
  void Work(std::vector<std::string> more = {}) {
    ModelServer server([](int number, const ReceivedRequest&) {
      if (number == 0)
        return StreamedToolCall("bash", Bash("date +%s%N > /home/code/mark; cat /home/code/mark"));
      if (number == 1) return StreamedToolCall("bash", Bash("mkdir -p sub; cd sub; echo in sub"));
      if (number == 2) return StreamedToolCall("bash", Bash("rm /home/code/mark; echo removed"));
      if (number == 3) return StreamedToolCall("python", Json{{"code", kTinySolution}}.dump());
      return StreamedToolCall("submit", "{}");
    });
    std::vector<std::string> args = {"run",     "--task", Task(),   "--agent", "react",
                                     "--model", "m",      "--name", "l"};
    args.insert(args.end(), more.begin(), more.end());
    auto ran = Podium(args, {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-1"}});
    ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
  // The fork's own answers: a look at the workspace, a solution, the end.
  ProcessResult ForkAt(int step, const std::string& name) {
    requests_.clear();
    ModelServer server([](int number, const ReceivedRequest&) {
      if (number == 0) return StreamedToolCall("bash", Bash("pwd; cat /home/code/mark 2>&1"));
      if (number == 1) return StreamedToolCall("python", Json{{"code", kTinySolution}}.dump());
      return StreamedToolCall("submit", "{}");
    });
    auto out = Podium({"fork", "l", "--at-step", std::to_string(step), "--set",
                       "llm.temperature=1.5", "--name", name},
                      {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-1"}});
    requests_ = server.requests();
    return out;
  }
  fs::path Fork(const std::string& name) const { return TrialDir(name, "m-react-fork"); }
  std::vector<ReceivedRequest> requests_;
};

TEST_F(ForkReactTest, AForkGoesOnInTheMiddleOfTheConversationAndTheWorkspace) {
  Work({"--set", "keep.layers=all"});
  fs::path parent = TrialDir("l", "m-react");
  std::string mark = EventBodies(parent, "tool")[0]["observation"];
  ASSERT_EQ(mark.size(), 20u) << mark;
  auto r = ForkAt(2, "f");
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_EQ(EventBodies(Fork("f"), "rebuilt")[0],
            (Json{{"nodes", 0}, {"different", Json::array()}, {"restored", 1}}));
  auto steps = EventBodies(Fork("f"), "tool");
  ASSERT_EQ(steps.size(), 5u) << "two of the parent's, three of its own";
  EXPECT_EQ(steps[2]["step"], 2);
  EXPECT_EQ(steps[2]["observation"], "/home/code/sub\n" + mark);
  EXPECT_EQ(Verdict("f", "m-react-fork")["grade"]["verdict"], "scored");
  ASSERT_EQ(requests_.size(), 3u) << "nobody was asked for the parent's turns";
  EXPECT_NE(requests_[0].body.find("\"temperature\":1.5"), std::string::npos);
  EXPECT_NE(requests_[0].body.find(mark.substr(0, 19)), std::string::npos) << requests_[0].body;
  EXPECT_NE(requests_[0].body.find("in sub"), std::string::npos);
  EXPECT_EQ(requests_[0].body.find("removed"), std::string::npos) << "what came later";
  auto again = Podium({"replay", "f"}, {{"OPENAI_BASE_URL", "http://127.0.0.1:9/v1"}});
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  EXPECT_NE(Podium({"verify", "f"}).out.find("forked: its first 2"), std::string::npos);
}

TEST_F(ForkReactTest, WithoutALayerItsCommandsRunAgainAndThatIsSaid) {
  Work({"--set", "keep.layers=none"});
  std::string mark = EventBodies(TrialDir("l", "m-react"), "tool")[0]["observation"];
  auto r = ForkAt(2, "f");
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  Json rebuilt = EventBodies(Fork("f"), "rebuilt")[0];
  EXPECT_EQ(rebuilt["nodes"], 2);
  EXPECT_EQ(rebuilt["different"], Json({0})) << "it printed another time";
  auto steps = EventBodies(Fork("f"), "tool");
  std::string seen = steps.at(2)["observation"];
  EXPECT_EQ(seen.find("/home/code/sub\n1"), 0u) << seen;
  EXPECT_EQ(seen.find(mark), std::string::npos) << "the file is the second run's";
  EXPECT_NE(requests_.at(0).body.find(mark.substr(0, 19)), std::string::npos)
      << "the conversation is the first's";
}

TEST_F(ForkReactTest, OneChangedByteStopsIt) {
  Work({"--set", "keep.layers=all"});
  fs::path parent = TrialDir("l", "m-react");
  Json first = EventBodies(parent, "tool")[0];
  fs::path answer = parent / "llm" / (std::string(first["from"]["record"]) + ".response.zst");
  std::string bytes = *ReadFile(answer);
  ChangeByte(answer, 20);
  auto r = ForkAt(2, "f");
  EXPECT_NE(r.exit_code, 0);
  EXPECT_NE(r.err.find(".response.zst"), std::string::npos) << r.err;
  ASSERT_TRUE(WriteFileAtomic(answer, bytes));
  ChangeByte(parent / "layers/1.tar.zst", 12);
  auto layer = ForkAt(2, "g");
  EXPECT_NE(layer.exit_code, 0);
  EXPECT_NE(layer.err.find("layers/1.tar.zst is not the layer"), std::string::npos) << layer.err;
  EXPECT_EQ(ForkAt(1, "h").exit_code, 0) << "which does not stand on it";
}

TEST_F(ForkReactTest, AJobWhoseWorkNoLayerHoldsIsNamed) {
  {
    ModelServer server([](int number, const ReceivedRequest&) {
      if (number == 0) return StreamedToolCall("bash", JobCall("sleep 2; echo done > made"));
      if (number == 1) return StreamedToolCall("bash", Bash("echo beside"));
      if (number == 2) return StreamedToolCall("job_wait", R"({"job": 1})");
      if (number == 3) return StreamedToolCall("python", Json{{"code", kTinySolution}}.dump());
      return StreamedToolCall("submit", "{}");
    });
    auto ran = Podium({"run", "--task", Task(), "--agent", "react", "--model", "m", "--name", "l",
                       "--set", "keep.layers=all"},
                      {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-1"}});
    ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
  auto r = ForkAt(2, "f");
  EXPECT_NE(r.exit_code, 0);
  EXPECT_NE(r.err.find("job 1 was begun at step 0"), std::string::npos) << r.err;
  auto after = ForkAt(4, "g");
  EXPECT_EQ(after.exit_code, 0) << after.err << ": the python step's layer holds what it left";
  EXPECT_EQ(ForkAt(9, "h").exit_code, 2);
}

TEST_F(ReplayTest, WhatCannotBeForkedIsSaid) {
  Search({Scored("0.5")});
  auto far = Podium({"fork", "l", "--at-step", "4"});
  EXPECT_EQ(far.exit_code, 2);
  EXPECT_NE(far.err.find("1 to 3"), std::string::npos) << far.err;
  auto unknown = Podium({"fork", "l", "--at-step", "1", "--set", "llm.temprature=1"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("llm.temperature"), std::string::npos) << unknown.err;
  ASSERT_EQ(Podium({"run", "--task", Task(), "--agent", "nop", "--name", "n"}).exit_code, 0);
  auto none = Podium({"fork", "n", "--at-step", "1"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_NE(none.err.find("no nodes"), std::string::npos) << none.err;
}

TEST_F(ReplayTest, AModelWithToolsIsEqualAndCanBeRead) {
  {
    ModelServer server([](int number, const ReceivedRequest&) {
      if (number == 0)
        return StreamedToolCall("bash", R"({"command": "cd /tmp && ls /home/data"})");
      if (number == 1) return StreamedToolCall("bash", R"({"command": "pwd"})");
      if (number == 2) return StreamedToolCall("python", Json{{"code", kTinySolution}}.dump());
      if (number == 3) return StreamedToolCall("validate", "{}");
      return StreamedToolCall("submit", "{}");
    });
    auto ran = Podium({"run", "--task", Task(), "--agent", "react", "--model", "m", "--name", "l"},
                      {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-1"}});
    ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
  EXPECT_EQ(Verdict("l", "m-react")["grade"]["verdict"], "scored");
  auto steps = EventBodies(TrialDir("l", "m-react"), "tool");
  ASSERT_EQ(steps.size(), 5u);
  EXPECT_NE(std::string(steps[0]["observation"]).find("train.csv"), std::string::npos) << steps[0];
  EXPECT_EQ(steps[1]["observation"], "/tmp\n") << "it begins where the one before ended";
  EXPECT_EQ(steps[3]["observation"], "The submission has the right shape.");
  auto again = Replay();
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  auto trace = Podium({"trace", "l"});
  EXPECT_NE(trace.out.find("submit"), std::string::npos) << trace.out;
  auto one = Podium({"trace", "l", "--node", "2"});
  EXPECT_NE(one.out.find("read_csv"), std::string::npos) << one.out;
  EXPECT_EQ(Podium({"trace", "l", "--node", "9"}).exit_code, 2);
}

// A job that prints as fast or as slowly as the machine is: what the model saw of it is seen again.
TEST_F(ReplayTest, JobsOfAModelWithToolsAreSeenAsFarAsTheyWere) {
  const std::string count =
      "for i in $(seq 1 400); do echo step $i; sleep 0.01; done; "
      "cp /home/data/sample_submission.csv /home/submission/submission.csv";
  {
    ModelServer server([&](int number, const ReceivedRequest&) {
      if (number == 0) return StreamedToolCall("bash", JobCall(count));
      if (number == 1) return StreamedToolCall("bash", JobCall("echo short; setsid sleep 900"));
      if (number == 2) return StreamedToolCall("bash", R"({"command": "sleep 1; echo beside"})");
      if (number == 3) return StreamedToolCall("job_output", R"({"job": 1})");
      if (number == 4) return StreamedToolCall("job_stop", R"({"job": 2})");
      if (number == 5) return StreamedToolCall("job_list", "{}");
      if (number == 6) return StreamedToolCall("job_wait", R"({"job": 1, "timeout_s": 60})");
      return StreamedToolCall("submit", "{}");
    });
    auto ran = Podium({"run", "--task", Task(), "--agent", "react", "--model", "m", "--name", "l"},
                      {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-1"}});
    ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
  fs::path trial = TrialDir("l", "m-react");
  EXPECT_EQ(Verdict("l", "m-react")["grade"]["verdict"], "scored");
  auto steps = EventBodies(trial, "tool");
  ASSERT_EQ(steps.size(), 8u);
  EXPECT_EQ(steps[2]["observation"], "beside\n");
  std::string seen = steps[3]["observation"];
  EXPECT_TRUE(seen.starts_with("step 1\n")) << seen;
  EXPECT_TRUE(seen.ends_with("[job 1: running]")) << seen;
  EXPECT_EQ(steps[4]["observation"], "short\n[job 2: stopped]");
  EXPECT_EQ(std::string(steps[5]["observation"]).find("1: running: for i"), 0u) << steps[5];
  std::string rest = steps[6]["observation"];
  EXPECT_TRUE(rest.ends_with("step 400\n[job 1: exit code 0]")) << rest;
  EXPECT_EQ(EventBodies(trial, "job_started").size(), 2u);
  ASSERT_EQ(EventBodies(trial, "job_ended").size(), 2u);
  EXPECT_EQ(EventBodies(trial, "job_ended")[0]["end"], "stopped");
  EXPECT_EQ(EventBodies(trial, "job_ended")[1]["exit_code"], 0);
  auto again = Replay();
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  auto trace = Podium({"trace", "l"});
  EXPECT_NE(trace.out.find("exited 0"), std::string::npos) << trace.out;
  EXPECT_EQ((*ParseJson(Podium({"trace", "l", "--json"}).out, "trace"))["jobs"].size(), 2u);
}

TEST_F(ReplayTest, AJobThatPrintsSomethingElseIsNamed) {
  {
    ModelServer server([&](int number, const ReceivedRequest&) {
      if (number == 0) return StreamedToolCall("bash", JobCall("date +%s%N"));
      if (number == 1) return StreamedToolCall("job_wait", R"({"job": 1})");
      if (number == 2) return StreamedToolCall("python", Json{{"code", kTinySolution}}.dump());
      return StreamedToolCall("submit", "{}");
    });
    auto ran = Podium({"run", "--task", Task(), "--agent", "react", "--model", "m", "--name", "l"},
                      {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "sk-1"}});
    ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
  auto again = Replay();
  EXPECT_EQ(again.exit_code, 7) << again.out << again.err;
  EXPECT_NE(again.out.find("NOT EQUAL"), std::string::npos) << again.out;
}

TEST_F(ReplayTest, ATraceShowsNodesAndOneWithAllOfIt) {
  Search({Scored("0.5"), "raise ValueError('no')\n", Scored("0.9")});
  auto trace = Podium({"trace", "l"});
  ASSERT_EQ(trace.exit_code, 0) << trace.err;
  EXPECT_NE(trace.out.find("exit_1"), std::string::npos) << trace.out;
  auto one = Podium({"trace", "l", "--node", "1"});
  EXPECT_NE(one.out.find("raise ValueError('no')"), std::string::npos) << one.out;
  EXPECT_NE(one.out.find("--- what it printed"), std::string::npos) << one.out;
  Json json = *ParseJson(Podium({"trace", "l", "--json"}).out, "trace");
  EXPECT_EQ(json["schema"], "podium-trace/1");
  EXPECT_EQ(json["nodes"].size(), 3u);
  EXPECT_GE(json["model_calls"].size(), 3u);
}

TEST_F(PodiumProgram, AgentsAndTheirOptionsAreListed) {
  Json all = *ParseJson(Podium({"agents", "ls", "--json"}).out, "agents");
  std::set<std::string> scaffolds;
  for (const Json& s : all["scaffolds"]) scaffolds.insert(s["name"]);
  EXPECT_TRUE(scaffolds.contains("greedy") && scaffolds.contains("react"));
  EXPECT_FALSE(all["agents"].empty());
  auto show = Podium({"agents", "show", "react"});
  EXPECT_NE(show.out.find("react.context_turns"), std::string::npos) << show.out;
  auto wrong = Podium({"agents", "show", "raect"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find("react"), std::string::npos) << wrong.err;
}

}  // namespace
}  // namespace podium::tests
