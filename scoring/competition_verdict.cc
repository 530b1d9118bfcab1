#include "scoring/competition_verdict.h"

#include <cmath>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
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
  SubmissionState submission;
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

OrderedJson Number(double value) {
  if (std::isfinite(value)) return value;
  return FormatDouble(value);
}

OrderedJson LinesJson(const Thresholds& lines) {
  return {{"gold", Number(lines.gold)},
          {"silver", Number(lines.silver)},
          {"bronze", Number(lines.bronze)},
          {"median", Number(lines.median)}};
}

Result<Thresholds> ReadLines(const Json& json) {
  Thresholds lines;
  PODIUM_ASSIGN(lines.gold, JsonGet<double>(json, "gold"));
  PODIUM_ASSIGN(lines.silver, JsonGet<double>(json, "silver"));
  PODIUM_ASSIGN(lines.bronze, JsonGet<double>(json, "bronze"));
  PODIUM_ASSIGN(lines.median, JsonGet<double>(json, "median"));
  return lines;
}

Result<Request> ReadRequest(std::string_view text) {
  PODIUM_ASSIGN(auto json, ParseJson(text, "the grading request"));
  Request request;
  PODIUM_ASSIGN(auto yaml, JsonGet<std::string>(json, "competition"));
  PODIUM_ASSIGN(request.spec, ParseCompetition(yaml, "the request's competition"));
  PODIUM_ASSIGN(auto mode, JsonGet<std::string>(json, "mode"));
  PODIUM_ASSIGN(request.mode, ModeOf(mode));
  PODIUM_ASSIGN(auto submission, JsonGet<Json>(json, "submission"));
  PODIUM_ASSIGN(request.submission.status, JsonGet<std::string>(submission, "status"));
  request.submission.reason = JsonOr<std::string>(submission, "reason", "");
  if (auto known = json.find("known"); known != json.end()) {
    PODIUM_ASSIGN(request.known_rows, JsonGet<std::size_t>(*known, "rows"));
    PODIUM_ASSIGN(auto lines, JsonGet<Json>(*known, "lines"));
    PODIUM_ASSIGN(request.known_lines, ReadLines(lines));
    request.known_source = JsonOr<std::string>(*known, "source", "");
  }
  return request;
}

CompetitionOutcome GradeBytes(const Request& request, const GradeInput& input) {
  CompetitionOutcome out;
  out.verdict = CompetitionOutcome::Verdict::kInvalid;
  out.reason = request.submission.reason;
  if (request.submission.status != "ok") return out;
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

void AddRanking(OrderedJson& out, const Ranking& r) {
  out["medal"] = r.flags.gold     ? "gold"
                 : r.flags.silver ? "silver"
                 : r.flags.bronze ? "bronze"
                                  : "none";
  out["medals"] = {{"any", r.flags.any()},
                   {"gold", r.flags.gold},
                   {"silver", r.flags.silver},
                   {"bronze", r.flags.bronze}};
  out["above_median"] = r.flags.above_median;
  out["percentile"] = r.place ? OrderedJson(r.place->percentile) : OrderedJson(nullptr);
  out["rank"] = r.place ? OrderedJson(r.place->rank) : OrderedJson(nullptr);
  out["leaderboard_rows"] = r.rows;
  out["thresholds"] = LinesJson(r.lines);
  out["lines_from"] = r.lines_from;
  if (!r.note.empty()) out["board_note"] = r.note;
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

OrderedJson HeadJson(const Request& request, const GradeInput& input, std::string sha256) {
  OrderedJson out;
  out["schema"] = "podium-verdict/1";
  out["task"] = request.spec.id;
  out["task_digest"] = Digest::Of(request.spec.text).hex();
  out["grader"] = kGrader;
  out["mode"] = ModeText(request.mode);
  out["metric"] = request.spec.mode(request.mode).metric;
  out["submission_sha256"] = nullptr;
  out["submission_bytes"] = nullptr;
  if (input.submission) {
    out["submission_sha256"] = std::move(sha256);
    out["submission_bytes"] = input.submission->size();
  }
  return out;
}

}  // namespace

std::string CompetitionRequestJson(const CompetitionSpec& spec, Mode mode,
                                   const SubmissionState& submission,
                                   const std::optional<MleBenchCompetition>& known) {
  OrderedJson out = {
      {"schema", kCompetitionRequest},
      {"competition", spec.text},
      {"mode", ModeText(mode)},
      {"submission", {{"status", submission.status}, {"reason", submission.reason}}}};
  if (known) {
    out["known"] = {{"rows", known->board_rows},
                    {"lines", LinesJson(known->lines)},
                    {"source", known->lines_source}};
  }
  return DumpJson(out);
}

Result<std::string> GradeCompetitionToJson(const GradeInput& input) {
  PODIUM_ASSIGN(auto request, ReadRequest(input.request_json));
  if (request.submission.status == "ok" && !input.submission)
    return Fail(ErrorCode::kIo, "the request says that there is a submission, and none was given");
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
    scored = false;
  }
  OrderedJson out = HeadJson(request, input, sha256.Get());
  bool missing = request.submission.status == "missing";
  out["lower_is_better"] = ranking ? ranking->lower_is_better : request.spec.lower_is_better;
  out["verdict"] = ranking && missing ? "no_submission" : std::string(VerdictText(outcome.verdict));
  out["reason"] = ranking && missing ? "missing" : outcome.reason;
  out["detail"] = outcome.detail;
  out["raised"] = outcome.raised;
  out["raw_score"] = scored ? Number(outcome.raw_score) : OrderedJson(nullptr);
  out["score"] = scored ? Number(outcome.rounded_score) : OrderedJson(nullptr);
  if (ranking) AddRanking(out, *ranking);
  return DumpJson(out) + "\n";
}

}  // namespace podium::scoring
