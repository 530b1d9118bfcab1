// Each record is read as it was written, and what a newer Podium wrote is refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "base/records/grade_record.h"
#include "base/records/grade_request.h"
#include "base/records/history_line.h"
#include "base/records/journal_line.h"
#include "base/records/lease_record.h"
#include "base/records/outcome.h"
#include "base/records/run_control.h"
#include "base/records/schema.h"
#include "base/records/trial_verdict.h"

namespace podium::records {
namespace {

using testing::HasSubstr;

constexpr const char* kNewer = "written by a newer Podium";

template <class T>
std::string MessageOf(const Result<T>& result) {
  return result ? "no error" : result.error().message;
}

// `text` with another schema's number at the end of its "schema" member.
std::string WithSchema(std::string text, const std::string& number) {
  std::size_t at = text.find("/1\"");
  if (at == std::string::npos) at = text.find("/2\"");
  EXPECT_NE(at, std::string::npos) << text;
  return text.replace(at + 1, 1, number);
}

GradeRequest TableRequest() {
  TableGrading g{
      .task = "tiny",
      .task_digest = "ab",
      .metric = "accuracy",
      .lower_is_better = true,
      .params = {{"k", 3}},
      .rules = {.id_column = "id", .columns = {{.name = "y", .integer = true, .min = 0}}}};
  return {.grading = g, .hand_over = {HandOverStatus::kInvalid, "symlink", "a link"}};
}

TEST(SchemaTest, TakesItsKindUpToItsOwnNumber) {
  EXPECT_EQ(*SchemaNumber("podium-x/1", "podium-x", 2, "f"), 1);
  EXPECT_EQ(*SchemaNumber("podium-x/2", "podium-x", 2, "f"), 2);
  EXPECT_THAT(MessageOf(SchemaNumber("podium-x/3", "podium-x", 2, "f:7")), HasSubstr(kNewer));
  EXPECT_THAT(MessageOf(SchemaNumber("podium-x/3", "podium-x", 2, "f:7")), HasSubstr("f:7"));
  for (const char* other : {"", "podium-x", "podium-x/", "podium-y/1", "podium-x/1a", "podium-x/0"})
    EXPECT_FALSE(SchemaNumber(other, "podium-x", 2, "f")) << other;
}

TEST(GradeRequestTest, IsReadAsItWasWritten) {
  GradeRequest request = TableRequest();
  auto back = ParseGradeRequest(ToText(request));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToText(*back), ToText(request));
  const auto& g = std::get<TableGrading>(back->grading);
  EXPECT_TRUE(g.rules.columns[0].integer);
  EXPECT_EQ(g.rules.columns[0].min, 0);
  EXPECT_EQ(g.rules.columns[0].max, INFINITY);
  EXPECT_EQ(back->hand_over, request.hand_over);
  GradeRequest other{
      .grading = CompetitionGrading{.competition = "id: x\n",
                                    .mode = "compat",
                                    .known = KnownLines{10, 4, 3, 2, 1, "somewhere"}},
      .hand_over = {HandOverStatus::kMissing, "", ""}};
  back = ParseGradeRequest(ToText(other));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToText(*back), ToText(other));
}

TEST(GradeRequestTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(MessageOf(ParseGradeRequest(WithSchema(ToText(TableRequest()), "2"))),
              HasSubstr(kNewer));
  Json json = *ParseJson(ToText(TableRequest()), "request");
  json.erase("metric");
  EXPECT_THAT(MessageOf(ParseGradeRequest(DumpJson(json))), HasSubstr("'metric' is missing"));
  json = *ParseJson(ToText(TableRequest()), "request");
  json["handover"]["status"] = "lost";
  EXPECT_THAT(MessageOf(ParseGradeRequest(DumpJson(json))), HasSubstr("not 'lost'"));
  EXPECT_FALSE(ParseGradeRequest("[]"));
}

GradeRecord ScoredRecord() {
  GradeRecord r;
  r.task = "tiny";
  r.task_digest = "ab";
  r.grader = "podium-grade/1";
  r.mode = "strict";
  r.metric = "accuracy";
  r.submission_sha256 = "cd";
  r.submission_bytes = 17;
  r.verdict = "scored";
  r.raw_score = 0.1234567;
  r.score = 0.12346;
  r.standing = {"silver", true, 0.875, 3};
  r.board = BoardRecord{20, {0.9, 0.1, 0.05, 0.01}};
  return r;
}

