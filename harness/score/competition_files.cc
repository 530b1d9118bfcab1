#include "harness/score/competition_files.h"

#include <algorithm>
#include <cstdlib>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/grading/grading.h"
#include "scoring/boards/mle_bench_catalogue.h"
#include "scoring/competition_verdict.h"
#include "scoring/report/python_text.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

fs::path SpecDir() { return ShareDir() / "scoring" / "competitions"; }

fs::path DataDir(const CompetitionPlaces& places) {
  if (!places.data.empty()) return places.data;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg)
    return fs::path(xdg) / "mle-bench" / "data";
  const char* home = std::getenv("HOME");
  return fs::path(home ? home : "") / ".cache" / "mle-bench" / "data";
}

// The first of the paths that is a file.
Result<fs::path> FirstFile(const std::vector<fs::path>& paths, const std::string& what) {
  std::vector<std::string> tried;
  for (const auto& path : paths) {
    std::error_code ec;
    if (fs::is_regular_file(path, ec)) return fs::canonical(path, ec);
    tried.push_back(path.string());
  }
  return Fail(ErrorCode::kNotFound, what + ": there is no " + Join(tried, ", and no "));
}

Result<std::optional<scoring::MleBenchCompetition>> Known(const std::string& id) {
  PODIUM_ASSIGN(auto all, scoring::MleBenchCatalogue());
  auto found = std::ranges::find(all, id, &scoring::MleBenchCompetition::id);
  if (found == all.end()) return std::nullopt;
  return *found;
}

// What stands in for a record when the grader gave none.
records::GradeRecord Crashed(const scoring::CompetitionSpec& spec, scoring::Mode mode,
                             const std::string& why) {
  records::GradeRecord out;
  out.task = spec.id;
  out.mode = scoring::ModeText(mode);
  out.lower_is_better = spec.lower_is_better;
  out.verdict = "grader_error";
  out.reason = "grader_crashed";
  out.detail = why;
  return out;
}

}  // namespace

Result<std::vector<std::string>> CompetitionIds() { return scoring::ListCompetitions(SpecDir()); }

Result<scoring::CompetitionSpec> FindCompetition(const std::string& id) {
  return scoring::LoadCompetition(SpecDir(), id);
}

Result<fs::path> FindAnswers(const CompetitionPlaces& places,
                             const scoring::CompetitionSpec& spec) {
  if (!places.answers.empty()) return FirstFile({places.answers}, "the answers");
  fs::path folder = DataDir(places) / spec.id;
  fs::path answers = folder / "prepared" / "private" / spec.answers;
  fs::path gzip = answers;
  fs::path zip = answers;
  return FirstFile(
      {answers, gzip += ".gz", zip += ".zip", folder / "answers.csv", folder / "answers.jsonl"},
      "the answers of " + spec.id + " (--data or --answers names them)");
}

Result<fs::path> FindBoard(const CompetitionPlaces& places, const std::string& id) {
  if (!places.board.empty()) return FirstFile({places.board}, "the leaderboard");
  if (places.boards.empty()) return fs::path();
  fs::path folder = places.boards;
  return FirstFile({folder / (id + ".csv"), folder / id / "leaderboard.csv",
                    folder / "mlebench" / "competitions" / id / "leaderboard.csv"},
                   "the leaderboard of " + id);
}

Result<records::GradeRecord> GradeCompetitionFile(const CompetitionPlaces& places,
                                                  const scoring::CompetitionSpec& spec,
                                                  scoring::Mode mode, const std::string& path,
                                                  Deadline deadline) {
  PODIUM_ASSIGN(auto answers, FindAnswers(places, spec));
  PODIUM_ASSIGN(auto board, FindBoard(places, spec.id));
  PODIUM_ASSIGN(auto known, Known(spec.id));
  GraderCall call;
  records::HandOver state{.status = records::HandOverStatus::kOk};
  std::error_code ec;
  bool there = fs::is_regular_file(path, ec);
  bool named = mode == scoring::Mode::kStrict || scoring::HasCsvSuffix(path);
  if (there && named) {
    call.submission = fs::canonical(path, ec);
  } else {
    state.status = records::HandOverStatus::kMissing;
  }
  call.request = scoring::CompetitionRequest(spec, mode, state, known);
  call.answers = std::move(answers);
  call.board = std::move(board);
  auto record = RunGrader(call, deadline);
  if (!record && record.error().code == ErrorCode::kGrader)
    return Crashed(spec, mode, record.error().message);
  return record;
}

}  // namespace podium::harness
