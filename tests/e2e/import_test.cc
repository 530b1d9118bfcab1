#include "base/text.h"
#include "tests/e2e/podium_program.h"

namespace podium::tests {
namespace {

const std::string kId = "aerial-cactus-identification";

void Put(const fs::path& path, const std::string& text) {
  ASSERT_TRUE(MakeDirs(path.parent_path()));
  ASSERT_TRUE(WriteFileAtomic(path, text));
}

// A folder like a checkout of mle-bench with one competition, and data as mle-bench prepares it.
class ImportedTaskTest : public SandboxedProgram {
 protected:
  void SetUp() override {
    SandboxedProgram::SetUp();
    if (IsSkipped()) return;
    fs::path folder = dir() / "checkout/mlebench/competitions" / kId;
    Put(folder / "config.yaml", "id: " + kId +
                                    "\nname: \"Aerial: Cactus\"\ncompetition_type: code\ndataset:\n"
                                    "  answers: " +
                                    kId +
                                    "/prepared/private/test.csv\n"
                                    "  sample_submission: " +
                                    kId + "/prepared/public/sample_submission.csv\n");
    Put(folder / "description.md", "Find the cactus.\n");
    Put(folder / "leaderboard.csv", "scoreNullable,teamId,score\n1,1,1.0\n0.9,2,0.9\n0.4,3,0.4\n");
    fs::path prepared = dir() / "data" / kId / "prepared";
    Put(prepared / "private/test.csv", "id,has_cactus\na,1\nb,0\nc,1\n");
    Put(prepared / "public/sample_submission.csv", "id,has_cactus\na,0.5\nb,0.5\nc,0.5\n");
    Put(prepared / "public/train.csv", "id,has_cactus\nx,1\ny,0\n");
  }
};

TEST_F(ImportedTaskTest, RunsInTheSandboxAndIsRankedOnItsBoard) {
  auto imported = Podium({"tasks", "import", "mle-bench", (dir() / "checkout").string(), "--data",
                          (dir() / "data").string(), "--out", (dir() / "imported").string()});
  ASSERT_EQ(imported.exit_code, 0) << imported.out << imported.err;
  std::string task = (dir() / "imported" / kId).string();
  // A small machine will do.
  std::string package = *ReadFile(task + "/task.yaml");
  const std::string large = "runtime: {cpus: 4, memory: 16 GiB, disk: 64 GiB}";
  std::size_t at = package.find(large);
  ASSERT_NE(at, std::string::npos) << package;
  Put(task + "/task.yaml",
      package.replace(at, large.size(), "runtime: {cpus: 1, memory: 512 MiB, disk: 256 MiB}"));
  std::string knows =
      ProgramAgent("knows",
                   "test ! -e test.csv || exit 1\n"
                   "printf 'id,has_cactus\\nc,0.8\\nb,0.1\\na,0.9\\n' > submission.csv\n");
  auto run = Podium(
      {"run", "--task", task, "--agent", "sample-submission," + knows, "--name", "imported"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;

  Json sample = Verdict("imported", "sample-submission", kId)["grade"];
  EXPECT_EQ(sample["verdict"], "scored") << sample.dump();
  EXPECT_EQ(sample["mode"], "compat");
  EXPECT_EQ(sample["score"], 0.5);
  EXPECT_EQ(sample["medal"], "none");
  EXPECT_EQ(sample["rank"], 3);
  EXPECT_EQ(sample["leaderboard_rows"], 3);
  Json best = Verdict("imported", "knows", kId)["grade"];
  EXPECT_EQ(best["score"], 1.0) << best.dump();
  EXPECT_EQ(best["medal"], "gold");

  // mle-bench's report of the same run.
  auto report = ParseJson(*ReadFile(runs() / "imported" / "grading_report.json"), "report");
  ASSERT_TRUE(report);
  EXPECT_EQ((*report)["total_runs"], 2);
  EXPECT_EQ((*report)["total_gold_medals"], 1);
}

}  // namespace
}  // namespace podium::tests