TEST(GradeRecordTest, IsReadAsItWasWritten) {
  GradeRecord r = ScoredRecord();
  auto back = ParseGradeRecord(ToText(r), "record");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToText(*back), ToText(r));
  EXPECT_EQ(back->standing.rank, 3);
  EXPECT_EQ(back->board->lines.bronze, 0.05);
  EXPECT_FALSE(back->competition);
  r.competition = CompetitionRecord{true, "board", "every line is the same"};
  r.score = NAN;
  r.raw_score = -INFINITY;
  back = ParseGradeRecord(ToText(r), "record");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToText(*back), ToText(r));
  EXPECT_TRUE(std::isnan(*back->score));
  EXPECT_EQ(*back->raw_score, -INFINITY);
  EXPECT_TRUE(back->competition->raised);
  EXPECT_THAT(MessageOf(ParseGradeRecord(WithSchema(ToText(r), "2"), "record")), HasSubstr(kNewer));
}

TEST(TrialVerdictTest, IsReadAsItWasWritten) {
  TrialVerdict v;
  v.grade = ScoredRecord();
  v.agent = {"node_budget", "node 3"};
  v.image = "ef";
  v.isolation = Isolation{"oci:runc", {{"memory", "cgroup"}}, {"swap"}};
  v.validations = {1, 2, 3};
  v.models = ModelsSpent{4, 5, 6, 7, "0.25", Millis(8)};
  auto back = ParseTrialVerdict(ToText(v), "verdict.json");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToText(*back), ToText(v));
  EXPECT_EQ(back->isolation, v.isolation);
  EXPECT_EQ(back->models, v.models);
  TrialVerdict bare;
  bare.grade = ScoredRecord();
  back = ParseTrialVerdict(ToText(bare), "verdict.json");
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->isolation);
  EXPECT_FALSE(back->models);
  EXPECT_THAT(MessageOf(ParseTrialVerdict(WithSchema(ToText(v), "2"), "v")), HasSubstr(kNewer));
  EXPECT_FALSE(ParseTrialVerdict("", "verdict.json"));
  EXPECT_FALSE(ParseTrialVerdict(R"({"schema":"podium-trial-verdict/1"})", "verdict.json"));
}

SearchNode Node() {
  SearchNode n;
  n.id = 4;
  n.step = 6;
  n.parents = {3, 1};
  n.op = "improve";
  n.source = "model";
  n.plan = "plan";
  n.code = "print('\xc3\xa9')\n";
  n.end = "exited";
  n.exit_code = 0;
  n.output = "out";
  n.exec_wall = Millis(1234);
  n.tokens = {10, 20, 2, Millis(99)};
  n.score = 0.25;
  n.own_score = 0.5;
  n.choice_score = 0.75;
  n.submission_digest = "abc";
  n.fault = "no_score";
  n.detail = "why";
  return n;
}

// One of each kind, no member at its default.
std::vector<Event> AllEvents() {
  Sealed sealed;
  sealed.agent = {"finished", "well"};
  sealed.worked = Millis(5);
  sealed.validations = {1, 2, 3};
  sealed.hand_over = {HandOverStatus::kInvalid, "symlink", "a link"};
  sealed.isolation = Isolation{"oci:runc", {{"memory", "cgroup"}}, {"swap"}};
  sealed.models = ModelsSpent{4, 5, 6, 7, "0.25", Millis(8)};
  sealed.file = "grid.json";
  sealed.candidates = {4, 2};
  sealed.reveals = {"search.feedback: hidden"};
  return {Attempt{1, Millis(2), Millis(3)},
          Node(),
          Exec{"start.sh", "signalled", 1, 9, Millis(2), 3, "out"},
          Snapshot{"ab", 2},
          Validation{true, "bad_csv", 3},
          Outage{Millis(1), "why"},
          Taken{"code", 1, 2, 3, false, {"a: symlink"}, ""},
          Taken{.folder = "logs", .failed = "the sandbox is gone"},
          FellBack{"snapshots/last_valid.csv"},
          Service{"validator", "no sockets"},
          ModelCall{"m", "chat", 200, "ok", 1, 2, 3, 4, 4, "0.5", Millis(5), Millis(6), Millis(7),
                    true, "d"},
          GatewayFlag{"code", "detail", 3},
          Failed{"sandbox", "message", Millis(4)},
          Paused{2, Millis(3)},
          sealed,
          Graded{"scored"},
          Begun{6, {3, 1}, "crossover", 4, 2},
          Forked{"run", "t/a/s0", 3, "ab"},
          Rebuilt{3, {1}, 2, "no room"},
          ToolUse{2,
                  "said",
                  "bash",
                  "{}",
                  "exited",
                  1,
                  Millis(2),
                  Millis(3),
                  true,
                  "seen",
                  {{1, 40, true}, {2, 7, false}},
                  {"r", "a", "chat"},
                  {"s", "b", "chat"}},
          KnowledgeUse{"tool", "words", {"a.md#1"}},
          AcpUpdate{2, "tool_call", "ls: pending"},
          Exhausted{3, "no"},
          Retried{"mended"},
          InjectedFault{64, 1, "cut_stream", "m"},
          Failed{"sandbox", "no", Millis(2), "no loop device"},
          JobStarted{1, 2, "train.py", Millis(3)},
          JobEnded{1, "exited", 2, 9, Millis(4), 5},
          Layer{3, 1, "ab", 40, ""}};
}

