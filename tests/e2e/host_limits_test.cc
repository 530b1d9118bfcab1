// Two `podium` processes on one host that ask the same provider.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"

namespace podium::tests {
namespace {

class HostLimitsTest : public PodiumProgram {
 protected:
  // A model that talks: nothing runs, and each of two nodes asks three times.
  pid_t Talk(const ModelServer& server, const std::string& name, const std::string& seeds) {
    return Start({"run", "--task", Task(), "--agent", "greedy", "--proposer", "llm", "--model", "m",
                  "--nodes", "2", "--seeds", seeds, "--jobs", "8", "--name", name, "--set",
                  "models.at_once=2"},
                 dir() / (name + ".log"),
                 {{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", "k"}});
  }
};

TEST_F(HostLimitsTest, TwoProcessesHaveAProvidersPlacesTogether) {
  std::atomic<int> now{0}, most{0};
  ModelServer server([&](int, const ReceivedRequest&) {
    int here = ++now;
    for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    --now;
    return StreamedText("Shall I begin?");
  });
  pid_t one = Talk(server, "one", "4"), two = Talk(server, "two", "4");
  EXPECT_EQ(Wait(one), 0) << *ReadFile(dir() / "one.log");
  EXPECT_EQ(Wait(two), 0) << *ReadFile(dir() / "two.log");
  EXPECT_EQ(server.requests().size(), 48u) << "2 processes, 4 seeds, 2 nodes, 3 tries";
  EXPECT_EQ(most, 2) << "requests at once";
}

TEST_F(HostLimitsTest, AKilledProcessLeavesItsPlaces) {
  std::atomic<bool> holds{true};
  std::atomic<int> held{0};
  ModelServer server([&](int, const ReceivedRequest&) {
    ++held;
    auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (holds && std::chrono::steady_clock::now() < patience)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return StreamedText("Shall I begin?");
  });
  auto wait_for = [&](int requests) {
    auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (held < requests && std::chrono::steady_clock::now() < patience)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return held.load();
  };
  pid_t one = Talk(server, "one", "4");
  ASSERT_EQ(wait_for(2), 2) << *ReadFile(dir() / "one.log");
  pid_t two = Talk(server, "two", "1");
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_EQ(held, 2) << "the second process waits";
  ::kill(one, SIGKILL);
  EXPECT_EQ(Wait(one), -SIGKILL);
  EXPECT_GE(wait_for(3), 3) << "and asks once the first is gone: " << *ReadFile(dir() / "two.log");
  holds = false;
  EXPECT_EQ(Wait(two), 0) << *ReadFile(dir() / "two.log");
}

}  // namespace
}  // namespace podium::tests
