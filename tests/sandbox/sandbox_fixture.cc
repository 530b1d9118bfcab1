#include "tests/sandbox/sandbox_fixture.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "sandbox/backends/factory.h"
#include "sandbox/host/rootless.h"
#include "sandbox/images/image.h"
#include "tests/support/host_traces.h"

namespace podium::sandbox {

using std::chrono::seconds;

std::filesystem::path SandboxFixture::TestRoot() {
  if (auto image = FindImage("podium-ml", CacheDir())) return image->rootfs;
  return {};
}

void SandboxFixture::SetUpTestSuite() {
  if (!::getenv("PODIUM_TEST_ROOTLESS")) return;
  auto entered = EnterRootless();  // begins anew, before there are threads
  ASSERT_TRUE(entered) << entered.error().message;
}

void SandboxFixture::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  if (TestRoot().empty())
    GTEST_SKIP() << "image podium-ml is not built (podium image build podium-ml)";
  for (const auto& check : CheckHost()) {
    if (check.required && !check.ok) GTEST_SKIP() << check.name << ": " << check.found;
  }
  auto made = TempDir::Make("podium-sandbox-test");
  ASSERT_TRUE(made);
  temp_.emplace(std::move(*made));
  ASSERT_TRUE(MakeDirs(temp_->path() / "data"));
  std::ofstream(temp_->path() / "data" / "train.csv") << "a,b\n1,2\n";
  auto backend = MakeBackend("runc", reactor_);
  ASSERT_TRUE(backend) << backend.error().message;
  backend_ = std::move(*backend);
}

SandboxSpec SandboxFixture::Spec(const std::string& name) {
  SandboxSpec spec;
  spec.id = "test-" + name + "-" + std::to_string(::getpid());
  spec.layers = {TestRoot()};
  spec.state_dir = temp_->path() / "state";
  spec.data = {{temp_->path() / "data", "/home/data"}};
  spec.limits.memory_bytes = 256 << 20;
  spec.limits.disk_bytes = 64 << 20;
  spec.limits.inodes = 4000;
  spec.limits.pids = 60;
  spec.limits.shm_bytes = 64 << 20;
  spec.limits.tmp_bytes = 64 << 20;
  spec.env = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/home/agent"}};
  spec.allow_unenforced = IsRootless();
  return spec;
}

void SandboxFixture::WithSandbox(std::function<Task<void>(Sandbox&)> body,
                                 std::optional<SandboxSpec> spec) {
  SandboxSpec made = spec ? *spec : Spec();
  auto status = reactor_.Run([&]() -> Task<Status> {
    Deadline deadline = Deadline::In(seconds(60));
    auto box = co_await backend_->Create(made, deadline);
    if (!box) co_return tl::unexpected(box.error());
    EXPECT_FALSE(tests::SandboxTraces(made.id).empty());
    co_await body(**box);
    Deadline last = Deadline::In(seconds(60));
    co_return co_await (*box)->Destroy(last);
  });
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_THAT(tests::SandboxTraces(made.id), testing::IsEmpty());
}

Task<ExecResult> SandboxFixture::Sh(Sandbox& box, std::string script, Millis limit) {
  ExecSpec spec;
  spec.argv = {"sh", "-c", script};
  Deadline deadline = Deadline::In(limit);
  auto result = co_await box.Exec(std::move(spec), deadline);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  co_return result ? *result : ExecResult{};
}

}  // namespace podium::sandbox
