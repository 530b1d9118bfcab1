#include "scoring/metrics/custom_graders.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/files.h"
#include "scoring/frame/read_csv.h"
#include "tests/scoring/goldens.h"

namespace podium::scoring {
namespace {

namespace fs = std::filesystem;

using Grader = Graded<double> (*)(const Frame&, const Frame&);

const std::map<std::string, Grader>& Graders() {
  static const std::map<std::string, Grader> graders = {
      {"3d-object-detection-for-autonomous-vehicles", GradeLyft3d},
      {"siim-covid19-detection", GradeSiimCovid},
      {"vinbigdata-chest-xray-abnormalities-detection", GradeVinBigData},
      {"kuzushiji-recognition", GradeKuzushiji},
      {"tgs-salt-identification-challenge", GradeSalt},
      {"hubmap-kidney-segmentation", GradeHubmap},
      {"google-research-identify-contrails-reduce-global-warming", GradeContrails},
      {"vesuvius-challenge-ink-detection", GradeVesuvius},
      {"uw-madison-gi-tract-image-segmentation", GradeUwMadison}};
  return graders;
}

std::string Verdict(const Graded<double>& graded) {
  if (graded) return "scored";
  return graded.error().kind == Fault::Kind::kRefused ? "invalid" : "error";
}

bool Near(double seen, double expected) {
  if (std::isnan(expected)) return std::isnan(seen);
  return std::abs(seen - expected) <= 1e-9 * std::max(1.0, std::abs(expected));
}

// Verdict and raw score of every golden submission.
TEST(CustomGradersTest, EqualMleBenchCaseByCase) {
  if (!fs::exists(tests::GoldenDir()))
    GTEST_SKIP() << "the golden cases are not beside this checkout";
  for (const auto& [id, grade] : Graders()) {
    fs::path dir = tests::GoldenDir() / "mle-bench" / id;
    std::string answers_csv = *ReadFile(dir / "answers.csv");
    int cases = 0, equal = 0;
    for (const auto& row : tests::GoldenTable(fs::path("mle-bench") / id / "expected.tsv")) {
      if (row[0] == "file") continue;
      std::string csv = *ReadFile(dir / row[0]);
      auto answers = ReadPandasCsv(answers_csv);
      auto submission = ReadPandasCsv(csv);
      auto seen = submission
                      ? grade(*submission, *answers)
                      : Graded<double>(Raised(submission.error().code, submission.error().detail));
      std::string why =
          id + " " + row[0] + " (" + row[5] + "): " + (seen ? "" : seen.error().detail);
      bool same = Verdict(seen) == row[1];
      EXPECT_EQ(Verdict(seen), row[1]) << why;
      if (seen && row[1] == "scored") {
        same = same && Near(*seen, std::strtod(row[2].c_str(), nullptr));
        EXPECT_TRUE(Near(*seen, std::strtod(row[2].c_str(), nullptr)))
            << why << *seen << " for " << row[2];
      }
      ++cases;
      equal += same;
    }
    std::printf("%-60s %d of %d\n", id.c_str(), equal, cases);
    EXPECT_EQ(equal, cases) << id;
    EXPECT_GT(cases, 20) << id;
  }
}

}  // namespace
}  // namespace podium::scoring
