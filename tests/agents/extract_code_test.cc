// What models send where a program was asked for.
#include "agents/llm/extract_code.h"

#include <gtest/gtest.h>

namespace podium::agents {
namespace {

constexpr const char* kProgram = "import pandas as pd\nx = 1\nprint(x)\n";

TEST(ExtractCodeTest, OneFence) {
  auto out = ExtractCode("First the plan.\n```python\n" + std::string(kProgram) + "```\nDone.");
  EXPECT_EQ(out.code, kProgram);
  EXPECT_EQ(out.plan, "First the plan.");
}

TEST(ExtractCodeTest, OfTwoFencesTheLongerPythonOne) {
  auto out = ExtractCode(
      "```bash\npip install everything && echo a very long line of shell text\n"
      "```\nthen\n```python\nprint(1)\n```\nand\n```py\n" +
      std::string(kProgram) + "```\n");
  EXPECT_EQ(out.code, kProgram);
}

TEST(ExtractCodeTest, AnUnmarkedFenceCountsWhenItLooksLikePython) {
  EXPECT_EQ(ExtractCode("```\n" + std::string(kProgram) + "```").code, kProgram);
  EXPECT_EQ(ExtractCode("```\nid,y\n1,0\n```").code, "");
}

TEST(ExtractCodeTest, AFenceThatIsNeverClosed) {
  EXPECT_EQ(ExtractCode("plan\n```python\n" + std::string(kProgram)).code, kProgram);
}

TEST(ExtractCodeTest, NoFenceAtAll) {
  EXPECT_EQ(ExtractCode(kProgram).code, kProgram);
  auto prose = ExtractCode("I would train a random forest on all columns.");
  EXPECT_EQ(prose.code, "");
  EXPECT_EQ(prose.plan, "I would train a random forest on all columns.");
  EXPECT_EQ(ExtractCode("").code, "");
}

TEST(ExtractCodeTest, NotebookLinesGo) {
  EXPECT_EQ(
      ExtractCode("```python\n!pip install x\n%matplotlib inline\n" + std::string(kProgram) + "```")
          .code,
      kProgram);
}

TEST(ExtractCodeTest, APrivateThoughtIsNotTheAnswer) {
  EXPECT_EQ(ExtractCode("<think>\n```python\nimport os\na = 1\nprint(a, 'draft')\n```\n</think>\n"
                        "```python\n" +
                        std::string(kProgram) + "```")
                .code,
            kProgram);
}

}  // namespace
}  // namespace podium::agents
