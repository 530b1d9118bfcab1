// Folders that somebody else filled, met by the whole program: an agent, a package, a run.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/text.h"
#include "tests/e2e/podium_program.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;

class StrangersTest : public PodiumProgram {
 protected:
  void SetUp() override {
    PodiumProgram::SetUp();
    ASSERT_TRUE(WriteFileAtomic(dir() / "secret", "SECRET-CANARY\n"));
  }
  ProcessResult Run(const std::string& agent) {
    return Podium({"run", "--task", Task(), "--agent", agent, "--name", "s"}, {},
                  std::chrono::seconds(120));
  }
  // The canary in any file of the run.
  bool Leaked() const {
    std::error_code ec;
    for (auto it = fs::recursive_directory_iterator(runs(), ec);
         !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
      auto text = it->is_regular_file(ec) ? ReadFile(it->path()) : Result<std::string>("");
      if (text && text->find("SECRET-CANARY") != std::string::npos) return true;
    }
    return false;
  }
};

// R1: a link brought the host's environment and the private answers into the sandbox.
TEST_F(StrangersTest, ALinkInAnAgentsFolderIsRefusedBeforeAnythingRuns) {
  for (const char* target : {"/proc/self/environ", "../../secret", "loop", "/dev"}) {
    std::string agent = ProgramAgent("linked", "cat *");
    fs::create_symlink(target, dir() / "agents" / "linked" / "loop");
    auto r = Run(agent);
    EXPECT_EQ(r.exit_code, 2) << target << r.out << r.err;
    EXPECT_THAT(r.err, HasSubstr("loop is a symbolic link")) << target;
    EXPECT_FALSE(Leaked());
    fs::remove_all(dir() / "agents");
  }
}

TEST_F(StrangersTest, AnAgentFileNamesNoFolderButOneBesideIt) {
  ASSERT_TRUE(MakeDirs(dir() / "other"));
  ASSERT_TRUE(WriteFileAtomic(dir() / "other" / "start.sh", "true\n"));
  ASSERT_TRUE(MakeDirs(dir() / "agents"));
  fs::create_directory_symlink("../other", dir() / "agents" / "link");
  for (const std::string& folder : {std::string("../other"), (dir() / "other").string(),
                                    std::string("link"), std::string("x/../../other")}) {
    fs::path yaml = dir() / "agents" / "a.yaml";
    ASSERT_TRUE(WriteFileAtomic(
        yaml,
        "schema: podium-agent/1\nid: a\nscaffold: program\nprogram: {folder: " + folder + "}\n"));
    auto r = Run(yaml.string());
    EXPECT_EQ(r.exit_code, 2) << folder << r.out << r.err;
    EXPECT_THAT(r.err, testing::AnyOf(HasSubstr("nothing outside that folder"),
                                      HasSubstr("is a symbolic link")))
        << folder;
  }
}

// Of the host's variables an agent's file gets those that the run allows, and cannot allow any.
TEST_F(StrangersTest, AnAgentFileGetsNoVariableThatTheRunDoesNotAllow) {
  std::string agent = ProgramAgent("asks", "echo $STOLEN");
  std::string yaml = *ReadFile(agent);
  auto write = [&](const std::string& more) {
    std::string text = yaml;
    text.replace(text.find("snapshot_every"), 0,
                 "env: {STOLEN: \"key ${CLOUD_KEY}\", OTHER: \"${{ secrets.CLOUD_ID }}\"}, ");
    ASSERT_TRUE(WriteFileAtomic(agent, text + more));
  };
  const std::map<std::string, std::string> host = {{"CLOUD_KEY", "SECRET-CANARY"},
                                                   {"CLOUD_ID", "x"}};
  auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> args = {"run", "--task", Task(), "--agent",
                                     agent, "--name", "s",    "--dry-run"};
    args.insert(args.end(), more.begin(), more.end());
    return Podium(args, host);
  };
  write("");
  for (std::vector<std::string> more : {std::vector<std::string>{},
                                        {"--set", "allow_env=CLOUD_ID"},
                                        {"--set", "allow_env=CLOUD_KEYS,CLOUD"}}) {
    auto r = run(more);
    EXPECT_EQ(r.exit_code, 2) << r.out << r.err;
    EXPECT_THAT(r.err,
                HasSubstr("asks.yaml:4: 'program.env' asks for this host's variable CLOUD_KEY"));
    EXPECT_THAT(r.err, HasSubstr("allow_env"));
  }
  EXPECT_EQ(run({"--set", "allow_env=CLOUD_KEY,CLOUD_ID"}).exit_code, 0);
  write("allow_env: CLOUD_KEY\n");
  auto own = run({});
  EXPECT_EQ(own.exit_code, 2);
  EXPECT_THAT(own.err, HasSubstr("'allow_env' is the whole run's and not an agent's"));
  EXPECT_FALSE(Leaked());
  // The user's own word needs no leave.
  ASSERT_TRUE(WriteFileAtomic(agent, yaml));
  EXPECT_EQ(run({"--set", "program.env=STOLEN=${CLOUD_KEY}"}).exit_code, 0);
}

