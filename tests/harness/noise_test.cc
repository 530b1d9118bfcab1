#include "harness/report/noise.h"

#include <gmock/gmock.h>

namespace podium::harness {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TrialView Trial(const std::string& medal, const records::Resources& resources, int attempts = 1) {
  TrialView t;
  t.id = {*TaskId::Parse("tiny"), *AgentId::Parse("a"), 0};
  records::TrialVerdict verdict;
  verdict.grade.verdict = "scored";
  verdict.grade.score = 0.5;
  verdict.grade.standing.medal = medal;
  verdict.resources = resources;
  verdict.attempts = attempts;
  t.verdict = verdict;
  return t;
}

TEST(NoiseTest, IsWhatTookALargeShareOfTheTime) {
  EXPECT_THAT(NoiseOf(Trial("gold", {.worked = seconds(100), .outage = seconds(9)})), IsEmpty());
  EXPECT_THAT(NoiseOf(Trial("gold", {.worked = seconds(100), .outage = seconds(10)})),
              ElementsAre("outage"));
  EXPECT_THAT(NoiseOf(Trial("gold", {.worked = seconds(10), .outage = seconds(4)})), IsEmpty())
      << "four seconds are everybody's";
  records::Resources pressed{.worked = seconds(100)};
  pressed.cpu_pressure = seconds(49);
  pressed.io_pressure = seconds(20);
  EXPECT_THAT(NoiseOf(Trial("gold", pressed)), ElementsAre("io_pressure"));
  pressed.cpu_pressure = seconds(50);
  EXPECT_THAT(NoiseOf(Trial("gold", pressed, 2)),
              ElementsAre("attempts", "cpu_pressure", "io_pressure"));
  EXPECT_THAT(NoiseOf(TrialView()), IsEmpty());
}

TEST(NoiseTest, TheHeadlineStandsBesideTheOneWithoutThem) {
  RunView run;
  run.trials = {Trial("gold", {.worked = seconds(100)}), Trial("none", {.worked = seconds(100)}),
                Trial("gold", {.worked = seconds(100), .outage = seconds(60)})};
  EXPECT_THAT(NoiseText(run),
              HasSubstr("1 of 3 trials met it (outage 1). Any medal without them: 1/2 (50 %"));
  EXPECT_THAT(NoiseText(run), HasSubstr("with them: 2/3 (67 %"));
  run.trials.pop_back();
  EXPECT_EQ(NoiseText(run), "");
}

}  // namespace
}  // namespace podium::harness
