// podium-grade as a process: what it is given, what it gives, what it may not do.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"

namespace podium {
namespace {

UniqueFd Memory(const std::string& bytes) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_TRUE(WriteAll(fd.get(), bytes));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

std::string Program() { return (ProgramDir() / "podium-grade").string(); }

const char* kRequest =
    R"({"schema": "podium-grade-request/1", "task": "t", "task_digest": "d", "mode": "strict", "metric": "accuracy",
  "lower_is_better": false, "params": {}, "id_column": "id", "columns": [{"name": "y", "integer": true, "min": 0, "max": 9}], "handover": {"status": "ok"}})";

TEST(PodiumGradeTest, WritesOneRecordToItsPipe) {
  UniqueFd request = Memory(kRequest), answers = Memory("id,y\n1,3\n"),
           board = Memory("score,count\n1,1\n"), submission = Memory("id,y\n1,3\n");
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  UniqueFd read(fds[0]), write(fds[1]);
  ProcessSpec spec;
  spec.argv = {Program(), "--request-fd", "3", "--answers-fd",    "4", "--board-fd",
               "5",       "--verdict-fd", "6", "--submission-fd", "7"};
  spec.pass_fds = {{3, request.get()},
                   {4, answers.get()},
                   {5, board.get()},
                   {6, write.get()},
                   {7, submission.get()}};
  auto result = RunProcess(spec, Deadline::In(std::chrono::seconds(60)));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 0) << result->err;
  write.reset();
  std::string record(65536, '\0');
  record.resize(static_cast<std::size_t>(
      std::max<ssize_t>(0, ::read(read.get(), record.data(), record.size()))));
  ASSERT_TRUE(record.ends_with("}\n")) << record;
  auto json = ParseJson(record, "record");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["verdict"], "scored");
  EXPECT_EQ((*json)["medal"], "gold");
}

TEST(PodiumGradeTest, AWrongCallIsExitTwoWithWords) {
  auto result = RunProcess({.argv = {Program(), "--answers", "/etc/passwd"}},
                           Deadline::In(std::chrono::seconds(60)));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 2);
  EXPECT_NE(result->err.find("--request-fd"), std::string::npos) << result->err;
  auto closed = RunProcess({.argv = {Program(), "--request-fd", "77"}},
                           Deadline::In(std::chrono::seconds(60)));
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->exit_code, 2);
  EXPECT_NE(closed->err.find("not an open descriptor"), std::string::npos) << closed->err;
}

TEST(PodiumGradeTest, TheRecordGoesToAPipeAlone) {
  UniqueFd file = Memory("");
  ProcessSpec spec;
  spec.argv = {Program(), "--request-fd", "3", "--answers-fd", "3", "--board-fd",
               "3",       "--verdict-fd", "3"};
  spec.pass_fds = {{3, file.get()}};
  auto result = RunProcess(spec, Deadline::In(std::chrono::seconds(60)));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 2);
  EXPECT_NE(result->err.find("must be a pipe"), std::string::npos) << result->err;
}

}  // namespace
}  // namespace podium
