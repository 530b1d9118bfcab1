#include "scoring/competitions/spec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scoring/competitions/grade_competition.h"
#include "scoring/competitions/rounding.h"
#include "scoring/competitions/rules.h"
#include "scoring/metric_docs.h"

namespace podium::scoring {
namespace {

const std::filesystem::path kSpecs =
    std::filesystem::path(PODIUM_SOURCE_DIR) / "scoring" / "competitions";

constexpr const char* kGood = R"(id: toy
split: low
lower_is_better: false
answers: test.csv
id_columns: [id]
score_type: float
compat:
  targets: [y]
  rules:
    - {rule: columns, columns: [id, y]}
    - {rule: rows}
    - {rule: ids}
  metric: accuracy
strict:
  columns:
    - {type: label, names: [y]}
)";

std::string With(const std::string& from, const std::string& to) {
  std::string text = kGood;
  text.replace(text.find(from), from.size(), to);
  return text;
}

std::string ErrorOf(const std::string& yaml) {
  auto spec = ParseCompetition(yaml, "toy.yaml");
  return spec ? "" : spec.error().message;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(CompetitionSpecTest, ReadsAll82) {
  auto ids = ListCompetitions(kSpecs);
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->size(), 82u);
  for (const std::string& id : *ids) {
    auto spec = LoadCompetition(kSpecs, id);
    EXPECT_TRUE(spec) << spec.error().message;
  }
  auto wrong = LoadCompetition(kSpecs, "aerial-cactus-identificatoin");
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(Contains(wrong.error().message, "Did you mean 'aerial-cactus-identification'?"));
}

TEST(CompetitionSpecTest, ErrorsNameFileAndLine) {
  EXPECT_EQ(ErrorOf(kGood), "");
  std::string error = ErrorOf(With("score_type: float", "score_tpye: float"));
  EXPECT_TRUE(Contains(error, "toy.yaml:6") && Contains(error, "score_type")) << error;
  error = ErrorOf(With("rule: rows", "rule: rowz"));
  EXPECT_TRUE(Contains(error, "toy.yaml:11") && Contains(error, "'rows'")) << error;
  error = ErrorOf(With("metric: accuracy", "metric: acuracy"));
  EXPECT_TRUE(Contains(error, "toy.yaml:13") && Contains(error, "'accuracy'")) << error;
  error = ErrorOf(With("split: low", "split: lowest"));
  EXPECT_TRUE(Contains(error, "toy.yaml:2")) << error;
  error = ErrorOf(With("type: label", "type: lable"));
  EXPECT_TRUE(Contains(error, "toy.yaml:16") && Contains(error, "'label'")) << error;
  EXPECT_NE(ErrorOf(With("lower_is_better: false\n", "")), "");
}

// The text travels to the sealed grader and is all that it needs.
TEST(CompetitionSpecTest, ItsTextGradesTheSame) {
  auto spec = ParseCompetition(kGood, "toy.yaml");
  ASSERT_TRUE(spec);
  auto copy = ParseCompetition(spec->text, "request");
  ASSERT_TRUE(copy);
  const char* answers = "id,y\na,1\nb,2\n";
  for (const char* submission : {"id,y\nb,2\na,1\n", "id,y\na,2\nb,2\n", "id,y\na,1\n", ""}) {
    for (Mode mode : {Mode::kCompat, Mode::kStrict}) {
      auto one = GradeCompetition(*spec, mode, submission, answers);
      auto two = GradeCompetition(*copy, mode, submission, answers);
      EXPECT_EQ(one.reason, two.reason);
      EXPECT_EQ(one.rounded_text, two.rounded_text);
    }
  }
}

TEST(CompetitionSpecTest, StrictTellsWhatIsWrongWithIds) {
  auto spec = ParseCompetition(kGood, "toy.yaml");
  ASSERT_TRUE(spec);
  const char* answers = "id,y\na,1\nb,2\n";
  auto reason = [&](const char* submission) {
    return GradeCompetition(*spec, Mode::kStrict, submission, answers).reason;
  };
  EXPECT_EQ(reason("id,y\nb,2\na,1\n"), "");
  EXPECT_EQ(reason("id,y\na,1\n"), "missing_ids");
  EXPECT_EQ(reason("id,y\na,1\na,1\n"), "duplicate_id");
  EXPECT_EQ(reason("id,y\na,1\nb,2\nc,1\n"), "extra_ids");
  EXPECT_EQ(reason("id,y\na,1\n,2\n"), "bad_id");
  EXPECT_EQ(reason("id,y\na,1\nb,1.5\n"), "not_a_label");
  EXPECT_EQ(reason("id,y\na,1\nb,x\n"), "label_type");
  EXPECT_EQ(reason("id,y\na,1\nb,\n"), "missing_value");
  EXPECT_EQ(reason("id,y\na,1,2\nb,2\n"), "ragged_row");
  EXPECT_EQ(reason("id,z\na,1\nb,2\n"), "missing_column");
  EXPECT_EQ(reason("id,y\n"), "empty");
}

TEST(RoundingTest, PythonAndNumpyDifferAtTies) {
  EXPECT_EQ(RoundAs(37.0 / 320, "float").text, "0.11563");    // 0.115625
  EXPECT_EQ(RoundAs(37.0 / 320, "float64").text, "0.11562");  // half to even
  EXPECT_EQ(RoundAs(3.0, "int").text, "3");
  EXPECT_EQ(RoundAs(0.0, "float64-or-int").text, "0");
  EXPECT_EQ(RoundAs(0.5, "float64-or-int").text, "0.5");
  EXPECT_EQ(RoundAs(std::nan(""), "float").text, "nan");
}

TEST(MetricDocsTest, ListsEveryMetricAndShowsOne) {
  for (const Metric& metric : Metrics()) {
    EXPECT_TRUE(Contains(MetricTable(), std::string(metric.name))) << metric.name;
    EXPECT_TRUE(Contains(MetricsJson(), "\"" + std::string(metric.name) + "\"")) << metric.name;
  }
  auto shown = MetricText("map_at_k");
  ASSERT_TRUE(shown);
  EXPECT_TRUE(Contains(*shown, "params.k: how many guesses count")) << *shown;
  EXPECT_FALSE(MetricText("map_at_q"));
  EXPECT_FALSE(MetricJson("map_at_q"));
}

}  // namespace
}  // namespace podium::scoring