TEST(EventTest, EachIsReadAsItWasWritten) {
  std::vector<Event> all = AllEvents();
  std::set<std::size_t> kinds;
  for (const auto& event : all) {
    kinds.insert(event.index());
    std::string text = BodyText(event);
    auto back = ParseEvent(EventName(event), text, "line");
    ASSERT_TRUE(back) << EventName(event) << ": " << back.error().message;
    EXPECT_EQ(back->index(), event.index());
    EXPECT_EQ(BodyText(*back), text) << EventName(event);
    EXPECT_NE(BodyText(*ParseEvent(EventName(event), R"({"id":0,"parents":[],"op":"x"})", "line")),
              text)
        << EventName(event) << ": its members are not read";
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Event>) << "a kind of event is not tried here";
}

TEST(EventTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(MessageOf(ParseEvent("danced", "{}", "j:3")), HasSubstr("j:3: no event is named"));
  EXPECT_THAT(MessageOf(ParseEvent("node", "{}", "j:3")), HasSubstr("j:3: JSON member 'id'"));
  EXPECT_FALSE(ParseEvent("attempt", "[]", "j"));
  EXPECT_FALSE(ParseEvent("attempt", "{", "j"));
}

TEST(EventTest, ANodeOfSchema1HasOneParent) {
  auto node = [](const char* parent) {
    return ParseEvent("node", std::string(R"({"id":4,"op":"debug","parent":)") + parent + "}", "j");
  };
  EXPECT_EQ(std::get<SearchNode>(*node("3")).parents, std::vector<int>{3});
  EXPECT_TRUE(std::get<SearchNode>(*node("-1")).parents.empty());
  EXPECT_EQ(std::get<SearchNode>(*node("-2")).parents, std::vector<int>{-2}) << "for its reader";
}

TEST(EventTest, ANodeWithoutAStepBeganWhenItsIdSays) {
  auto node = ParseEvent("node", R"({"id":4,"op":"draft","parents":[]})", "j");
  EXPECT_EQ(std::get<SearchNode>(*node).step, 4);
  SearchNode in_turn = Node();
  in_turn.step = in_turn.id;
  EXPECT_THAT(BodyText(in_turn), testing::Not(HasSubstr("step")));
}

TEST(JournalLineTest, IsReadAsItWasWritten) {
  for (const auto& event : AllEvents()) {
    JournalLine line{.number = 7, .time = "2026-11-24T01:54:57.123Z", .lease = 3, .event = event};
    std::string text = ToText(line);
    ASSERT_TRUE(text.ends_with("}\n"));
    auto back = ParseJournalLine(text, "journal.jsonl:7");
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(ToText(*back), text);
    for (std::size_t at : {text.find(":7,"), text.find("2026"), text.find("lease\":3") + 7}) {
      std::string changed = text;
      changed[at + 1] = changed[at + 1] == '8' ? '9' : '8';
      EXPECT_FALSE(ParseJournalLine(changed, "journal.jsonl:7")) << changed;
    }
  }
}

// As Podium wrote them before lines had a schema's number.
TEST(JournalLineTest, Schema1IsRead) {
  const char* old =
      R"({"n":1,"t":"2026-11-28T20:11:01.442Z","type":"graded","body":{"verdict":"scored"},)"
      R"("crc":"@"})";
  auto refused = ParseJournalLine(old, "journal.jsonl:1");
  EXPECT_THAT(MessageOf(refused), HasSubstr("checksum"));
  std::string sound = old;
  sound.replace(sound.find('@'), 1, "7103dc06");
  auto line = ParseJournalLine(sound, "journal.jsonl:1");
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->lease, 0);
  EXPECT_EQ(std::get<Graded>(line->event).verdict, "scored");
}