// A catalogue says to which server the value of OPENAI_API_KEY goes, `sandbox` whether there is
// one.
TEST_F(StrangersTest, AnAgentFileSaysNothingOfKeysAndIsolation) {
  const std::vector<std::pair<std::string, std::string>> kForeign = {
      {"gateway: {models: m, catalogue: mine.yaml}", "gateway.catalogue"},
      {"sandbox: unsafe-local", "'sandbox'"},
      {"image: other", "'image'"},
      {"allow_unenforced: true", "allow_unenforced"},
      {"seeds: 9", "'seeds'"}};
  ASSERT_TRUE(MakeDirs(dir() / "agents" / "p"));
  ASSERT_TRUE(WriteFileAtomic(dir() / "agents" / "p" / "start.sh", "true\n"));
  for (const auto& [line, named] : kForeign) {
    fs::path yaml = dir() / "agents" / "a.yaml";
    ASSERT_TRUE(WriteFileAtomic(
        yaml,
        "schema: podium-agent/1\nid: a\nscaffold: program\nprogram: {folder: p}\n" + line + "\n"));
    auto r = Run(yaml.string());
    EXPECT_EQ(r.exit_code, 2) << line << r.out << r.err;
    EXPECT_THAT(r.err, HasSubstr(named));
    EXPECT_THAT(r.err, HasSubstr("a.yaml:5"));
  }
}

TEST_F(StrangersTest, AFifoInAnAgentsFolderIsAnErrorAndNotAWait) {
  std::string agent = ProgramAgent("fifo", "true");
  ASSERT_EQ(::mkfifo((dir() / "agents" / "fifo" / "pipe").c_str(), 0644), 0);
  auto r = Run(agent);
  EXPECT_EQ(r.exit_code, 2) << r.out << r.err;
  EXPECT_THAT(r.err, HasSubstr("pipe is a FIFO"));
}

TEST_F(StrangersTest, AStartThatNoShellCanReadIsSaid) {
  std::string agent = ProgramAgent("windows", "true");
  ASSERT_TRUE(WriteFileAtomic(dir() / "agents" / "windows" / "start.sh", "cp a b\r\n"));
  EXPECT_THAT(Run(agent).err, HasSubstr("CR LF"));
  fs::rename(dir() / "agents" / "windows" / "start.sh", dir() / "agents" / "windows" / "Start.sh");
  EXPECT_THAT(Run(agent).err, HasSubstr("'Start.sh' lies there"));
}

