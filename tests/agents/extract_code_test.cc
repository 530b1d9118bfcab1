// What models send where a program was asked for.
#include "agents/proposers/llm/extract_code.h"

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
// An answer whose only program must come out as it is.
void ExpectProgram(const std::string& answer, const std::string& program = kProgram) {
  EXPECT_EQ(ExtractCode(answer).code, program) << answer;
}

TEST(ExtractCodeTest, AFencesIndentComesOffEachLine) {
  ExpectProgram(
      "1. Load:\n\n   ```python\n   import pandas as pd\n   x = 1\n   print(x)\n   ```\nDone.");
  ExpectProgram("- ```py\n  import pandas as pd\n  x = 1\n  print(x)\n  ```\n");
  ExpectProgram("> ```python\n> import pandas as pd\n> x = 1\n> print(x)\n> ```\n");
  ExpectProgram("```python\n    import pandas as pd\n    x = 1\n    print(x)\n```\n");
}

TEST(ExtractCodeTest, FencesAreCommonMarks) {
  std::string p = kProgram;
  ExpectProgram("~~~python\n" + p + "~~~\n");
  ExpectProgram("````python\n" + p + "````\n");
  ExpectProgram("```Python3 title=\"solution.py\"\n" + p + "```\n");
  ExpectProgram("```{.python .numberLines}\n" + p + "```\n");
  ExpectProgram("```python\r\nimport pandas as pd\r\nx = 1\r\nprint(x)\r\n```\r\n");
  ExpectProgram("```markdown\n# Plan\n```python\n" + p + "```\n```\n");
}

TEST(ExtractCodeTest, AFenceInsideATextOfTheProgramBelongsToIt) {
  for (const char* text :
       {"s = \"\"\"Use\n\n```bash\nrun me\n```\n\"\"\"\n", "s = '''\n```\nx\n```\n'''\n"}) {
    std::string program = text + std::string(kProgram);
    ExpectProgram("```python\n" + program + "```\nDone.", program);
  }
  ExpectProgram("```python\n" + std::string(kProgram) + "```bash\npip install x\n```\n");
}

TEST(ExtractCodeTest, AnOpeningFenceMayBeMissing) {
  ExpectProgram(std::string(kProgram) + "```\n");
  ExpectProgram("python\n" + std::string(kProgram) + "```\nThat is all.\n");
  ExpectProgram("Here is the program:\n" + std::string(kProgram) +
                "```\nTry it:\n```python\nprint(1)\n```\n");
  ExpectProgram("Here is the program:\n\n" + std::string(kProgram) + "\nThat is all.\n");
}

TEST(ExtractCodeTest, ShellLinesGoOnlyWhereNoStatementCanBegin) {
  std::string program =
      "import os\nprint(\"%.1f\"\n      % 0.9)\ns = '''\n!keep\n$ keep\n'''\nx = 5 \\\n% 2\n";
  ExpectProgram("```python\n" + program + "```\n", program);
  ExpectProgram("```python\nif True:\n    !pip install x\n```", "if True:\n    pass\n");
}

TEST(ExtractCodeTest, TagsOfThoughtsMayBeMissingOrPartOfAProgram) {
  std::string fenced = "```python\n" + std::string(kProgram) + "```\n";
  ExpectProgram("Let me see.\n```python\nimport sys\nx = 1\nraise SystemExit(3)\n```\n</think>\n" +
                fenced);
  ExpectProgram(
      "<thinking>a longer\n```python\nimport os\n# draft, much longer than that\nx = 2\n"
      "```\n</thinking>" +
      fenced);
  std::string program = "import re\nx = re.sub(r\"<think>.*?</think>\", '', 'a')\nprint(x)\n";
  ExpectProgram("```python\n" + program + "```\n", program);
  EXPECT_EQ(ExtractCode("<think>\n" + fenced).code, "") << "a thought without an end is no answer";
}

TEST(ExtractCodeTest, SaysWhetherTheEndWasThere) {
  EXPECT_TRUE(ExtractCode("```python\n" + std::string(kProgram) + "```").closed);
  EXPECT_FALSE(ExtractCode("```python\n" + std::string(kProgram)).closed);
  EXPECT_FALSE(ExtractCode("```python\ns = '''\n```bash\nrun\n```\n").closed)
      << "the fence belongs to a text that was cut";
}

TEST(ExtractCodeTest, ALongerBlockOfAnotherKindIsNotTheProgram) {
  ExpectProgram("```python\n" + std::string(kProgram) +
                "```\n```bash\nimport x\nfrom y\nimport z\n" + std::string(400, 'a') + "\n```\n");
}

}  // namespace
}  // namespace podium::agents
