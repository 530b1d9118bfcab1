// The sandbox that a script plays keeps what tests build on: a command's deadline, and how it
// moves.
#include <gtest/gtest.h>

#include "sandbox/backends/fake/fake_backend.h"

namespace podium::sandbox {
namespace {

// Runs one command that takes so long, with a deadline `limit` away that `moved` moves.
ExecEnd EndOf(Millis takes, Millis limit, std::function<Millis()> moved) {
  FakeScript script;
  script.exec = [takes](FakeFiles&, const ExecSpec&) { return FakeExec{.takes = takes}; };
  FakeBackend backend(std::move(script));
  Reactor reactor;
  ExecEnd out = ExecEnd::kInitGone;
  auto ended = reactor.Run([&]() -> Task<Status> {
    Deadline far = Deadline::In(std::chrono::hours(1));
    SandboxSpec box_spec;
    auto box = co_await backend.Create(std::move(box_spec), far);
    ExecSpec spec;
    spec.argv = {"x"};
    spec.moved = std::move(moved);
    Deadline deadline = Deadline::In(limit);
    auto result = co_await (*box)->Exec(std::move(spec), deadline);
    if (result) out = result->end;
    co_return co_await (*box)->Destroy(far);
  });
  EXPECT_TRUE(ended);
  return out;
}

TEST(FakeSandboxTest, ACommandEndsAtItsDeadline) {
  EXPECT_EQ(EndOf(std::chrono::hours(1), Millis(5), nullptr), ExecEnd::kTimeLimit);
  EXPECT_EQ(EndOf(Millis(1), std::chrono::hours(1), nullptr), ExecEnd::kExited);
}

TEST(FakeSandboxTest, ADeadlineThatMovedEndsNothing) {
  auto an_hour = []() -> Millis { return std::chrono::hours(1); };
  EXPECT_EQ(EndOf(Millis(10), Millis(1), an_hour), ExecEnd::kExited);
}

// It is asked anew each time that it seems to have passed.
TEST(FakeSandboxTest, ADeadlineMovesAsLongAsItsCommandWaits) {
  int asked = 0;
  auto a_little = [&asked] { return Millis(5 * std::min(asked++, 2)); };
  EXPECT_EQ(EndOf(std::chrono::hours(1), Millis(5), a_little), ExecEnd::kTimeLimit);
  EXPECT_GE(asked, 3);
}

}  // namespace
}  // namespace podium::sandbox
