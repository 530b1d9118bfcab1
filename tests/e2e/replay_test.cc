// A trial that is done again from its record: what makes it equal, and what stops it.
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
