// Many sandboxes one after another and at once: what the host holds afterwards is what it held
// before.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/backends/factory.h"
#include "sandbox/images/image.h"
#include "sandbox/sandbox.h"
#include "tests/support/host_traces.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

std::size_t CountOpenDescriptors() {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& e : fs::directory_iterator("/proc/self/fd")) ++n;
  return n;
}

std::size_t CountZombies() {
  std::size_t n = 0;
  std::error_code ec;
  for (fs::directory_iterator it("/proc", ec), end; !ec && it != end; it.increment(ec)) {
    auto stat = ReadFile(it->path() / "stat", 4096);
    if (!stat) continue;
    auto fields = Split(*stat, ' ');
    if (fields.size() > 3 && fields[2] == "Z" && fields[3] == std::to_string(::getpid())) ++n;
  }
  return n;
}

class ChurnTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto image = FindImage("podium-ml", CacheDir());
    if (!image) GTEST_SKIP() << image.error().message;
    layers_ = image->layers;
    auto made = TempDir::Make("podium-churn");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
    auto backend = MakeBackend("runc", reactor_);
    if (!backend) GTEST_SKIP() << backend.error().message;
    backend_ = std::move(*backend);
  }

  SandboxSpec Spec(int number) {
    SandboxSpec spec;
    spec.id = "churn-" + std::to_string(::getpid()) + "-" + std::to_string(number);
    spec.layers = layers_;
    spec.state_dir = temp_->path() / "state";
    spec.limits.memory_bytes = 64 << 20;
    spec.limits.disk_bytes = 64 << 20;
    spec.limits.inodes = 2000;
    spec.limits.shm_bytes = spec.limits.tmp_bytes = 16 << 20;
    spec.env = {{"PATH", "/usr/bin:/bin"}};
    return spec;
  }

  Task<Status> OneLife(int number) {
    Deadline deadline = Deadline::In(std::chrono::minutes(5));
    auto box = co_await backend_->Create(Spec(number), deadline);
    if (!box) co_return tl::unexpected(box.error());
    ExecSpec exec;
    exec.argv = {"sh", "-c",
                 "echo " + std::to_string(number) + " > /home/code/n; cat /home/code/n"};
    auto ran = co_await (*box)->Exec(std::move(exec), deadline);
    bool right = ran && ran->output == std::to_string(number) + "\n";
    auto destroyed = co_await (*box)->Destroy(deadline);
    if (!destroyed) co_return destroyed;
    if (!right)
      co_return Fail(ErrorCode::kSandbox, "sandbox " + std::to_string(number) + " said " +
                                              (ran ? ran->output : ran.error().message));
    co_return Status{};
  }

  void ExpectBaseline(std::size_t descriptors) {
    EXPECT_EQ(tests::SandboxTraces("churn-" + std::to_string(::getpid())), std::set<std::string>{});
    EXPECT_EQ(CountOpenDescriptors(), descriptors);
    EXPECT_EQ(CountZombies(), 0u);
  }

  Reactor reactor_;
  std::vector<fs::path> layers_;
  std::unique_ptr<Backend> backend_;
  std::optional<TempDir> temp_;
};

TEST_F(ChurnTest, FiveHundredOneAfterAnotherLeaveNothing) {
  std::size_t descriptors = 0;
  auto status = reactor_.Run([&]() -> Task<Status> {
    for (int i = 0; i < 500; ++i) {
      auto one = co_await OneLife(i);
      if (!one) co_return one;
      if (i == 0) descriptors = CountOpenDescriptors();
    }
    co_return Status{};
  });
  ASSERT_TRUE(status) << status.error().message;
  ExpectBaseline(descriptors);
}

TEST_F(ChurnTest, FiftyAtOnceLeaveNothing) {
  std::size_t descriptors = 0;
  int done = 0, failed = 0;
  auto status = reactor_.Run([&]() -> Task<Status> {
    auto first = co_await OneLife(999);
    if (!first) co_return first;
    descriptors = CountOpenDescriptors();
    for (int i = 0; i < 50; ++i) {
      boost::asio::co_spawn(reactor_.io(), OneLife(i), [&](std::exception_ptr, Status one) {
        ++done;
        if (!one) {
          ++failed;
          ADD_FAILURE() << one.error().message;
        }
      });
    }
    for (int i = 0; i < 6000 && done < 50; ++i) {
      Deadline step = Deadline::In(Millis(50));
      co_await SleepUntil(step);
    }
    co_return Status{};
  });
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(done, 50);
  EXPECT_EQ(failed, 0);
  ExpectBaseline(descriptors);
}

}  // namespace
}  // namespace podium::sandbox
