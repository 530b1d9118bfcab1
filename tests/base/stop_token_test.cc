#include "base/async/stop_token.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/base/loop_fixture.h"

namespace podium {
namespace {

using testing::ElementsAre;

class StopTokenTest : public LoopFixture {
 protected:
  std::size_t Wait(std::string name, StopLevel level) {
    return Start(Waits(source_->token(), std::move(name), level));
  }
  Task<void> Waits(StopToken token, std::string name, StopLevel level) {
    co_await token.Reached(level);
    reached_.push_back(name);
  }
  void Raise(StopLevel level) {
    source_->Raise(level);
    Poll();
  }

  std::unique_ptr<StopSource> source_ = std::make_unique<StopSource>();
  std::vector<std::string> reached_;
};

TEST_F(StopTokenTest, LevelsRiseAndNeverFall) {
  StopToken token = source_->token();
  EXPECT_FALSE(token.draining());
  Raise(StopLevel::kDraining);
  EXPECT_TRUE(token.draining());
  EXPECT_FALSE(token.stopping());
  Raise(StopLevel::kStopping);
  EXPECT_TRUE(token.draining() && token.stopping());
  Raise(StopLevel::kRunning);
  EXPECT_EQ(token.level(), StopLevel::kStopping);
}

TEST_F(StopTokenTest, WhoWaitsIsWokenAtTheLevelItWaitsFor) {
  Wait("drain", StopLevel::kDraining);
  Wait("stop", StopLevel::kStopping);
  EXPECT_THAT(reached_, ElementsAre());
  Raise(StopLevel::kDraining);
  EXPECT_THAT(reached_, ElementsAre("drain"));
  Raise(StopLevel::kStopping);
  EXPECT_THAT(reached_, ElementsAre("drain", "stop"));
}

TEST_F(StopTokenTest, ALevelThatIsJumpedOverIsReached) {
  Wait("drain", StopLevel::kDraining);
  Raise(StopLevel::kStopping);
  Wait("late", StopLevel::kDraining);
  EXPECT_THAT(reached_, ElementsAre("drain", "late"));
}

TEST_F(StopTokenTest, AWaitThatIsCancelledEndsAndTheOthersGoOn) {
  auto gone = Wait("gone", StopLevel::kStopping);
  Wait("stop", StopLevel::kStopping);
  Cancel(gone);
  Poll();
  EXPECT_EQ(thrown_, 1);
  Raise(StopLevel::kStopping);
  EXPECT_THAT(reached_, ElementsAre("stop"));
}

TEST_F(StopTokenTest, TokensOutliveTheirSource) {
  StopToken token = source_->token();
  Wait("drain", StopLevel::kDraining);
  Raise(StopLevel::kDraining);
  source_.reset();
  EXPECT_TRUE(token.draining());
  EXPECT_THAT(reached_, ElementsAre("drain"));
}

TEST_F(StopTokenTest, OneWithoutASourceNeverRises) {
  StopToken token;
  EXPECT_EQ(token.level(), StopLevel::kRunning);
}

}  // namespace
}  // namespace podium
