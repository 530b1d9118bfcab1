// The escape suite on every backend that works here, and the knock-out run: each mitigation left
// out must be noticed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "harness/grading/grader_cases.h"
#include "sandbox/backends/factory.h"
#include "sandbox/escape/suite.h"
#include "sandbox/images/image.h"
#include "tests/support/docker_daemon.h"
#include "tests/support/host_traces.h"
#include "tests/support/ordinary_user.h"
#include "tests/support/podman_service.h"

namespace podium::sandbox::escape {
namespace {

class EscapeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto image = FindImage("podium-ml", CacheDir());
    if (!image) GTEST_SKIP() << image.error().message;
    layers_ = image->layers;
  }

  // Empty where the backend does not work here; the reason is the test's.
  std::vector<CaseOutcome> Run(const std::string& backend, MitigationSet without = {},
                               std::vector<std::string> only = {}) {
    Reactor reactor;
    if (auto made = MakeBackend(backend, reactor); !made) {
      reason_ = made.error().message;
      return {};
    }
    SuiteOptions options{.backend = backend, .layers = layers_, .only = std::move(only)};
    options.also = harness::CasesBesideTheSandboxs();
    options.without = std::move(without);
    std::vector<CaseOutcome> out;
    auto status = reactor.Run([&]() -> Task<Status> {
      auto ran = co_await RunSuite(reactor, std::move(options));
      if (!ran) co_return tl::unexpected(ran.error());
      out = std::move(*ran);
      co_return Status{};
    });
    EXPECT_TRUE(status) << status.error().message;
    // A sandbox's id ends in this process's number and its own: others may run a suite, too.
    std::string ours = "-" + std::to_string(::getpid()) + "-";
    EXPECT_EQ(tests::SandboxTraces(ours), std::set<std::string>{}) << "left behind";
    return out;
  }

  void ExpectAllHeld(const std::string& backend) {
    auto outcomes = Run(backend);
    if (outcomes.empty() && !reason_.empty()) GTEST_SKIP() << reason_;
    EXPECT_EQ(outcomes.size(), Cases().size() + harness::CasesBesideTheSandboxs().size());
    int held = 0;
    for (const auto& c : outcomes) {
      held += c.result.outcome == Outcome::kHeld;
      EXPECT_NE(c.result.outcome, Outcome::kBroken)
          << c.of->id << " (" << c.of->title << "): " << c.result.detail;
      if (c.result.outcome == Outcome::kSkipped)
        std::cout << "skipped " << c.of->id << ": " << c.result.detail << "\n";
    }
    std::cout << backend << ": " << held << " of " << outcomes.size() << " held\n";
    EXPECT_GE(held, 40);
  }

  std::vector<std::filesystem::path> layers_;
  std::string reason_;
};

TEST_F(EscapeTest, OnRunc) { ExpectAllHeld("runc"); }

TEST_F(EscapeTest, OnCrun) { ExpectAllHeld("crun"); }

// As an ordinary user: nothing breaks out, and what is not tried is what no group limits.
TEST_F(EscapeTest, OnRuncRootless) {
  auto user = tests::OrdinaryUser::Make();
  if (!user) GTEST_SKIP() << user.error().message;
  auto ran =
      RunProcess(user->Command({"podium", "sandbox", "test", "--allow-unenforced", "--json"}),
                 Deadline::In(std::chrono::minutes(10)));
  ASSERT_TRUE(ran) << ran.error().message;
  if (ran->err.find("without root, sandboxes need") != std::string::npos ||
      ran->err.find("user namespace") != std::string::npos)
    GTEST_SKIP() << ran->err;
  auto report = ParseJson(ran->out, "podium sandbox test");
  ASSERT_TRUE(report) << ran->out << ran->err;
  const std::set<std::string> unlimited = {"P04", "P04b", "P04d", "P05", "P19"};
  const std::string gvisor_alone = "P20";
  int held = 0;
  for (const auto& c : (*report)["cases"]) {
    std::string id = c["id"], outcome = c["outcome"], detail = c["detail"];
    EXPECT_NE(outcome, "broken") << id << ": " << detail;
    EXPECT_TRUE(outcome != "skipped" || unlimited.contains(id) || id == gvisor_alone ||
                id.starts_with("U"))
        << id << ": " << detail;
    held += outcome == "held";
  }
  std::cout << "runc without root: " << held << " of " << (*report)["cases"].size() << " held\n";
  EXPECT_GE(held, 40);
  EXPECT_TRUE(tests::OrdinaryUser::StayingProcesses().empty());
}

TEST_F(EscapeTest, OnGvisor) { ExpectAllHeld("runsc"); }

TEST_F(EscapeTest, OnDocker) {
  auto daemon = tests::DockerDaemon::Start();
  if (!daemon) GTEST_SKIP() << daemon.error().message;
  ExpectAllHeld("docker");
}

TEST_F(EscapeTest, OnPodman) {
  auto service = tests::PodmanService::Start();
  if (!service) GTEST_SKIP() << service.error().message;
  ExpectAllHeld("podman");
  EXPECT_EQ((*service)->Left(), std::set<std::string>{}) << "left behind";
}

TEST_F(EscapeTest, EveryMitigationLeftOutIsNoticed) {
  for (const auto& set : KnockOutSets()) {
    auto only = ExpectedToNotice(set);
    ASSERT_FALSE(only.empty()) << NameOf(set);
    auto outcomes = Run("runc", set, only);
    bool noticed = std::ranges::any_of(
        outcomes, [](const auto& c) { return c.result.outcome == Outcome::kBroken; });
    std::string seen;
    for (const auto& c : outcomes) seen += std::string(c.of->id) + ": " + c.result.detail + "\n";
    EXPECT_TRUE(noticed) << NameOf(set) << " was left out and nobody noticed:\n" << seen;
  }
}

TEST_F(EscapeTest, EveryMitigationIsInTheKnockOutRun) {
  for (const auto& info : Mitigations()) {
    bool covered = false;
    for (const auto& set : KnockOutSets())
      covered = covered || (set.contains(info.mitigation) && !ExpectedToNotice(set).empty());
    EXPECT_TRUE(covered) << info.name;
  }
}

}  // namespace
}  // namespace podium::sandbox::escape
