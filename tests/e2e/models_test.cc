// `podium models`: the catalogue, and whether a model answers as it says.
#include "base/json.h"
#include "tests/e2e/podium_program.h"
#include "tests/support/model_server.h"
#include "tests/support/wire_answers.h"

namespace podium::tests {
namespace {

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// A model of this format that does all that it is asked for.
ScriptedReply Able(const std::string& format, const ReceivedRequest& request) {
  Said said{.text = "ready"};
  bool schema = Has(request.body, "json_schema") || Has(request.body, "responseSchema");
  if (schema)
    said.text = R"({"number": 7})";
  else if (Has(request.body, "report"))
    said = {.tool = "report", .arguments = R"({"number": 7})"};
  bool stream =
      Has(request.body, "\"stream\":true") || Has(request.target, "streamGenerateContent");
  return {.body = stream ? StreamOf(format, said) : WholeOf(format, said),
          .headers = {{"Content-Type", stream ? "text/event-stream" : "application/json"}}};
}

class ModelsTest : public PodiumProgram {
 protected:
  // A catalogue of one model "mine" at the server.
  std::string Catalogue(const ModelServer& server, const std::string& more) {
    fs::path file = dir() / "models.yaml";
    EXPECT_TRUE(WriteFileAtomic(file,
                                "schema: podium-models/1\nmodels:\n  - {id: mine, provider: me, "
                                "base_url: \"" +
                                    server.base_url() + "\", " + more + "}\n"));
    return file.string();
  }
  // What `check` says, by the name of the call.
  std::map<std::string, Json> Checked(const std::string& catalogue, int code,
                                      const std::string& model = "mine") {
    auto r =
        Podium({"models", "check", model, "--catalogue", catalogue, "--json", "--timeout", "20 s"},
               {{"MY_KEY", "sk-mine-123456"}});
    EXPECT_EQ(r.exit_code, code) << r.out << r.err;
    std::map<std::string, Json> out;
    Json json = Json::parse(r.out, nullptr, false);
    if (!json.is_object()) return out;
    EXPECT_EQ(json["schema"], "podium-model-check/1");
    EXPECT_EQ(json["ok"], code == 0);
    for (const Json& probe : json["probes"]) out[probe["name"]] = probe;
    return out;
  }
};

TEST_F(ModelsTest, AModelThatCanAllAnswersInEachFormat) {
  for (const std::string format : {"chat", "responses", "messages", "gemini"}) {
    ModelServer server([&](int, const ReceivedRequest& request) { return Able(format, request); });
    auto file = Catalogue(server, "formats: [" + format +
                                      "], price: {input: \"1\", output: \"10\", source: s, as_of: "
                                      "2026-01}, capabilities: [tools, forced_tool]");
    auto probes = Checked(file, 0);
    ASSERT_EQ(probes.size(), 5u) << format;
    for (const auto& [name, probe] : probes) {
      bool skipped = format == "messages" && name == "json_schema";
      EXPECT_EQ(probe["outcome"], skipped ? "skipped" : "answered") << format << " " << probe;
      if (!skipped) EXPECT_EQ(probe["cost_usd"], "0.00035") << "100 and 25 tokens: " << probe;
    }
    EXPECT_EQ(probes["tools"]["declared"], true);
    EXPECT_EQ(probes["json_schema"]["declared"], false);
    EXPECT_EQ(probes["text"]["declared"], nullptr);
    EXPECT_EQ(server.requests().size(), format == "messages" ? 4u : 5u) << "nothing twice";
  }
}

TEST_F(ModelsTest, WhatTheCatalogueSaysAndTheModelCannotIsNotVerified) {
  ModelServer server([](int, const ReceivedRequest& request) -> ScriptedReply {
    if (Has(request.body, "tool_choice"))
      return {.status = 400, .body = ErrorOf("chat", 400, "invalid_request_error")};
    return {.body = StreamOf("chat", {.text = "ready"}),
            .headers = {{"Content-Type", "text/event-stream"}}};
  });
  auto probes = Checked(Catalogue(server, "capabilities: [forced_tool]"), 7);
  EXPECT_EQ(probes["text"]["outcome"], "answered");
  EXPECT_EQ(probes["tools"]["outcome"], "otherwise");
  EXPECT_EQ(probes["forced_tool"]["outcome"], "refused");
  EXPECT_EQ(probes["json_schema"]["outcome"], "otherwise");
  EXPECT_TRUE(Has(probes["tools"]["detail"], "'ready'"));
  Checked(Catalogue(server, "capabilities: []"), 0);
}

TEST_F(ModelsTest, AServerThatDoesNotServeIsAskedOnce) {
  ModelServer server([](int, const ReceivedRequest&) -> ScriptedReply { return {.status = 503}; });
  auto probes = Checked(Catalogue(server, "key_env: MY_KEY"), 5);
  EXPECT_EQ(probes["text"]["outcome"], "no_answer");
  EXPECT_EQ(probes["json_schema"]["outcome"], "skipped");
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(server.requests()[0].authorization, "Bearer sk-mine-123456");
  ModelServer strict([](int, const ReceivedRequest&) -> ScriptedReply { return {.status = 401}; });
  EXPECT_EQ(Checked(Catalogue(strict, "key_env: MY_KEY"), 5)["text"]["outcome"], "refused");
}

TEST_F(ModelsTest, AnUnknownNameNeedsAPlaceToAsk) {
  ModelServer server([](int, const ReceivedRequest& request) { return Able("chat", request); });
  auto file = Catalogue(server, "formats: [chat]");
  auto r = Podium({"models", "check", "mien", "--catalogue", file});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_TRUE(Has(r.err, "Did you mean 'mine'?")) << r.err;
  EXPECT_EQ(Checked(file, 0, "me/another")["text"]["outcome"], "answered")
      << "of a provider that the file knows";
  EXPECT_TRUE(Has(server.requests()[0].body, "\"model\":\"another\""));
  r = Podium({"models", "check", "whatever", "--base-url", server.base_url()});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_TRUE(Has(r.out, "'whatever' in format chat")) << r.out;
}

TEST_F(ModelsTest, ShowsTheShippedCatalogue) {
  auto r = Podium({"models", "ls", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  Json list = Json::parse(r.out);
  EXPECT_EQ(list["schema"], "podium-model-list/1");
  EXPECT_GE(list["models"].size(), 8u);
  r = Podium({"models", "show", "anthropic/claude-haiku-4-5", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  Json model = Json::parse(r.out);
  EXPECT_EQ(model["id"], "claude-haiku-4-5");
  EXPECT_EQ(model["usd_per_million_tokens"]["cache_write"], "1.25");
  EXPECT_TRUE(Has(Podium({"models", "ls"}).out, "gemini-2.5-flash"));
  EXPECT_EQ(Podium({"models", "show", "gpt-4.1-mni"}).exit_code, 2);
}

}  // namespace
}  // namespace podium::tests
