// What a person sees who gets something wrong: one error that names the place or the fix.
#include <unistd.h>

#include "base/text.h"
#include "tests/e2e/podium_program.h"

namespace podium::tests {
namespace {

class ErrorsTest : public PodiumProgram {
 protected:
  void ExpectError(const ProcessResult& r, int code, const std::vector<std::string>& parts) {
    EXPECT_EQ(r.exit_code, code) << r.out << r.err;
    EXPECT_TRUE(r.err.starts_with("podium: ")) << r.err;
    for (const auto& part : parts)
      EXPECT_NE(r.err.find(part), std::string::npos) << "no '" << part << "' in: " << r.err;
  }
};

TEST_F(ErrorsTest, AWrongKeyNamesFileLineAndTheLikelyWord) {
  fs::path file = dir() / "run.yaml";
  ASSERT_TRUE(WriteFileAtomic(
      file, "schema: podium-run/1\nsuite: starter\nagents: [nop]\nbudget:\n  wal: 5 min\n"));
  ExpectError(Podium({"run", file.string()}), 2,
              {file.string() + ":5", "budget.wal", "Did you mean 'budget.wall'?"});
}

TEST_F(ErrorsTest, ABrokenFileNamesItsLine) {
  fs::path file = dir() / "run.yaml";
  ASSERT_TRUE(WriteFileAtomic(file, "schema: podium-run/1\nagents: [nop\nsuite: starter\n"));
  ExpectError(Podium({"run", file.string()}), 2, {file.string() + ":"});
}

TEST_F(ErrorsTest, AnUnknownTaskSuggestsOne) {
  ExpectError(Podium({"run", "--task", "conway-revers", "--agent", "nop"}), 2,
              {"Did you mean 'conway-reverse'?"});
}

TEST_F(ErrorsTest, AnUnknownAgentSuggestsOne) {
  ExpectError(Podium({"run", "--task", "conway-reverse", "--agent", "gredy"}), 2,
              {"--agent", "Did you mean 'greedy'?"});
}

TEST_F(ErrorsTest, AnUnknownVariableIsAnError) {
  ExpectError(Podium({"run", "--task", "conway-reverse", "--agent", "nop"}, {{"PODIUM_JBOS", "2"}}),
              2, {"PODIUM_JBOS", "PODIUM_JOBS"});
}

TEST_F(ErrorsTest, AMissingKeySaysWhichVariable) {
  ExpectError(
      Podium({"run", "--task", Task(), "--agent", "greedy", "--proposer", "llm", "--model", "m"}),
      2, {"OPENAI_API_KEY", "OPENAI_BASE_URL"});
}

TEST_F(ErrorsTest, AMissingModelNameSaysTheFlag) {
  ExpectError(Podium({"run", "--task", Task(), "--agent", "greedy", "--proposer", "llm"}), 2,
              {"--model"});
}

TEST_F(ErrorsTest, AMissingImageSaysTheCommand) {
  fs::remove(dir() / "cache" / "images");
  ExpectError(Podium({"run", "--task", Task(), "--agent", "sample-submission"}), 2,
              {"podium image build podium-ml"});
}

TEST_F(ErrorsTest, WithoutRootItSaysSo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  if (!fs::exists(CacheDir() / "images")) GTEST_SKIP() << "no image";
  Task();
  for (const auto& e : fs::recursive_directory_iterator(dir())) {
    if (!e.is_symlink()) fs::permissions(e.path(), fs::perms::all);
  }
  fs::permissions(dir(), fs::perms::all);
  fs::path program = dir() / "bin";
  fs::create_directory(program);
  for (const char* name : {"podium", "podium-grade", "podium-init"})
    fs::copy_file(ProgramDir() / name, program / name);
  // A copy of the images' records where anybody can read them.
  fs::remove(dir() / "cache" / "images");
  ASSERT_TRUE(RunTool({.argv = {"cp", "-r", "--no-dereference", (CacheDir() / "images").string(),
                                (dir() / "cache").string()}},
                      Deadline::In(std::chrono::minutes(3))));
  ProcessSpec spec;
  spec.argv = {"setpriv",
               "--reuid",
               "65534",
               "--regid",
               "65534",
               "--clear-groups",
               (program / "podium").string(),
               "run",
               "--task",
               Task(),
               "--agent",
               "sample-submission"};
  spec.env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"},
              {"HOME", dir().string()},
              {"PODIUM_CACHE", (dir() / "cache").string()},
              {"PODIUM_RUNS", (dir() / "cache" / "runs").string()},
              {"PODIUM_HOME", PODIUM_SOURCE_DIR}};
  auto r = RunProcess(spec, Deadline::In(std::chrono::minutes(1)));
  ASSERT_TRUE(r);
  ExpectError(*r, 5, {"root"});
}

TEST_F(ErrorsTest, GradingABadFileHasItsOwnExitCode) {
  fs::path file = dir() / "bad.csv";
  ASSERT_TRUE(WriteFileAtomic(file, "id,y\n1,1\n"));
  auto r = Podium({"grade", file.string(), Task()});
  EXPECT_EQ(r.exit_code, 3) << r.out << r.err;
  EXPECT_NE(r.out.find("extra_ids"), std::string::npos) << r.out;
  EXPECT_EQ(Podium({"grade", (dir() / "none.csv").string(), Task()}).exit_code, 3);
}

TEST_F(ErrorsTest, AFolderWithoutATaskSaysWhatOneIs) {
  ExpectError(Podium({"run", "--task", "./nope", "--agent", "nop"}), 2, {"./nope", "task.yaml"});
}

TEST_F(ErrorsTest, ATaskWhoseTablesWereNeverPinnedSaysHow) {
  fs::path yaml = fs::path(Task("fresh")) / "task.yaml";
  std::string text = *ReadFile(yaml);
  std::size_t begin = text.find("tables:"), end = text.find("runtime:");
  ASSERT_TRUE(WriteFileAtomic(yaml, text.replace(begin, end - begin, "tables: {}\n")));
  std::string pin = "podium tasks pin " + Task("fresh");
  ExpectError(Podium({"run", "--task", Task("fresh"), "--agent", "nop"}), 2, {pin});
  EXPECT_EQ(Podium({"tasks", "pin", Task("fresh")}).exit_code, 0);
  EXPECT_EQ(Podium({"run", "--task", Task("fresh"), "--agent", "oracle"}).exit_code, 0);
}

TEST_F(ErrorsTest, EachVerbsHelpHasExamplesOfItsOwn) {
  std::set<std::string> seen;
  for (const std::string verb :
       {"run",           "status",       "report",        "reindex",      "verify",
        "tasks ls",      "tasks show",   "tasks prepare", "tasks import", "tasks pin",
        "doctor",        "image build",  "image import",  "image ls",     "image show",
        "image rm",      "image gc",     "sandbox test",  "sandbox exec", "sandbox shell",
        "grade",         "grade-sample", "metrics ls",    "metrics show", "aggregate",
        "agents import", "agents ls",    "agents show",   "trace",        "replay",
        "fork"}) {
    std::vector<std::string> args;
    for (auto word : Split(verb, ' ')) args.emplace_back(word);
    args.emplace_back("--help");
    std::string out = Podium(args).out;
    std::size_t at = out.find("\nExamples:\n");
    ASSERT_NE(at, std::string::npos) << verb << ": " << out;
    EXPECT_NE(out.find("  podium " + verb, at), std::string::npos) << verb;
    EXPECT_TRUE(seen.insert(out.substr(at)).second) << verb << " has another verb's examples";
    EXPECT_EQ(out.find("Start here:"), std::string::npos) << verb;
  }
}

TEST_F(ErrorsTest, HelpTeachesAndUnknownVerbsAreUsageErrors) {
  auto help = Podium({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("podium run configs/runs/quickstart.yaml"), std::string::npos)
      << help.out;
  ExpectError(Podium({"rnu"}), 2, {"--help"});
  ExpectError(Podium({"grade"}), 2, {"a submission and its task"});
  EXPECT_EQ(Podium({"run", "--no-such-flag"}).exit_code, 2);
}

TEST_F(ErrorsTest, PrintConfigShowsWhereEachValueCameFrom) {
  fs::path file = dir() / "run.yaml";
  ASSERT_TRUE(WriteFileAtomic(
      file,
      "schema: podium-run/1\nsuite: starter\nagents: [nop]\nseeds: 2\nbudget:\n  nodes: 3\n"));
  auto r = Podium({"run", file.string(), "--seeds", "4", "--print-config"},
                  {{"PODIUM_BUDGET_NODES", "7"}});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  auto line = [&](const std::string& key) {
    for (auto l : Split(r.out, '\n')) {
      if (Trim(l).starts_with(key + ":")) return std::string(l);
    }
    return std::string();
  };
  EXPECT_NE(line("seeds").find("4"), std::string::npos);
  EXPECT_NE(line("seeds").find("# --seeds"), std::string::npos) << line("seeds");
  EXPECT_NE(line("nodes").find("7"), std::string::npos);
  EXPECT_NE(line("nodes").find("environment PODIUM_BUDGET_NODES"), std::string::npos)
      << line("nodes");
  EXPECT_NE(line("agents").find(file.string() + ":3"), std::string::npos) << line("agents");
  EXPECT_NE(line("image").find("# default"), std::string::npos) << line("image");
}

}  // namespace
}  // namespace podium::tests
