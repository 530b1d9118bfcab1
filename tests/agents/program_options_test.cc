// How a program agent is configured: words, names with texts, variables of the host.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "agents/options.h"
#include "agents/programs/output_log.h"
#include "agents/programs/references.h"
#include "base/files.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// One option with one value.
class OneOption final : public OptionReader {
 public:
  explicit OneOption(std::string text) : text_(std::move(text)) {}
  std::string Text(std::string_view) const override { return text_; }
  std::string Origin(std::string_view) const override { return "mine.yaml:4"; }
  Result<std::int64_t> Int(std::string_view, std::int64_t, std::int64_t) const override {
    return 0;
  }
  Result<double> Double(std::string_view, double, double) const override { return 0; }
  Result<bool> Bool(std::string_view) const override { return false; }
  Result<Millis> Duration(std::string_view) const override { return Millis(0); }
  std::vector<std::string> List(std::string_view) const override { return {}; }

 private:
  std::string text_;
};

TEST(OptionReaderTest, WordsAreAJsonListOrHaveBlanksBetween) {
  EXPECT_THAT(*OneOption(R"(["a b", "c,d", "{}"])").Words("w"), ElementsAre("a b", "c,d", "{}"));
  EXPECT_THAT(*OneOption(" --fast  data_dir=/home/data ").Words("w"),
              ElementsAre("--fast", "data_dir=/home/data"));
  EXPECT_TRUE(OneOption("").Words("w")->empty());
  for (const char* bad : {"[1]", "[\"a\"", "[[\"a\"]]"}) {
    auto words = OneOption(bad).Words("w");
    ASSERT_FALSE(words) << bad;
    EXPECT_THAT(words.error().message, HasSubstr("mine.yaml:4: 'w': expected a list of texts"));
  }
}

TEST(OptionReaderTest, AMapKeepsItsOrder) {
  EXPECT_THAT(*OneOption(R"({"b": "1", "a": "x,y=z"})").Map("m"),
              ElementsAre(Pair("b", "1"), Pair("a", "x,y=z")));
  EXPECT_THAT(*OneOption("MODE=fast,N=").Map("m"),
              ElementsAre(Pair("MODE", "fast"), Pair("N", "")));
  EXPECT_TRUE(OneOption("").Map("m")->empty());
  for (const char* bad : {"{\"a\": 1}", "{", "MODE", "=x"})
    EXPECT_FALSE(OneOption(bad).Map("m")) << bad;
}

std::optional<std::string> Host(const char* name) {
  if (std::string_view(name) == "TOKEN") return "hf_1234567890";
  if (std::string_view(name) == "EMPTY") return "";
  return std::nullopt;
}

TEST(ReferencesTest, BothFormsStandForTheHostsVariable) {
  auto resolved = Resolve({{"A", "${TOKEN}"},
                           {"B", "Bearer ${{ secrets.TOKEN }}!"},
                           {"C", "plain $5 {x}"},
                           {"D", "${EMPTY}"}},
                          Host);
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_THAT(resolved->variables,
              ElementsAre(Pair("A", "hf_1234567890"), Pair("B", "Bearer hf_1234567890!"),
                          Pair("C", "plain $5 {x}"), Pair("D", "")));
  EXPECT_THAT(resolved->secrets, ElementsAre("hf_1234567890", "hf_1234567890", ""));
}

TEST(ReferencesTest, WhatIsMissingOrNoReferenceIsSaid) {
  auto missing = Resolve({{"A", "x ${NOT_SET}"}}, Host);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "'A' needs the variable NOT_SET, which is not set: export NOT_SET");
  for (const char* bad : {"${", "${}", "${a b}", "${{ TOKEN }}", "${{ secrets. }}", "${TOKEN"}) {
    auto odd = Resolve({{"A", bad}}, Host);
    ASSERT_FALSE(odd) << bad;
    EXPECT_THAT(odd.error().message, HasSubstr("${{ secrets.NAME }}"));
  }
}

TEST(ReferencesTest, WhatIsAskedForIsListedOnce) {
  EXPECT_THAT(
      ReferencedNames({{"A", "${TOKEN} ${{ secrets.OTHER }}"}, {"B", "${TOKEN}"}, {"C", "x"}}),
      ElementsAre("TOKEN", "OTHER"));
  EXPECT_THAT(ReferencedNames({{"A", "${a b}"}}), testing::IsEmpty()) << "which Resolve refuses";
}

TEST(OutputLogTest, ItGrowsGoesOnAndTakesSecretsOut) {
  auto temp = TempDir::Make("podium-output");
  ASSERT_TRUE(temp);
  fs::path file = temp->path() / "start.sh.log";
  Reactor reactor;
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto status = reactor.Run([&]() -> Task<Status> {
      auto log = OutputLog::Open(file, {"hf_1234567890"});
      if (!log) co_return tl::unexpected(log.error());
      log->Add("the key is hf_1234");
      log->Add("567890, see\n");
      co_return co_await log->Finish(reactor, attempt == 0 ? 30 : 1000);
    });
    ASSERT_TRUE(status) << status.error().message;
  }
  std::string text = *ReadFile(file);
  EXPECT_EQ(text,
            "the key is [key], see\n\n--- begun again ---\nthe key is [key], see\n"
            "\n--- cut here, 1000 bytes in all; the journal has the last of them ---\n");
  fs::create_symlink("/etc/passwd", temp->path() / "link");
  EXPECT_FALSE(OutputLog::Open(temp->path() / "link", {})) << "no link is followed";
}

}  // namespace
}  // namespace podium::agents