TEST(JournalLineTest, ANewerOneIsRefused) {
  std::string text = ToText({.number = 1, .time = "t", .lease = 1, .event = Graded{"scored"}});
  text.replace(text.find("\"v\":2"), 5, "\"v\":3");
  EXPECT_THAT(MessageOf(ParseJournalLine(text, "journal.jsonl:1")), HasSubstr(kNewer));
}

TEST(LeaseRecordTest, IsReadAsItWasWritten) {
  LeaseRecord lease{.owner = {"h", "b", "ns", 12, "34"},
                    .number = 5,
                    .beat = 6,
                    .attempt = 7,
                    .worked = Millis(8)};
  auto back = ParseLease(ToText(lease), "lease.json");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToText(*back), ToText(lease));
  std::string freed = ToText(lease);
  freed.replace(kLeaseStateAt, kLeaseFree.size(), kLeaseFree);
  ASSERT_TRUE(ParseLease(freed, "lease.json"));
  EXPECT_FALSE(ParseLease(freed, "lease.json")->held);
  EXPECT_EQ(ToText(*ParseLease(freed, "lease.json")), freed);
  EXPECT_THAT(MessageOf(ParseLease(WithSchema(ToText(lease), "3"), "lease.json")),
              HasSubstr(kNewer));
  EXPECT_FALSE(ParseLease("[]", "lease.json"));
  auto old = ParseLease(R"({"host":"h","boot":"b","pid":1,"start":"1","beat":9,"token":"x"})", "l");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->number, 0);
  EXPECT_EQ(old->beat, 9);
}

TEST(HistoryLineTest, FollowsFromTheLineBefore) {
  HistoryLine line{.number = 1,
                   .time = "t",
                   .event = "graded",
                   .trial = "a/b/s0",
                   .lease = 2,
                   .submission_sha256 = "s",
                   .verdict_sha256 = "v",
                   .journal_sha256 = "j"};
  auto first = ToText(line, "");
  auto second = ToText(line, first.digest);
  auto back = ParseHistoryLine(second.text, first.digest, "h:2");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->digest, second.digest);
  EXPECT_EQ(ToText(back->line, first.digest).text, second.text);
  EXPECT_THAT(MessageOf(ParseHistoryLine(second.text, "", "h:2")), HasSubstr("does not follow"));
  std::string newer = second.text;
  newer.replace(newer.find("\"v\":2"), 5, "\"v\":3");
  EXPECT_THAT(MessageOf(ParseHistoryLine(newer, first.digest, "h:2")), HasSubstr(kNewer));
}

TEST(OutcomeTest, IsWhatTheGradeSays) {
  GradeRecord grade;
  for (auto [verdict, outcome] :
       {std::pair("scored", Outcome::kScored), std::pair("invalid", Outcome::kAgentFailed),
        std::pair("no_submission", Outcome::kAgentFailed),
        std::pair("grader_error", Outcome::kTaskFailed)}) {
    grade.verdict = verdict;
    EXPECT_EQ(OutcomeOf(grade), outcome) << verdict;
    EXPECT_EQ(*ParseOutcome(OutcomeText(outcome)), outcome);
  }
  EXPECT_EQ(*ParseOutcome("infrastructure_exhausted"), Outcome::kInfrastructureExhausted);
  EXPECT_THAT(MessageOf(ParseOutcome("failed")), HasSubstr("agent_failed"));
}

TEST(OutcomeTest, StandsInTheVerdict) {
  TrialVerdict verdict;
  verdict.grade.verdict = "invalid";
  EXPECT_EQ((*ParseJson(ToText(verdict), "verdict"))["outcome"], "agent_failed");
}

TEST(RunControlTest, IsReadAsItWasWritten) {
  RunControl control{.number = 4, .run = Hold::kPaused, .drained = 3};
  control.trials = {{"t/a/s0", Hold::kCancelled}, {"t/a/s1", Hold::kNone}};
  control.priority = {{"t/a/s2", -5}};
  control.jobs = 7;
  auto back = ParseRunControl(ToText(control), "control.json");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ToText(*back), ToText(control));
  EXPECT_EQ(back->Of("t/a/s0"), Hold::kCancelled);
  EXPECT_EQ(back->Of("t/a/s1"), Hold::kPaused) << "the run holds it";
  EXPECT_EQ(back->jobs, 7);
  EXPECT_THAT(MessageOf(ParseRunControl(WithSchema(ToText(control), "2"), "control.json")),
              HasSubstr(kNewer));
  std::string other = ToText(control);
  other.replace(other.find("paused"), 6, "stoppt");
  EXPECT_THAT(MessageOf(ParseRunControl(other, "control.json")), HasSubstr("not 'stoppt'"));
}

}  // namespace
}  // namespace podium::records
