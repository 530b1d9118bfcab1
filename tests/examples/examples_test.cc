#include <gmock/gmock.h>

#include "base/text.h"
#include "every_class.h"
#include "harness/plan/settings.h"
#include "tasks/kinds/kind.h"
#include "tests/harness/trial_fixture.h"
#include "three_drafts.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const char* kPath = "/home/submission/submission.csv";

// Registered before anything looks, as a program that is linked with them would.
const bool kRegistered = [] {
  return agents::RegisterScaffold(examples::ThreeDrafts()).has_value() &&
         tasks::RegisterKind(examples::MakeEveryClassKind()).has_value();
}();

class ConstantProposer final : public agents::Proposer {
 public:
  Task<Result<agents::Proposal>> Propose(agents::ProposalRequest request, Deadline) override {
    co_return agents::Proposal{.source = "constant",
                               .code = "score 0." + std::to_string(request.node_id + 1)};
  }
};

class ExamplesTest : public TrialFixture {
 protected:
  void SetUp() override {
    TrialFixture::SetUp();
    ASSERT_TRUE(kRegistered);
  }
};

TEST_F(ExamplesTest, AScaffoldsOptionsAreSettings) {
  Settings settings;
  EXPECT_EQ(settings.Get("drafts.count").value, "3");
  EXPECT_TRUE(settings.Set("drafts.count", "2", "--set drafts.count"));
  EXPECT_FALSE(agents::RegisterScaffold(examples::ThreeDrafts())) << "the name is taken";
}

TEST_F(ExamplesTest, AScaffoldFromOutsideRunsAWholeTrial) {
  const auto* info = agents::FindScaffold("three-drafts");
  ASSERT_NE(info, nullptr);
  agent_.scaffold = info;
  agent_.proposer = "portfolio";
  auto configured = info->configure(Settings());
  ASSERT_TRUE(configured) << configured.error().message;
  agent_.configured = *configured;
  agent_.configured.make = [make = configured->make](std::unique_ptr<agents::Proposer>) {
    return make(std::make_unique<ConstantProposer>());
  };
  script_.exec = [this](sandbox::FakeFiles& files, const sandbox::ExecSpec& spec) {
    sandbox::FakeExec out;
    if (spec.argv[0] != "python3") return out;
    out.result.output = "validation score: " + files[spec.argv[1]].substr(6) + "\n";
    files[kPath] = *ReadFile(prepared_.sample_submission());
    return out;
  };
  auto result = Run();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->view.nodes.size(), 3u) << result->view.failure;
  EXPECT_THAT(result->view.verdict->agent.detail, HasSubstr("node 2, validation score 0.3"));
}

TEST_F(ExamplesTest, ATaskKindFromOutsideChecksWhatIsHandedIn) {
  fs::path yaml = temp_.path() / "tiny/task.yaml";
  std::string text = *ReadFile(yaml);
  ASSERT_TRUE(WriteFileAtomic(yaml, "kind: every-class\n" + text));
  auto task = tasks::LoadTask(temp_.path() / "tiny");
  ASSERT_TRUE(task) << task.error().message;
  EXPECT_EQ(task->kind, "every-class");
  const auto& kind = tasks::KindOf(*task);
  EXPECT_TRUE(CheckGrader(*task));
  std::string constant = *ReadFile(prepared_.sample_submission());
  auto refused = kind.CheckShape(*task, prepared_, constant);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->reason, "one_class");
  std::string varied = constant;
  varied.replace(varied.rfind(",0"), 2, ",1");
  EXPECT_TRUE(kind.CheckShape(*task, prepared_, varied)->valid);
  ASSERT_TRUE(WriteFileAtomic(yaml, "kind: every-clas\n" + text));
  EXPECT_THAT(tasks::LoadTask(temp_.path() / "tiny").error().message,
              HasSubstr("Did you mean 'every-class'?"));
}

}  // namespace
}  // namespace podium::harness
