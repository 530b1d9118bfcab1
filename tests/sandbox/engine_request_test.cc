// What engines are asked for; that they do it is the escape suite's affair.
#include "sandbox/engine/engine_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.h"
#include "sandbox/engine/engine_check.h"

namespace podium::sandbox {
namespace {

using testing::Contains;
using testing::HasSubstr;

class EngineRequestTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-request");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
    paths_.id = spec_.id = "request";
    paths_.base = temp_->path();
    spec_.data = {{"/srv/data", "/home/data"}};
    spec_.env = {{"LANG", "C.UTF-8"}};
  }

  std::optional<TempDir> temp_;
  HostPaths paths_;
  SandboxSpec spec_;
};

TEST_F(EngineRequestTest, DockerGetsTheSeccompProfile) {
  auto docker = DockerRequest(paths_, spec_, 300'000, "an-image");
  ASSERT_TRUE(docker) << docker.error().message;
  std::vector<std::string> options = docker->body["HostConfig"]["SecurityOpt"];
  EXPECT_THAT(options, Contains(HasSubstr("seccomp={")));
}

TEST_F(EngineRequestTest, AProcessThatIsNotConfinedIsNotTakenForASandbox) {
  auto seen = CheckEngineContainer(::getpid(), spec_, {.first_id = 300'000});
  ASSERT_FALSE(seen);
  EXPECT_THAT(seen.error().message, HasSubstr("did not do what it was asked: Uid is "));
}

}  // namespace
}  // namespace podium::sandbox
