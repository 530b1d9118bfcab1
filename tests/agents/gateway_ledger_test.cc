// Money, budgets and the catalogue of models.
#include <gtest/gtest.h>

#include <list>

#include "agents/models/catalogue.h"
#include "agents/models/ledger.h"
#include "agents/models/wire/registry.h"
#include "base/files.h"

namespace podium::agents {
namespace {

TokenPrices Prices() { return {{2'000'000}, {500'000}, {2'500'000}, {8'000'000}}; }

TEST(UsdTest, ReadsAndWritesDecimalsExactly) {
  for (const char* text : {"0", "2.5", "0.000075", "12.000000000001"})
    EXPECT_EQ(Usd::Parse(text)->Text(), text);
  EXPECT_EQ(Usd::Parse("2.50")->Text(), "2.5");
  for (const char* text : {"", "-1", "1.", ".5", "1e3", "two", "1.0000000000001", "99999999"})
    EXPECT_FALSE(Usd::Parse(text)) << text;
}

TEST(UsdTest, CostsAreExactAndStopAtTheLargestAmount) {
  TokenCount used{.input = 1000, .cached = 400, .cache_write = 100, .output = 10};
  EXPECT_EQ(CostOf(used, Prices()).pico,
            std::int64_t{500} * 2'000'000 + 400 * 500'000 + 100 * 2'500'000 + 10 * 8'000'000);
  EXPECT_EQ(MostOf(1000, 10, Prices()).pico, std::int64_t{1000} * 2'500'000 + 10 * 8'000'000);
  EXPECT_EQ((Usd{8'000'000} * 1'000'000'000'000'000).pico,
            std::numeric_limits<std::int64_t>::max());
}

TEST(LedgerTest, EachBudgetHoldsAlone) {
  const Ask ask{.input = 100, .output = 50, .prices = Prices()};
  const std::pair<Budget, std::string_view> cases[] = {
      {{.requests = 0}, "requests"},
      {{.tokens = 149}, "tokens"},
      {{.input_tokens = 99}, "input tokens"},
      {{.output_tokens = 49}, "output tokens"},
      {{.money = Usd{MostOf(100, 50, Prices()).pico - 1}}, "money"}};
  for (const auto& [budget, lacking] : cases) {
    Ledger ledger(budget, {});
    auto reserved = ledger.Reserve(ask);
    ASSERT_FALSE(reserved) << lacking;
    EXPECT_EQ(reserved.error(), lacking);
  }
  Ledger enough({1, 150, 100, 50, MostOf(100, 50, Prices())}, {});
  EXPECT_TRUE(enough.Reserve(ask));
  Ledger unlimited({}, {});
  EXPECT_TRUE(
      unlimited.Reserve({.input = 1'000'000'000, .output = 1'000'000'000, .prices = Prices()}));
}

TEST(LedgerTest, SixtyFourAtOnceNeverSetAsideMoreThanThereIs) {
  const Ask ask{.input = 100, .output = 50, .prices = Prices()};
  Ledger ledger({.money = MostOf(100, 50, Prices()) * 10}, {});
  std::list<Reservation> open;
  for (int i = 0; i < 64; ++i) {
    if (auto reserved = ledger.Reserve(ask)) open.push_back(std::move(*reserved));
  }
  EXPECT_EQ(open.size(), 10u);
  for (auto& r : open) r.Settle({.input = 50, .output = 10});
  EXPECT_EQ(ledger.spent().cost, CostOf({.input = 500, .output = 100}, Prices()));
  EXPECT_TRUE(ledger.Reserve(ask)) << "what was not used is free again";
}

TEST(LedgerTest, WhatIsNeitherSettledNorReleasedCountsAsUsed) {
  Ledger ledger({}, {});
  { auto lost = ledger.Reserve({.input = 100, .output = 50, .prices = Prices()}); }
  EXPECT_EQ(ledger.spent().tokens.input, 100);
  EXPECT_EQ(ledger.spent().cost, MostOf(100, 50, Prices()));
  auto back = ledger.Reserve({.input = 100, .output = 50, .prices = Prices()});
  back->Release();
  EXPECT_EQ(ledger.spent().requests, 1);
}

TEST(LedgerTest, TheAffordableOutputIsTheLargestThatFits) {
  Ledger ledger({.output_tokens = 700, .money = Usd::Parse("0.001").value()}, {});
  // 100 tokens of prompt cost 250 microdollars at the dearest; 750 remain, at 8 each.
  EXPECT_EQ(ledger.AffordableOutput(100, Prices(), 1000), 93);
  EXPECT_EQ(ledger.AffordableOutput(100, Prices(), 50), 50);
  EXPECT_EQ(ledger.AffordableOutput(1000, Prices(), 50), 0);
  EXPECT_TRUE(ledger.Reserve({.input = 100, .output = 93, .prices = Prices()}));
  EXPECT_FALSE(ledger.Reserve({.input = 100, .output = 94, .prices = Prices()}));
}

TEST(LedgerTest, SpentIsRebuiltFromEvents) {
  Spent spent;
  records::ModelCall paid{.input_tokens = 10, .cached_tokens = 4, .output_tokens = 5};
  paid.cost_usd = "0.25";
  paid.wait = Millis(70);
  EXPECT_TRUE(AddEvent(paid, spent));
  records::ModelCall replayed{.input_tokens = 10, .output_tokens = 5};
  replayed.replayed = true;
  EXPECT_TRUE(AddEvent(replayed, spent));
  EXPECT_FALSE(AddEvent(records::Outage{Millis(5), "x"}, spent));
  EXPECT_EQ(spent.requests, 1);
  EXPECT_EQ(spent.tokens, (TokenCount{10, 4, 0, 5}));
  EXPECT_EQ(spent.cost.Text(), "0.25");
  EXPECT_EQ(spent.wait, Millis(70));
  Ledger ledger({.money = Usd::Parse("0.25").value()}, spent);
  EXPECT_FALSE(ledger.Reserve({.input = 1, .output = 0, .prices = Prices()}));
}

constexpr const char* kModel = R"(
  - id: a
    provider: p
    formats: [chat]
    base_url: http://x/v1/
    max_output_tokens: 10
    context_tokens: 100
    price: {input: "0.15", cached_input: "0.075", output: "0.60", source: s, as_of: 2026-01}
)";

Result<ModelCatalogue> Catalogue(std::string text) {
  auto root = ParseYaml("schema: podium-models/1\nmodels:" + text, "models.yaml");
  if (!root) return tl::unexpected(root.error());
  return ModelCatalogue::From(*root);
}

std::string Replaced(std::string from, const std::string& to) {
  std::string text = kModel;
  return text.replace(text.find(from), from.size(), to);
}

TEST(ModelCatalogueTest, ReadsPricesToTheToken) {
  auto catalogue = Catalogue(kModel);
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  auto model = catalogue->Find("a");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->prices->input.pico, 150'000);
  EXPECT_EQ(model->prices->cached_input.pico, 75'000);
  EXPECT_EQ(model->prices->cache_write.pico, 150'000) << "as input where nothing is said";
  EXPECT_EQ(model->base_url, "http://x/v1");
  EXPECT_EQ(model->upstream_name, "a");
}

TEST(ModelCatalogueTest, NameAndAddressSuffice) {
  auto catalogue = Catalogue("\n  - {id: mine, base_url: \"http://localhost:8001/v1\"}\n");
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  auto model = catalogue->Find("mine");
  ASSERT_TRUE(model);
  EXPECT_FALSE(model->prices);
  EXPECT_EQ(model->provider, "http://localhost:8001");
  EXPECT_TRUE(model->Serves(*FindWireFormat("chat")));
  EXPECT_FALSE(model->Serves(*FindWireFormat("messages")));
  EXPECT_EQ(model->max_output_tokens, 0);
}

TEST(ModelCatalogueTest, AModelThatServesAFormatIsCountedInIt) {
  auto catalogue = Catalogue(Replaced("[chat]", "[messages]"));
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  EXPECT_TRUE(catalogue->Find("a")->Serves(*FindWireFormat("messages-count")));
  EXPECT_FALSE(catalogue->Find("a")->Serves(*FindWireFormat("gemini-count")));
}

TEST(ModelCatalogueTest, WhatAServerDoesOtherwiseIsRead) {
  auto catalogue = Catalogue(Replaced("    provider: p",
                                      "    extra_fields: [guided_json]\n    key_header: api-key\n"
                                      "    headers: {x-team: blue}\n    paths: {chat: /chat}\n"
                                      "    provider: p"));
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  auto model = catalogue->Find("a");
  EXPECT_TRUE(model->extra_fields.contains("guided_json"));
  EXPECT_EQ(model->key_header, "api-key");
  EXPECT_EQ(model->headers.at("x-team"), "blue");
  EXPECT_EQ(model->paths.at("chat"), "/chat");
}

TEST(ModelCatalogueTest, WhatAModelCanAndMayBeAskedIsRead) {
  auto catalogue = Catalogue(Replaced("[chat]",
                                      "[messages]\n    capabilities: [tools]\n"
                                      "    structured: json_schema\n    rpm: 60\n"
                                      "    tpm: 1000\n    translate: true"));
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  auto model = catalogue->Find("a");
  EXPECT_EQ(model->capabilities, std::set<std::string>{"tools"});
  EXPECT_TRUE(model->by_schema && model->translate);
  EXPECT_EQ(model->limits, (std::vector<RateLimit>{{"model a", 60, 1000}}));
  EXPECT_FALSE(Catalogue(kModel)->Find("a")->capabilities) << "not said is not none";
}

TEST(ModelCatalogueTest, AProvidersLimitsAreThoseOfAllItsModels) {
  std::string other = Replaced("- id: a", "- id: b");
  auto catalogue = Catalogue(std::string(kModel) + other.substr(1) + "providers: {p: {rpm: 5}}\n");
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  for (const char* name : {"a", "b"})
    EXPECT_EQ(catalogue->Find(name)->limits, (std::vector<RateLimit>{{"provider p", 5, 0}}));
  auto unknown = Catalogue(std::string(kModel) + "providers: {q: {rpm: 5}}\n");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("no model is of provider 'q'"), std::string::npos);
}

TEST(ModelCatalogueTest, AModelIsFoundByItsProviderAndAnUnknownOneOfAKnownProvider) {
  auto catalogue = Catalogue(kModel);
  EXPECT_EQ(catalogue->Find("p/a")->id, "a");
  EXPECT_FALSE(catalogue->Find("p/new"));
  auto guessed = catalogue->FindByProvider("p/new");
  ASSERT_TRUE(guessed);
  EXPECT_EQ(guessed->upstream_name, "new");
  EXPECT_EQ(guessed->base_url, "http://x/v1");
  EXPECT_FALSE(guessed->prices) << "what it costs is not known";
  EXPECT_EQ(guessed->context_tokens, 0);
  for (const char* name : {"new", "q/new", "p/", ""})
    EXPECT_FALSE(catalogue->FindByProvider(name)) << name;
}

TEST(ModelCatalogueTest, EveryMistakeIsNamedWithItsLine) {
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"provider: p", "provder: p", "provider"},
      {"output: \"0.60\", ", "", "output"},
      {"\"0.15\"", "cheap", "cheap"},
      {"\"0.15\"", "\"0.0000001\"", "six digits"},
      {"[chat]", "[chta]", "Did you mean 'chat'"},
      {"http://x", "ftp://x", "http"},
      {"source: s, ", "", "source"},
      {"context_tokens: 100", "context_tokens: 0", "context_tokens"},
      {"    provider", "    headers: {Authorization: x}\n    provider", "key_env"},
      {"    provider", "    headers: {\"a b\": x}\n    provider", "'a b'"},
      {"    provider", "    key_header: \"a: b\"\n    provider", "no name of a header"},
      {"    provider", "    paths: {chat: chat}\n    provider", "must begin with /"},
      {"    provider", "    paths: {chta: /chat}\n    provider", "Did you mean 'chat'"},
      {"    provider", "    capabilities: [tool]\n    provider", "Did you mean 'tools'"},
      {"    provider", "    structured: xml\n    provider", "forced_tool or json_schema"},
      {"    provider", "    rpm: 0\n    provider", "above 0"},
      {"    provider", "    translate: true\n    provider", "serves none of them"},
      {"    provider", "    surprise: 1\n    provider", "surprise"}};
  for (const auto& [from, to, said] : cases) {
    auto catalogue = Catalogue(Replaced(from, to));
    ASSERT_FALSE(catalogue) << to;
    EXPECT_NE(catalogue.error().message.find("models.yaml:"), std::string::npos)
        << catalogue.error().message;
    EXPECT_NE(catalogue.error().message.find(said), std::string::npos) << catalogue.error().message;
  }
  EXPECT_FALSE(Catalogue(std::string(kModel) + kModel)) << "one name, two models";
}

TEST(ModelCatalogueTest, ThatWhichIsShippedIsReadAndUnknownNamesAreSuggested) {
  auto catalogue = ModelCatalogue::Read(ShareDir() / "configs" / "models.yaml");
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  EXPECT_GE(catalogue->models().size(), 8u);
  EXPECT_TRUE(catalogue->Find("openai/gpt-4.1-mini"));
  auto none = catalogue->Find("gpt-4.1-mni");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("Did you mean 'gpt-4.1-mini'"), std::string::npos)
      << none.error().message;
}

}  // namespace
}  // namespace podium::agents
