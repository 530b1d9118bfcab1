#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>

#include "base/files.h"
#include "sandbox/backends/factory.h"
#include "sandbox/gpu/cdi.h"
#include "sandbox/images/image.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::HasSubstr;

// Device nodes made for the test stand for GPUs: the twin of /dev/zero (1:5) and that of /dev/fuse
// (10:229), which no container may open unless it is given.
class GpuSandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto image = FindImage("podium-ml", CacheDir());
    if (!image) GTEST_SKIP() << "image podium-ml is not built (podium image build podium-ml)";
    for (const auto& check : CheckHost()) {
      if (check.required && !check.ok) GTEST_SKIP() << check.name << ": " << check.found;
    }
    auto made = TempDir::Make("podium-gpu-test");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
    dir_ = fs::canonical(temp_->path());
    if (!Node("gpu0", 1, 5) || !Node("gpu1", 10, 229))
      GTEST_SKIP() << "this machine makes or opens no device nodes in " << dir_.string();
    ASSERT_TRUE(WriteFileAtomic(dir_ / "fake.yaml", FakeSpec()));
    fs::permissions(dir_ / "fake.yaml", fs::perms(0644));
    spec_.id = "test-gpu-" + std::to_string(::getpid());
    spec_.layers = {image->rootfs};
    spec_.state_dir = dir_ / "state";
    spec_.limits.memory_bytes = 256 << 20;
    spec_.limits.disk_bytes = 64 << 20;
    spec_.limits.inodes = 4000;
    spec_.env = {{"PATH", "/usr/bin:/bin"}};
  }

  [[nodiscard]] bool Node(const char* name, unsigned major, unsigned minor) const {
    std::string path = dir_ / name;
    if (::mknod(path.c_str(), S_IFCHR | 0666, makedev(major, minor)) != 0) return false;
    fs::permissions(path, fs::perms(0666));
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
  }

  [[nodiscard]] std::string FakeSpec() const {
    std::string dir = dir_.string();
    return "cdiVersion: 0.6.0\nkind: podium.test/gpu\n"
           "containerEdits:\n"
           "  env: [NVIDIA_VISIBLE_DEVICES=void, LD_PRELOAD=/evil.so]\n"
           "  mounts:\n"
           "  - {hostPath: /usr/lib/os-release, containerPath: /usr/lib/fakegpu/release}\n"
           "devices:\n"
           "- name: '0'\n  containerEdits:\n    deviceNodes:\n"
           "    - {path: /dev/fakegpu0, hostPath: " +
           dir +
           "/gpu0}\n"
           "- name: '1'\n  containerEdits:\n    deviceNodes:\n"
           "    - {path: /dev/fakegpu1, hostPath: " +
           dir + "/gpu1}\n";
  }

  // What a shell in a sandbox with these devices says.
  std::string Say(const GpuDevices& gpus, const std::string& script,
                  const std::string& backend = "runc") {
    spec_.gpus = gpus;
    auto made = MakeBackend(backend, reactor_);
    if (!made) return "no backend: " + made.error().message;
    std::string out;
    auto status = reactor_.Run([&]() -> Task<Status> {
      Deadline deadline = Deadline::In(seconds(60));
      auto box = co_await (*made)->Create(spec_, deadline);
      if (!box) co_return tl::unexpected(box.error());
      isolation_ = (*box)->isolation();
      ExecSpec command;
      command.argv = {"sh", "-c", script};
      auto result = co_await (*box)->Exec(std::move(command), deadline);
      if (result) out = result->output;
      Deadline last = Deadline::In(seconds(60));
      co_return co_await (*box)->Destroy(last);
    });
    return status ? out : "failed: " + status.error().message;
  }

  GpuDevices Resolve(const std::string& name) {
    auto registry = CdiRegistry::Read({.dirs = {dir_}});
    EXPECT_TRUE(registry) << registry.error().message;
    auto found = registry->Resolve({name});
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : GpuDevices{};
  }

  std::optional<TempDir> temp_;
  fs::path dir_;
  SandboxSpec spec_;
  Reactor reactor_;
  IsolationRecord isolation_;
};

TEST_F(GpuSandboxTest, U01_WhatIsAssignedWorksAndWhatIsNotIsAbsent) {
  std::string got = Say(Resolve("podium.test/gpu=0"),
                        "head -c 4 /dev/fakegpu0 | od -An -tx1; "
                        "for d in fakegpu1 kmsg fuse nvidia0; do test -e /dev/$d && echo $d; done; "
                        "head -c 5 /usr/lib/fakegpu/release | wc -c; "
                        "(echo x > /usr/lib/fakegpu/release) 2>/dev/null || echo read-only; "
                        "env | grep -c LD_PRELOAD; echo $NVIDIA_VISIBLE_DEVICES");
  EXPECT_EQ(got, " 00 00 00 00\n5\nread-only\n0\nvoid\n");
  EXPECT_THAT(isolation_.enforced,
              testing::Contains(testing::Pair("devices", HasSubstr("and GPU podium.test/gpu=0"))));
  EXPECT_THAT(isolation_.enforced,
              testing::Contains(testing::Pair("gpu", HasSubstr("variable LD_PRELOAD"))));
}

TEST_F(GpuSandboxTest, U01_TheDeviceGroupOpensExactlyTheNumbersGiven) {
  const char* open = "(: < /dev/fakegpu1) 2>&1 && echo opened";
  auto one = Resolve("podium.test/gpu=1");
  EXPECT_EQ(Say(one, open), "opened\n");
  ASSERT_EQ(one.nodes.size(), 1u);
  one.nodes[0].minor = 230;  // the node that is made has this number, of which there is no device
  EXPECT_THAT(Say(one, open), HasSubstr("cannot open /dev/fakegpu1"));
}

TEST_F(GpuSandboxTest, BackendsThatCannotKeepAGpuApartRefuseIt) {
  auto zero = Resolve("podium.test/gpu=0");
  spec_.allow_unenforced = true;
  EXPECT_THAT(Say(zero, "true", "unsafe-local"), HasSubstr("limits.gpus has no meaning"));
  if (!MakeBackend("runsc", reactor_)) return;  // not installed
  EXPECT_THAT(Say(zero, "true", "runsc"), HasSubstr("nvproxy"));
}

}  // namespace
}  // namespace podium::sandbox