// R23: a package of the author's own under the name of one of Podium's.
TEST_F(StrangersTest, AnOwnPackageUnderAShippedNameIsFlagged) {
  std::string task = Task("conway-reverse");
  auto run = Podium({"run", "--task", task, "--agent", "oracle", "--name", "own"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("(own package)"));
  EXPECT_THAT(run.out, testing::Not(HasSubstr("human leaderboard")));
  auto verified = Podium({"verify", "own", "--json"});
  EXPECT_THAT(verified.out, HasSubstr("own_task_package: 'conway-reverse'"));
  EXPECT_THAT(verified.out, HasSubstr(task));
  fs::remove_all(dir() / "cache" / "tasks");
  fs::rename(task, dir() / "gone");
  EXPECT_THAT(Podium({"verify", "own", "--json"}).out, HasSubstr("own_task_package"));
}

// R24: links planted in a run's folder, then the run goes on.
TEST_F(StrangersTest, NothingIsWrittenThroughALinkInARunsFolder) {
  auto first = Podium({"run", "--task", Task(), "--agent", "nop", "--name", "p"});
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  ASSERT_TRUE(MakeDirs(dir() / "target"));
  ASSERT_TRUE(WriteFileAtomic(dir() / "target" / "file", "as it was"));
  fs::path oracle = runs() / "p" / "trials" / "tiny" / "oracle";
  ASSERT_TRUE(MakeDirs(oracle / "s0"));
  const std::pair<fs::path, fs::path> plants[] = {
      {runs() / "p" / "podium.log", dir() / "target" / "file"},
      {runs() / "p" / "boards", dir() / "target"},
      {runs() / "p" / "history", dir() / "target"},
      {oracle / "s0" / "submission", dir() / "target"},
      {oracle / "s0" / "journal.jsonl", dir() / "target" / "file"}};
  for (const auto& [place, target] : plants) {
    fs::path aside = dir() / "aside";
    std::error_code ec;
    fs::rename(place, aside, ec);
    fs::create_symlink(target, place);
    auto r = Podium({"run", "--task", Task(), "--agent", "nop,oracle", "--name", "p"});
    EXPECT_NE(r.exit_code, 0) << place;
    EXPECT_EQ(*ReadFile(dir() / "target" / "file"), "as it was") << place;
    EXPECT_EQ(std::distance(fs::directory_iterator(dir() / "target"), fs::directory_iterator()), 1)
        << place;
    fs::remove(place);
    fs::rename(aside, place, ec);
  }
}

// A changed agent cannot go on under the name of the old one, nor show its verdict.
TEST_F(StrangersTest, AChangedAgentIsAnotherConfiguration) {
  std::string agent = ProgramAgent("mine", "true");
  auto plan =
      Podium({"run", "--task", Task(), "--agent", "nop," + agent, "--name", "m", "--dry-run"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  Json lock = {{"agents", {{"mine", {{"files", "x"}}}}}, {"trials", Json::array()}};
  ASSERT_TRUE(MakeDirs(runs() / "m"));
  ASSERT_TRUE(WriteFileAtomic(runs() / "m" / "lock.json", DumpJson(lock)));
  auto r = Podium(
      {"run", "--task", Task(), "--agent", agent, "--name", "m", "--set", "sandbox=unsafe-local"});
  EXPECT_EQ(r.exit_code, 2) << r.out << r.err;
  EXPECT_THAT(r.err, HasSubstr("/files"));
  EXPECT_FALSE(fs::exists(runs() / "m" / "boards")) << "a refused command changed the run";
  EXPECT_FALSE(fs::exists(runs() / "m" / "run.yaml"));
}

TEST_F(StrangersTest, RunYamlNamesWhatEveryCommandAdded) {
  ASSERT_EQ(Podium({"run", "--task", Task(), "--agent", "nop", "--name", "g"}).exit_code, 0);
  ASSERT_EQ(Podium({"run", "--task", Task(), "--agent", "oracle", "--seeds", "2", "--name", "g"})
                .exit_code,
            0);
  std::string yaml = *ReadFile(runs() / "g" / "run.yaml");
  EXPECT_THAT(yaml, HasSubstr("agents: nop,oracle"));
  EXPECT_THAT(yaml, HasSubstr("seeds: 2"));
  auto lock = ParseJson(*ReadFile(runs() / "g" / "lock.json"), "lock");
  ASSERT_TRUE(lock);
  EXPECT_EQ((*lock)["builds"].size(), 1u);
  EXPECT_EQ((*lock)["builds"][0]["podium-grade"].get<std::string>().size(), 64u);
}

}  // namespace
}  // namespace podium::tests
