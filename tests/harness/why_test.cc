#include "harness/report/why.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "tests/harness/trial_fixture.h"

namespace podium::harness {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class WhyTest : public TrialFixture {
 protected:
  void SetUp() override {
    TrialFixture::SetUp();
    UseScaffold();
    work_ = [](agents::TrialContext&) -> Task<Result<agents::AgentOutcome>> {
      agents::AgentOutcome out;
      out.end = "time_limit";
      co_return out;
    };
  }
  Why Explain() {
    return ExplainTrial(ReadTrial(Dir(), Plan().id, SystemClock()), Lines(),
                        SystemClock().WallNow());
  }
};

TEST_F(WhyTest, AnAgentThatLeftNothingIsExplained) {
  ASSERT_TRUE(Run());
  Why why = Explain();
  EXPECT_EQ(why.headline, "tiny/a/s0: agent_failed, no_submission");
  EXPECT_THAT(why.happened,
              Contains(HasSubstr("attempt 1 began, with 5 min 00 s of working time")));
  EXPECT_THAT(why.happened,
              Contains(HasSubstr("the agent ended, time_limit: its working time was over")));
  EXPECT_THAT(why.happened, Contains(HasSubstr("its submission was taken: missing")));
  EXPECT_THAT(why.advice, Contains(HasSubstr("budget.wall")));
  EXPECT_THAT(why.advice, Contains(HasSubstr("It is a result and is not tried again")));
}

TEST_F(WhyTest, InfrastructureIsTheHostsAndSaysWhatToDo) {
  retries_.infrastructure = 1;
  script_.faults["create"] = {Error{ErrorCode::kSandbox, "mount: no"}};
  ASSERT_EQ(Run()->end, TrialEnd::kFailed);
  EXPECT_THAT(Explain().advice, Contains(HasSubstr("tries it again")));
  script_.faults["create"] = {Error{ErrorCode::kSandbox, "mount: still no"}};
  ASSERT_EQ(Run()->end, TrialEnd::kExhausted);
  Why why = Explain();
  EXPECT_THAT(why.headline, HasSubstr("infrastructure_exhausted, mount: still no"));
  EXPECT_THAT(why.happened, Contains(HasSubstr("attempt 2 began")));
  EXPECT_THAT(why.happened, Contains(HasSubstr("had failed 2 times")));
  EXPECT_THAT(why.advice, Contains(HasSubstr("podium retry RUN tiny/a/s0")));
  EXPECT_THAT(why.advice, Contains(HasSubstr("podium doctor")));
}

TEST_F(WhyTest, AScoreNeedsNoAdvice) {
  work_ = [](agents::TrialContext&) -> Task<Result<agents::AgentOutcome>> {
    co_return agents::AgentOutcome{};
  };
  script_.files["/home/submission/submission.csv"] =
      *ReadFile(prepared_.public_dir / "sample_submission.csv");
  ASSERT_TRUE(Run());
  Why why = Explain();
  EXPECT_EQ(why.headline, "tiny/a/s0: scored 0.75, medal none");
  EXPECT_THAT(why.advice, IsEmpty());
  auto json = ParseJson(WhyJson(why, ReadTrial(Dir(), Plan().id, SystemClock())), "why");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["outcome"], "scored");
}

TEST_F(WhyTest, EveryEventOfAJournalCanBeTold) {
  TrialView view;
  view.id = Plan().id;
  std::vector<JournalLine> lines;
  auto add = [&](records::Event event) {
    JournalLine line;
    line.number = static_cast<std::int64_t>(lines.size()) + 1;
    line.time = "2026-11-30T00:00:00.000Z";
    line.event = std::move(event);
    lines.push_back(std::move(line));
  };
  add(records::Outage{.waited = Millis(65'000), .why = "429\nmore"});
  add(records::GatewayFlag{.code = "upstream_refused_key", .detail = "", .count = 3});
  add(records::Retried{.why = "mended"});
  Why why = ExplainTrial(view, lines, SystemClock().WallNow());
  EXPECT_THAT(why.met,
              Contains(HasSubstr("in 1 pause that are no working time, the last for: 429")));
  EXPECT_THAT(why.met, Contains("flag upstream_refused_key (3 times)"));
  EXPECT_THAT(why.happened,
              Contains("2026-11-30 00:00:00  somebody allowed more attempts: mended"));
}

}  // namespace
}  // namespace podium::harness
