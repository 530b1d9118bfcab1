// What engines are asked for; that they do it is the escape suite's affair.
#include "sandbox/backends/engine/engine_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.h"
#include "sandbox/backends/engine/engine_check.h"

namespace podium::sandbox {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

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

TEST_F(EngineRequestTest, PodmanGetsOurRootAndARangeOfIds) {
  auto request = PodmanRequest(paths_, spec_, 300'000);
  ASSERT_TRUE(request) << request.error().message;
  const Json& body = request->body;
  EXPECT_EQ(body["rootfs"], (paths_.base / "root").string());
  EXPECT_EQ(body["userns"]["nsmode"], "private");
  EXPECT_EQ(body["idmappings"]["UIDMap"][0]["host_id"], 300'000);
  EXPECT_EQ(body["idmappings"]["GIDMap"][0]["size"], 65'536);
  EXPECT_EQ(body["cgroupns"]["nsmode"], "private");
  EXPECT_EQ(body["env"]["LANG"], "C.UTF-8");
}

TEST_F(EngineRequestTest, PodmanGetsWhatItKnowsOfTheRuntimesConfiguration) {
  auto request = PodmanRequest(paths_, spec_, 300'000);
  ASSERT_TRUE(request) << request.error().message;
  std::vector<std::string> limits, masked = request->body["mask"], options;
  for (const auto& limit : request->body["r_limits"]) limits.push_back(limit["type"]);
  for (const auto& mount : request->body["mounts"]) {
    if (mount["destination"] == "/home/data") options = mount["options"];
  }
  EXPECT_THAT(limits, ElementsAre("NOFILE", "CORE", "NPROC"));
  EXPECT_THAT(masked, IsSupersetOf({"/sys", "/proc/kallsyms"}));
  EXPECT_THAT(options, IsSupersetOf({"ro", "nosuid", "nodev", "noexec"}));
  EXPECT_THAT(options, Not(Contains("noatime")));
}

TEST_F(EngineRequestTest, DockerGetsTheSeccompProfileAndPodmanItsPath) {
  auto docker = DockerRequest(paths_, spec_, 300'000, "an-image");
  auto podman = PodmanRequest(paths_, spec_, 300'000);
  ASSERT_TRUE(docker && podman);
  std::vector<std::string> options = docker->body["HostConfig"]["SecurityOpt"];
  EXPECT_THAT(options, Contains(HasSubstr("seccomp={")));
  auto profile = ReadFile(podman->body["seccomp_profile_path"].get<std::string>());
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_THAT(options, Contains("seccomp=" + *profile));
}

TEST_F(EngineRequestTest, AProcessThatIsNotConfinedIsNotTakenForASandbox) {
  auto seen = CheckEngineContainer(::getpid(), spec_, {.first_id = 300'000});
  ASSERT_FALSE(seen);
  EXPECT_THAT(seen.error().message, HasSubstr("did not do what it was asked: Uid is "));
}

}  // namespace
}  // namespace podium::sandbox
