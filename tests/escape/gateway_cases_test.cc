// The attempts on the gateway, one by one, on each backend that works here.
#include "agents/escape/gateway_cases.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.h"
#include "sandbox/image.h"
#include "tests/support/docker_daemon.h"
#include "tests/support/host_traces.h"

namespace podium::agents {
namespace {

using sandbox::escape::Case;
using sandbox::escape::Outcome;

sandbox::SandboxSpec Spec(const std::vector<std::filesystem::path>& layers,
                          const std::filesystem::path& scratch) {
  sandbox::SandboxSpec spec;
  spec.layers = layers;
  spec.state_dir = scratch / "state";
  spec.limits.memory_bytes = std::uint64_t{512} << 20;
  spec.limits.disk_bytes = 512 << 20;
  spec.limits.pids = 200;
  spec.env = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/home/agent"}};
  return spec;
}

void ExpectAllHold(const char* name) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  auto image = sandbox::FindImage("podium-ml", CacheDir());
  if (!image) GTEST_SKIP() << image.error().message;
  Reactor reactor;
  auto backend = sandbox::MakeBackend(name, reactor);
  if (!backend) GTEST_SKIP() << backend.error().message;
  auto temp = TempDir::Make("podium-gateway-cases");
  ASSERT_TRUE(temp);
  sandbox::escape::Context context{.reactor = reactor,
                                   .backend = **backend,
                                   .backend_name = name,
                                   .spec = Spec(image->layers, temp->path()),
                                   .scratch = temp->path()};
  auto status = reactor.Run([&]() -> Task<Status> {
    for (const Case& c : GatewayCases()) {
      auto result = co_await c.run(context);
      std::cout << c.id << " " << (result.outcome == Outcome::kHeld ? "held" : "-") << ": "
                << result.detail << "\n";
      EXPECT_NE(result.outcome, Outcome::kBroken) << c.id << " (" << c.title << ")";
    }
    co_return Status{};
  });
  EXPECT_TRUE(status);
  EXPECT_EQ(tests::SandboxTraces("esc-"), std::set<std::string>{}) << "left behind";
}

TEST(GatewayCasesTest, OnRunc) { ExpectAllHold("runc"); }

TEST(GatewayCasesTest, OnGvisor) { ExpectAllHold("runsc"); }

TEST(GatewayCasesTest, OnDocker) {
  auto daemon = tests::DockerDaemon::Start();
  if (!daemon) GTEST_SKIP() << daemon.error().message;
  ExpectAllHold("docker");
}

}  // namespace
}  // namespace podium::agents
