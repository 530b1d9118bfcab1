// A folder of notes that agents may look up.
#include "agents/knowledge/knowledge.h"

#include <gmock/gmock.h>

#include "agents/knowledge/passages.h"
#include "agents/knowledge/service.h"
#include "base/files.h"
#include "base/process.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class KeptEvents final : public EventSink {
 public:
  Status Record(records::Event event) override {
    if (const auto* use = std::get_if<records::KnowledgeUse>(&event)) uses.push_back(*use);
    return {};
  }
  std::vector<records::KnowledgeUse> uses;
};

class KnowledgeTest : public testing::Test {
 protected:
  void Put(const std::string& name, const std::string& text) {
    fs::create_directories((notes_ / name).parent_path());
    ASSERT_TRUE(WriteFileAtomic(notes_ / name, text));
  }
  Result<std::shared_ptr<const Corpus>> Open() {
    return Corpus::Open(notes_, temp_.path() / "cache", Deadline::In(std::chrono::seconds(60)));
  }
  std::vector<std::string> Found(const std::string& query, int most = 5) {
    auto corpus = Open();
    if (!corpus) return {corpus.error().message};
    auto found = (*corpus)->Search(query, most);
    if (!found) return {found.error().message};
    std::vector<std::string> out;
    for (const auto& passage : *found) out.push_back(passage.Place());
    return out;
  }
  // Of one look on a loop of its own.
  std::string Looked(const Knowledge& knowledge, const std::string& query) {
    std::string out;
    Reactor reactor;
    auto ended = reactor.Run([&]() -> Task<Status> {
      std::string by = "tool";
      auto text = co_await LookUp(reactor, knowledge, events_, by, query);
      if (text) out = *text;
      co_return text ? Status{} : tl::unexpected(text.error());
    });
    EXPECT_TRUE(ended) << ended.error().message;
    return out;
  }

  TempDir temp_ = *TempDir::Make("podium-knowledge");
  fs::path notes_ = temp_.path() / "notes";
  KeptEvents events_;
};

TEST_F(KnowledgeTest, PassagesEndAtHeadingsAndKeepParagraphsWhole) {
  std::string text = "before\n\n# One\nfirst\nline\n\nsecond\n## Two\nthird\r\n";
  auto passages = PassagesOf("a.md", text);
  ASSERT_EQ(passages.size(), 3u);
  EXPECT_EQ(passages[0].heading, "");
  EXPECT_EQ(passages[1].heading, "One");
  EXPECT_EQ(passages[1].text, "first\nline\n\nsecond");
  EXPECT_EQ(passages[2].heading, "Two");
  EXPECT_EQ(passages[2].text, "third");
  EXPECT_EQ(passages[2].Place(), "a.md#3");
}

TEST_F(KnowledgeTest, ALongParagraphIsCutAtABlank) {
  std::string word = "boosting ", text;
  for (int i = 0; i < 500; ++i) text += word;
  auto passages = PassagesOf("a.txt", text);
  ASSERT_EQ(passages.size(), 3u);
  for (const auto& passage : passages) {
    EXPECT_LE(passage.text.size(), 1600u);
    EXPECT_THAT(passage.text, Not(HasSubstr("boostingboosting")));
  }
}

TEST_F(KnowledgeTest, AQueryIsItsWordsWhateverSignsItHas) {
  EXPECT_EQ(MatchText("Target-encoding: \"AUC\"? NEAR(a OR) *"),
            "\"target\" OR \"encoding\" OR \"auc\" OR \"near\" OR \"or\"");
  EXPECT_EQ(MatchText("? a !"), "");
}

TEST_F(KnowledgeTest, WhatFitsBestComesFirst) {
  Put("tables/boosting.md",
      "# Gradient boosting\nTrees for tables.\n\n# Encoding\nTarget encoding leaks.\n");
  Put("images.txt", "Convolutions for images, and sometimes boosting.\n");
  Put("ignored.html", "<p>boosting boosting boosting</p>");
  EXPECT_THAT(Found("gradient boosting"), ElementsAre("tables/boosting.md#1", "images.txt#1"));
  EXPECT_THAT(Found("boosted", 1), ElementsAre("tables/boosting.md#1")) << "by the word's stem";
  EXPECT_THAT(Found("quantum"), IsEmpty());
  EXPECT_THAT(Found("\" OR ) ^ *"), IsEmpty());
}

TEST_F(KnowledgeTest, TheIndexIsTheContents) {
  Put("a.md", "apples\n");
  EXPECT_THAT(Found("apples"), ElementsAre("a.md#1"));
  auto before = *Corpus::DigestOf(notes_);
  Put("a.md", "pears\n");
  EXPECT_NE(*Corpus::DigestOf(notes_), before);
  EXPECT_THAT(Found("apples"), IsEmpty());
  EXPECT_THAT(Found("pears"), ElementsAre("a.md#1"));
  Put("a.md", "apples\n");
  EXPECT_EQ(*Corpus::DigestOf(notes_), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(temp_.path() / "cache/knowledge"), {}), 2);
}

TEST_F(KnowledgeTest, WhatCannotBeReadIsSaid) {
  fs::create_directories(notes_);
  EXPECT_THAT(Found("x"), ElementsAre(HasSubstr("holds no document")));
  Put("a.md", "apples\n");
  fs::create_symlink("/etc/passwd", notes_ / "b.md");
  EXPECT_THAT(Found("x"), ElementsAre(HasSubstr("b.md")));
}

TEST_F(KnowledgeTest, APdfIsReadWhereThereIsAReader) {
  if (FindProgram("pdftotext").empty()) {
    Put("a.pdf", "%PDF-1.4");
    EXPECT_THAT(Found("x"), ElementsAre(HasSubstr("apt-get install poppler-utils")));
    return;
  }
  // One page that says "Stacking wins".
  std::string stream = "BT /F1 24 Tf 72 700 Td (Stacking wins) Tj ET";
  Put("a.pdf",
      "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
      "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
      "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
      "/Resources<</Font<</F1 5 0 R>>>>>>endobj\n4 0 obj<</Length " +
          std::to_string(stream.size()) + ">>stream\n" + stream +
          "\nendstream endobj\n5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
          "trailer<</Root 1 0 R>>\n%%EOF\n");
  EXPECT_THAT(Found("stacking"), ElementsAre("a.pdf#1"));
}

TEST_F(KnowledgeTest, EachLookIsInTheJournal) {
  Put("a.md", "# Fruit\napples\n");
  auto corpus = Open();
  ASSERT_TRUE(corpus) << corpus.error().message;
  Knowledge knowledge{.mode = KnowledgeMode::kSearch, .corpus = *corpus};
  EXPECT_EQ(Looked(knowledge, "apples"), "[a.md#1, Fruit]\napples\n\n");
  EXPECT_THAT(Looked(knowledge, "pears"), HasSubstr("No passage"));
  ASSERT_EQ(events_.uses.size(), 2u);
  EXPECT_EQ(events_.uses[0].by, "tool");
  EXPECT_THAT(events_.uses[0].passages, ElementsAre("a.md#1"));
  EXPECT_THAT(events_.uses[1].passages, IsEmpty());
}

TEST_F(KnowledgeTest, AQueryOfAnAddressIsDecoded) {
  EXPECT_EQ(QueryValue("/search?k=3&q=target+encoding%3a%20x", "q"), "target encoding: x");
  EXPECT_EQ(QueryValue("/search?q=%zz%4", "q"), "%zz%4");
  EXPECT_EQ(QueryValue("/search", "q"), "");
}

}  // namespace
}  // namespace podium::agents
