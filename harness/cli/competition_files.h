#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/records/grade_record.h"
#include "base/result.h"
#include "scoring/competitions/spec.h"

namespace podium::harness {

// Where the files of mle-bench's competitions lie.
struct CompetitionPlaces {
  std::string data;     // mle-bench's data folder; "" is its default, ~/.cache/mle-bench/data
  std::string boards;   // a checkout, its competitions folder, or a folder of <id>.csv; may be ""
  std::string answers;  // one competition's answers and board, where named
  std::string board;
};

// The shipped specifications' ids, sorted.
[[nodiscard]] Result<std::vector<std::string>> CompetitionIds();
[[nodiscard]] Result<scoring::CompetitionSpec> FindCompetition(const std::string& id);

// The answers of a competition, or an error that says where they were looked for.
[[nodiscard]] Result<std::filesystem::path> FindAnswers(const CompetitionPlaces& places,
                                                        const scoring::CompetitionSpec& spec);
// Its leaderboard; empty where none was named, so that the shipped medal lines count.
[[nodiscard]] Result<std::filesystem::path> FindBoard(const CompetitionPlaces& places,
                                                      const std::string& id);

// podium-grade's record for one file. `path` as the user wrote it: no regular file, or a name that
// does not end in .csv (compat), is no submission, as in mle-bench.
[[nodiscard]] Result<records::GradeRecord> GradeCompetitionFile(
    const CompetitionPlaces& places, const scoring::CompetitionSpec& spec, scoring::Mode mode,
    const std::string& path, Deadline deadline);

}  // namespace podium::harness
