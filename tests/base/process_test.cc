#include "base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

namespace podium {
namespace {

using std::chrono::seconds;

ProcessResult Execute(ProcessSpec spec, seconds limit = seconds(20)) {
  auto result = RunProcess(spec, Deadline::In(limit));
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or(ProcessResult{});
}

TEST(ProcessTest, KeepsBothStreamsApartAndTheExitCode) {
  auto r = Execute({.argv = {"sh", "-c", "echo out; echo err >&2; exit 7"}});
  EXPECT_EQ(r.exit_code, 7);
  EXPECT_EQ(r.out, "out\n");
  EXPECT_EQ(r.err, "err\n");
}

TEST(ProcessTest, NamesTheSignal) {
  auto r = Execute({.argv = {"sh", "-c", "kill -TERM $$"}});
  EXPECT_EQ(r.signal, SIGTERM);
  EXPECT_FALSE(r.ok());
}

TEST(ProcessTest, TheDeadlineEndsTheWholeGroup) {
  auto temp = TempDir::Make("podium-process");
  std::string pid_file = (temp->path() / "pid").string();
  auto r =
      Execute({.argv = {"sh", "-c", "sleep 1000 & echo $! > " + pid_file + "; wait"}}, seconds(1));
  EXPECT_TRUE(r.timed_out);
  int grandchild = std::atoi(ReadFile(pid_file)->c_str());
  ASSERT_GT(grandchild, 0);
  auto gone = [&] {
    auto stat = ReadFile("/proc/" + std::to_string(grandchild) + "/stat");
    return !stat || stat->find(") Z ") != std::string::npos;
  };
  for (int i = 0; i < 200 && !gone(); ++i) ::usleep(10'000);
  EXPECT_TRUE(gone());
}

TEST(ProcessTest, AnEndlessTalkerIsCutToItsLastBytes) {
  auto r = Execute({.argv = {"sh", "-c", "seq 1 200000; echo end"}, .output_cap_bytes = 1000});
  EXPECT_LE(r.out.size(), 1000u);
  EXPECT_TRUE(r.out.ends_with("end\n"));
}

TEST(ProcessTest, PassesOnlyTheDescriptorsAsked) {
  UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto r = Execute({.argv = {"sh", "-c", "ls /proc/self/fd | sort -n | tr '\\n' ' '"},
                    .pass_fds = {{7, null.get()}}});
  EXPECT_EQ(r.out, "0 1 2 3 7 ") << "3 is ls's own folder";
}

TEST(ProcessTest, TheEnvironmentIsReplacedWhole) {
  auto r = Execute({.argv = {"env"}, .env = {{{"ONLY", "this"}}}});
  EXPECT_EQ(r.out, "ONLY=this\n");
}

TEST(ProcessTest, AMissingProgramAndAFailureAreErrorsWithTheirText) {
  auto missing = RunTool({.argv = {"no-such-program-here"}}, Deadline::In(seconds(5)));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kUnavailable);
  auto failed = RunTool({.argv = {"sh", "-c", "echo why >&2; exit 3"}}, Deadline::In(seconds(5)));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("exited with 3"), std::string::npos);
  EXPECT_NE(failed.error().message.find("why"), std::string::npos);
}

}  // namespace
}  // namespace podium
