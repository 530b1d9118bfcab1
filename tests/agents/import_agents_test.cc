// Agent folders of a checkout of MLE-bench as Podium's own.
#include <gmock/gmock.h>

#include "agents/programs/import_mle_bench.h"
#include "base/files.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

// Folders with the same calls as MLE-bench's own.
class ImportAgentsTest : public testing::Test {
 protected:
  void SetUp() override {
    Put("agents/mine/config.yaml", R"(vars:
  steps: &steps 500
  limit: &limit 7200

defaults: &defaults
  start: mine/start.sh
  dockerfile: mine/Dockerfile
  kwargs_type: omegaconf
  env_vars: &env_vars
    TIME_LIMIT_SECS: *limit
    STEP_LIMIT: *steps

kwargs_common: &kwargs
  agent.search.num_drafts: 5
  exec.debug: true

mine:
  <<: *defaults
  kwargs:
    <<: *kwargs
    agent.code.model: gpt-4.1
    agent.steps: *steps
  env_vars:
    <<: *env_vars
    OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}
    HF_TOKEN: ${{ secrets.HF_TOKEN }}

mine/other:
  <<: *defaults
  kwargs_type: argparse
  privileged: true
  kwargs: {fast: null, depth: 3}
)");
    Put("agents/mine/start.sh", "echo $@\n");
    Put("agents/mine/src/a.py", "pass\n");
    Put("agents/README.md", "no agent\n");
    Put("environment/instructions.txt", "Be good.\n");
  }
  void Put(const std::string& name, const std::string& text) {
    fs::path at = temp_.path() / "checkout" / name;
    ASSERT_TRUE(MakeDirs(at.parent_path()));
    ASSERT_TRUE(WriteFileAtomic(at, text));
  }
  Result<std::vector<ImportedAgent>> Import(bool instructions = true) {
    return ImportMleBenchAgents(temp_.path() / "checkout", temp_.path() / "out", instructions);
  }
  std::string Read(const std::string& name) { return *ReadFile(temp_.path() / "out" / name); }

  TempDir temp_ = *TempDir::Make("podium-import-agents");
};

TEST_F(ImportAgentsTest, MergedKeysBecomeOptionsAndBudgets) {
  auto imported = Import();
  ASSERT_TRUE(imported) << imported.error().message;
  ASSERT_EQ(imported->size(), 2u);
  std::string yaml = Read("mine.yaml");
  EXPECT_THAT(yaml, HasSubstr("id: mine\nscaffold: program\nprogram:\n  folder: \"mine\"\n"));
  EXPECT_THAT(yaml, HasSubstr("  instructions: instructions.txt\n  kwargs_type: omegaconf\n"));
  EXPECT_THAT(yaml,
              HasSubstr("    \"agent.code.model\": \"gpt-4.1\"\n    \"agent.steps\": \"500\"\n"));
  EXPECT_THAT(yaml, HasSubstr("    \"exec.debug\": \"True\"\n"));
  EXPECT_THAT(yaml, HasSubstr("  env:\n    \"HF_TOKEN\": \"${{ secrets.HF_TOKEN }}\"\n"));
  EXPECT_THAT(yaml, HasSubstr("budget:\n  wall: 7200 s\n  nodes: 500\n"));
  EXPECT_THAT(yaml, Not(HasSubstr("\"OPENAI_API_KEY\""))) << "the gateway's";
  EXPECT_THAT(yaml, Not(HasSubstr("TIME_LIMIT_SECS")));
  std::string other = Read("mine-other.yaml");
  EXPECT_THAT(other, HasSubstr("  kwargs_type: argparse\n  kwargs:\n    \"fast\": \"None\"\n"));
  EXPECT_THAT(other, HasSubstr("privileged"));
  EXPECT_EQ(Read("mine/src/a.py"), "pass\n");
  EXPECT_EQ(Read("instructions.txt"), "Be good.\n");
}

TEST_F(ImportAgentsTest, NothingIsOverwritten) {
  ASSERT_TRUE(Import());
  auto again = Import();
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("is there already"));
}

TEST_F(ImportAgentsTest, ALinkInAStrangersCheckoutIsRefused) {
  fs::create_symlink("/etc/passwd", temp_.path() / "checkout/agents/mine/leak");
  auto imported = Import(false);
  ASSERT_FALSE(imported);
  EXPECT_THAT(imported.error().message, HasSubstr("leak"));
}

TEST_F(ImportAgentsTest, WhatCannotRunIsSaidWithFileAndLine) {
  Put("agents/mine/config.yaml", "mine:\n  start: other/run.sh\n");
  auto start = Import(false);
  ASSERT_FALSE(start);
  EXPECT_THAT(start.error().message, HasSubstr("mine/config.yaml:2: Podium runs"));
  Put("agents/mine/config.yaml", "mine:\n  start: mine/start.sh\n  kwargs_type: fire\n");
  EXPECT_THAT(Import(false).error().message, HasSubstr("config.yaml:3: 'kwargs_type'"));
  Put("agents/mine/config.yaml", "mine:\n  start: mine/start.sh\n  kwargs: {a: [1]}\n");
  EXPECT_THAT(Import(false).error().message, HasSubstr("'a' is not a single value"));
  fs::remove_all(temp_.path() / "checkout/agents/mine");
  EXPECT_THAT(Import(false).error().message, HasSubstr("expected a checkout of MLE-bench"));
}

}  // namespace
}  // namespace podium::agents
