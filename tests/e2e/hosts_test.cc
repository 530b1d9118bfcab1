// Conditions of the host: what they do is the host's, and a verdict is never made of them.
#include <gmock/gmock.h>
#include <signal.h>

#include "base/text.h"
#include "tests/e2e/podium_program.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;

class HostsTest : public PodiumProgram {
 protected:
  // A command line of a shell that runs `podium ARGS` after `before`.
  ProcessResult Shell(const std::string& before, const std::string& args,
                      const std::string& after = "") {
    ProcessSpec spec;
    spec.argv = {"/bin/sh", "-c",
                 before + "; '" + (ProgramDir() / "podium").string() + "' " + args + " " + after};
    spec.env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"},
                {"HOME", dir().string()},
                {"PODIUM_CACHE", (dir() / "cache").string()},
                {"PODIUM_RUNS", runs().string()}};
    spec.cwd = dir();
    auto result = RunProcess(spec, Deadline::In(std::chrono::seconds(120)));
    EXPECT_TRUE(result) << result.error().message;
    return result.value_or(ProcessResult{});
  }
};

TEST_F(HostsTest, AMaskOfTheShellDoesNotReachWhatAnAgentReads) {
  auto r = Shell("umask 077", "run --task '" + Task() + "' --agent nop --name u");
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  int seen = 0;
  for (auto it = fs::recursive_directory_iterator(dir() / "cache" / "tasks");
       it != fs::recursive_directory_iterator(); ++it) {
    if (it->path().string().find("/public") == std::string::npos) continue;
    ++seen;
    auto wanted = it->is_directory() ? fs::perms::others_read | fs::perms::others_exec
                                     : fs::perms::others_read;
    EXPECT_EQ(it->status().permissions() & wanted, wanted) << it->path();
  }
  EXPECT_GT(seen, 3);
}

TEST_F(HostsTest, ACacheThatNoAgentCanReadIsSaidBeforeATrial) {
  ASSERT_EQ(Podium({"run", "--task", Task(), "--agent", "nop", "--name", "a"}).exit_code, 0);
  for (auto it = fs::recursive_directory_iterator(dir() / "cache" / "tasks");
       it != fs::recursive_directory_iterator(); ++it) {
    if (it->path().filename() == "public") fs::permissions(it->path(), fs::perms(0700));
  }
  auto r = Podium({"run", "--task", Task(), "--agent", "nop", "--name", "b"});
  EXPECT_EQ(r.exit_code, 5) << r.out << r.err;
  EXPECT_THAT(r.err, HasSubstr("cannot be read by the agent's user"));
  EXPECT_FALSE(fs::exists(TrialDir("b", "nop") / "verdict.json"));
}

TEST_F(HostsTest, OutputThatIsLostIsNoSuccess) {
  auto r = Shell("true", "tasks ls", "> /dev/full");
  EXPECT_EQ(r.exit_code, 5) << r.err;
  EXPECT_THAT(r.err, HasSubstr("standard output could not be written"));
  r = Shell("true", "run --task '" + Task() + "' --agent nop --name f", "> /dev/full");
  EXPECT_EQ(r.exit_code, 5) << r.err;
  EXPECT_TRUE(fs::exists(TrialDir("f", "nop") / "verdict.json")) << "the work is kept";
  r = Shell("true", "tasks ls", "| head -n 1; true");
  EXPECT_EQ(r.err, "") << "a reader that has read enough is no failure";
}

TEST_F(HostsTest, OneTrialThatCannotBeReadStopsNoOther) {
  std::vector<std::string> both = {"run",        "--task", Task(), "--agent",
                                   "nop,oracle", "--name", "one"};
  ASSERT_TRUE(MakeDirs(TrialDir("one", "nop")));
  ASSERT_TRUE(WriteFileAtomic(TrialDir("one", "nop") / "journal.jsonl", "no journal\nat all\n"));
  auto r = Podium(both);
  EXPECT_EQ(r.exit_code, 5) << r.out << r.err;
  EXPECT_THAT(r.err + r.out, HasSubstr("journal.jsonl:1"));
  EXPECT_EQ(Verdict("one", "oracle")["grade"]["verdict"], "scored");
}

}  // namespace
}  // namespace podium::tests
