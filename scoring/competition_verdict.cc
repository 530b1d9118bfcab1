#include "scoring/competition_verdict.h"

#include <cmath>

#include "base/digest.h"
#include "scoring/boards/mle_bench_board.h"
#include "scoring/competitions/grade_competition.h"
#include "scoring/leaderboard.h"
#include "tables/beside.h"
#include "tables/board.h"

namespace podium::scoring {
namespace {

constexpr const char* kGrader = "podium-grade/1";

struct Request {
  CompetitionSpec spec;
  Mode mode = Mode::kCompat;
  records::HandOver submission;
  std::size_t known_rows = 0;
  std::optional<Thresholds> known_lines;
  std::string known_source;
};

// A score among the lines of a competition.
struct Ranking {
  bool lower_is_better = false;
  Thresholds lines;
  MedalFlags flags;
  std::optional<Standing> place;  // none without a board or a score
  std::size_t rows = 0;
  std::string lines_from;
  std::string note;  // what is odd about the board
};

Result<Request> ReadRequest(const records::CompetitionGrading& grading,
                            const records::HandOver& hand_over) {
  Request request;
  PODIUM_ASSIGN(request.spec, ParseCompetition(grading.competition, "the request's competition"));
  PODIUM_ASSIGN(request.mode, ModeOf(grading.mode));
  request.submission = hand_over;
  if (const auto& known = grading.known) {
    request.known_rows = known->rows;
    request.known_lines = Thresholds{known->gold, known->silver, known->bronze, known->median};
    request.known_source = known->source;
  }
  return request;
}

CompetitionOutcome GradeBytes(const Request& request, const GradeInput& input) {
  CompetitionOutcome out;
  out.verdict = CompetitionOutcome::Verdict::kInvalid;
  out.reason = request.submission.reason;
  if (request.submission.status != records::HandOverStatus::kOk) return out;
  return GradeCompetition(request.spec, request.mode, *input.submission, input.answers_csv,
                          input.release);
}

// The flags of a score against bare lines.
MedalFlags FlagsOf(const Thresholds& lines, bool lower, std::optional<double> score) {
  MedalFlags out;
  if (!score) return out;
  auto reaches = [&](double line) { return lower ? *score <= line : *score >= line; };
  out.gold = reaches(lines.gold);
  out.silver = !out.gold && reaches(lines.silver);
  out.bronze = !out.gold && !out.silver && reaches(lines.bronze);
  out.above_median = lower ? *score < lines.median : *score > lines.median;
  return out;
}

Result<Ranking> RankOnBoard(const Request& request, std::string_view csv,
                            std::optional<double> score) {
  bool compat = request.mode == Mode::kCompat;
  PODIUM_ASSIGN(auto board, ReadBoard(csv, compat ? BoardRules::kAsMleBench : BoardRules::kStrict));
  PODIUM_TRY(CheckWholeBoard(board, request.known_rows));
  PODIUM_ASSIGN(auto original, MleBenchBoard::From(board.scores));
  Ranking out;
  if (AllEqual(board)) out.note = "every line of the board is the same";
  out.lower_is_better = compat ? original.lower_is_better() : request.spec.lower_is_better;
  out.rows = original.rows();
  out.lines_from = "board";
  PODIUM_ASSIGN(auto sorted, Leaderboard::FromScores(std::move(board.scores), out.lower_is_better));
  out.lines = compat ? original.thresholds() : sorted.thresholds();
  out.flags = FlagsOf(out.lines, out.lower_is_better, score);
  if (score && !std::isnan(*score)) out.place = sorted.Place(*score);
  return out;
}

Result<Ranking> RankOf(const Request& request, std::string_view csv, std::optional<double> score) {
  if (!csv.empty()) return RankOnBoard(request, csv, score);
  if (!request.known_lines)
    return Fail(ErrorCode::kGrader, "no leaderboard was given and no lines are known");
  Ranking out;
  out.lower_is_better = request.spec.lower_is_better;
  out.lines = *request.known_lines;
  out.lines_from = request.known_source;
  out.flags = FlagsOf(out.lines, out.lower_is_better, score);
  return out;
}

void AddRanking(records::GradeRecord& out, const Ranking& r) {
  out.standing.medal = r.flags.gold     ? "gold"
                       : r.flags.silver ? "silver"
                       : r.flags.bronze ? "bronze"
                                        : "none";
  out.standing.above_median = r.flags.above_median;
  if (r.place) {
    out.standing.percentile = r.place->percentile;
    out.standing.rank = static_cast<std::int64_t>(r.place->rank);
  }
  out.board = {r.rows, {r.lines.gold, r.lines.silver, r.lines.bronze, r.lines.median}};
  out.competition->lines_from = r.lines_from;
  out.competition->board_note = r.note;
}

// A megabyte at a time, whose memory goes again.
std::string Sha256Of(const GradeInput& input) {
  constexpr std::size_t kBlock = 1 << 20;
  Hasher hasher;
  for (std::size_t at = 0; at < input.submission->size(); at += kBlock) {
    std::string_view block = input.submission->substr(at, kBlock);
    hasher.Update(block);
    if (input.release) input.release(block);
  }
  return hasher.Finish().hex();
}

records::GradeRecord Head(const Request& request, const GradeInput& input, std::string sha256) {
  records::GradeRecord out;
  out.task = request.spec.id;
  out.task_digest = Digest::Of(request.spec.text).hex();
  out.grader = kGrader;
  out.mode = ModeText(request.mode);
  out.metric = request.spec.mode(request.mode).metric;
  if (input.submission) {
    out.submission_sha256 = std::move(sha256);
    out.submission_bytes = input.submission->size();
  }
  return out;
}

// What was found of the bytes, in the record's words.
void AddOutcome(records::GradeRecord& out, const Request& request,
                const CompetitionOutcome& outcome, bool ranked) {
  bool missing = ranked && request.submission.status == records::HandOverStatus::kMissing;
  out.verdict = missing ? "no_submission" : std::string(VerdictText(outcome.verdict));
  out.reason = missing ? "missing" : outcome.reason;
  out.detail = outcome.detail;
  out.competition =
      records::CompetitionRecord{.raised = outcome.raised, .lines_from = {}, .board_note = {}};
  if (outcome.verdict != CompetitionOutcome::Verdict::kScored) return;
  out.raw_score = outcome.raw_score;
  out.score = outcome.rounded_score;
}

}  // namespace

records::GradeRequest CompetitionRequest(const CompetitionSpec& spec, Mode mode,
                                         records::HandOver hand_over,
                                         const std::optional<MleBenchCompetition>& known) {
  records::CompetitionGrading out{
      .competition = spec.text, .mode = std::string(ModeText(mode)), .known = {}};
  if (known)
    out.known = records::KnownLines{.rows = known->board_rows,
                                    .gold = known->lines.gold,
                                    .silver = known->lines.silver,
                                    .bronze = known->lines.bronze,
                                    .median = known->lines.median,
                                    .source = known->lines_source};
  return {.grading = std::move(out), .hand_over = std::move(hand_over)};
}

Result<records::GradeRecord> GradeCompetition(const records::CompetitionGrading& grading,
                                              const records::HandOver& hand_over,
                                              const GradeInput& input) {
  PODIUM_ASSIGN(auto request, ReadRequest(grading, hand_over));
  constexpr std::size_t kWorthAThread = 256 << 10;  // bytes
  Beside<std::string> sha256([&] { return input.submission ? Sha256Of(input) : std::string(); },
                             input.submission && input.submission->size() >= kWorthAThread);
  CompetitionOutcome outcome = GradeBytes(request, input);
  bool scored = outcome.verdict == CompetitionOutcome::Verdict::kScored;
  auto ranking = RankOf(request, input.board_csv,
                        scored ? std::optional(outcome.rounded_score) : std::nullopt);
  if (!ranking) {
    outcome.verdict = CompetitionOutcome::Verdict::kGraderError;
    outcome.reason = "bad_leaderboard";
    outcome.detail = ranking.error().message;
  }
  records::GradeRecord out = Head(request, input, sha256.Get());
  out.lower_is_better = ranking ? ranking->lower_is_better : request.spec.lower_is_better;
  AddOutcome(out, request, outcome, ranking.has_value());
  if (ranking) AddRanking(out, *ranking);
  return out;
}

}  // namespace podium::scoring
