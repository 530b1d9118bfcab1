#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sandbox/backends/oci/runtime.h"

namespace podium::sandbox {
namespace {

using testing::IsSupersetOf;

TEST(OciRuntimeTest, CrunDoesNotSeeTheMountsThatStopIt) {
  OciRuntime crun{"crun", "1.8.1"};
  HostPaths paths;
  paths.id = "one";
  EXPECT_EQ(crun.RunCommand(paths, "pid").front(), "crun");
  crun.hidden_mounts = {"/sys/fs/cgroup/unified"};
  auto command = crun.RunCommand(paths, "pid");
  EXPECT_EQ(command.front(), "unshare");
  EXPECT_THAT(command, IsSupersetOf({"/sys/fs/cgroup/unified", "crun", "run", "one"}));
}

}  // namespace
}  // namespace podium::sandbox
