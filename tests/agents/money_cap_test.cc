// A cap of half a dollar a trial, eight calls side by side in each of eight trials: native and
// through the gateway.
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "agents/gateway/gateway.h"
#include "agents/models/chat_client.h"
#include "agents/models/wire/registry.h"
#include "base/async/race.h"
#include "base/files.h"
#include "tests/agents/gateway_fixture.h"
#include "tests/support/model_server.h"
#include "tests/support/wire_answers.h"

namespace podium::agents {
namespace {

using tests::ModelServer;
using tests::ReceivedRequest;
using tests::ScriptedReply;

constexpr int kTrials = 8, kAtOnce = 8;
constexpr Usd kCap{500'000'000'000};
constexpr TokenPrices kPrices{{1'000'000}, {1'000'000}, {1'000'000}, {10'000'000}};  // $1, $10 a M
constexpr std::int64_t kAnswer = 2'000;  // tokens: two cents

// "trial 3" of a request.
std::string TrialIn(const std::string& body) {
  std::size_t at = body.find("trial ");
  return at == std::string::npos ? "" : body.substr(at, 7);
}

// One trial's part of the models.
struct Trial {
  Trial(Reactor& reactor, HttpClient& http, ProviderGate& gate) {
    TrialModelsOptions options;
    options.budget.money = kCap;
    options.record_dir = temp.path();
    models.emplace(reactor, http, gate, events, options);
  }
  TempDir temp = *TempDir::Make("podium-money");
  tests::KeptEvents events;
  std::optional<TrialModels> models;
  std::unique_ptr<ChatClient> client;
  std::unique_ptr<Gateway> gateway;
  UniqueFd listener;
  std::uint16_t port = 0;
  int refused = 0;  // calls that the budget did not hold
};

class MoneyCapTest : public testing::Test {
 protected:
  // Answers cost what was asked for, `output` tokens of it; each is counted for its trial.
  ScriptedReply Answer(const ReceivedRequest& request) {
    tests::Said said{.text = "hello", .input = 100, .output = output_};
    Usd cost = CostOf({.input = said.input, .output = said.output}, kPrices);
    std::lock_guard lock(mutex_);
    Usd& sum = served_[TrialIn(request.body)];
    sum = sum + cost;
    return {.body = tests::StreamOf("chat", said),
            .headers = {{"Content-Type", "text/event-stream"}}};
  }

  // Asks until the budget does not hold the next call.
  static Task<void> AskNative(Trial& trial, int number, int worker) {
    for (int i = 0; i < 1'000; ++i) {
      ChatRequest request;
      request.messages.push_back({"user", "trial " + std::to_string(number)});
      request.max_tokens = static_cast<int>(kAnswer);
      request.seed = worker * 1'000 + i;
      Deadline deadline = Deadline::In(std::chrono::minutes(1));
      auto reply = co_await trial.client->Complete(std::move(request), deadline);
      if (reply) continue;
      EXPECT_TRUE(IsBudgetExhausted(reply.error())) << reply.error().message;
      ++trial.refused;
      co_return;
    }
  }

  Task<void> AskGateway(Trial& trial, int number, int worker) {
    for (int i = 0; i < 1'000; ++i) {
      HttpRequest request;
      request.url = "http://127.0.0.1:" + std::to_string(trial.port) + "/v1/chat/completions";
      request.headers = {"Content-Type: application/json",
                         "Expect:", "Authorization: Bearer " + trial.gateway->token()};
      Json message = {{"role", "user"}, {"content", "trial " + std::to_string(number)}};
      request.body = Json{
          {"model", "m"},
          {"messages", Json::array({message})},
          {"max_tokens", kAnswer},
          {"seed", worker * 1'000 + i},
          {"stream",
           true}}.dump();
      Deadline deadline = Deadline::In(std::chrono::minutes(1));
      auto answer = co_await http_.Post(std::move(request), deadline);
      if (answer.status == 200) continue;
      EXPECT_EQ(answer.status, 403) << answer.body;
      EXPECT_NE(answer.body.find("budget_exhausted"), std::string::npos) << answer.body;
      ++trial.refused;
      co_return;
    }
  }

  static Task<void> Serve(Trial& trial) {
    co_await trial.gateway->Serve(std::move(trial.listener));
  }

  Task<void> AskAll(bool through_gateway) {
    std::vector<Task<void>> all;
    for (int t = 0; t < kTrials; ++t) {
      for (int w = 0; w < kAtOnce; ++w) {
        Trial& trial = *trials_[static_cast<std::size_t>(t)];
        all.push_back(through_gateway ? AskGateway(trial, t, w) : AskNative(trial, t, w));
      }
    }
    co_await AllOf(std::move(all));
  }

  void MakeTrials(const ModelServer& server) {
    for (int t = 0; t < kTrials; ++t) {
      auto& trial = trials_.emplace_back(std::make_unique<Trial>(reactor_, http_, gate_));
      ModelConfig config{.model = "m"};
      config.base_url = server.base_url();
      config.prices = kPrices;
      trial->client = std::make_unique<ChatClient>(*trial->models, config);
      GatewayOptions options;
      Model& model = options.models.emplace_back();
      model.id = model.upstream_name = model.provider = "m";
      model.formats = {FindWireFormat("chat")};
      model.base_url = server.base_url();
      model.max_output_tokens = 4'000;
      model.context_tokens = 100'000;
      model.output_limit_field = "max_tokens";
      model.prices = kPrices;
      auto made = Gateway::Make(*trial->models, std::move(options));
      ASSERT_TRUE(made) << made.error().message;
      trial->gateway = std::move(*made);
      std::tie(trial->listener, trial->port) = tests::ListenOnLoopback();
    }
  }

  void Run(bool through_gateway) {
    ModelServer server([this](int, const ReceivedRequest& request) { return Answer(request); });
    MakeTrials(server);
    auto run = reactor_.Run([&]() -> Task<Status> {
      std::vector<Task<void>> tasks;
      for (auto& trial : trials_) tasks.push_back(Serve(*trial));
      tasks.push_back(AskAll(through_gateway));
      co_await FirstOf(std::move(tasks));
      for (auto& trial : trials_) PODIUM_CO_TRY(co_await trial->models->Flush());
      co_return Status{};
    });
    EXPECT_TRUE(run);
  }

  // What the journal's calls cost together.
  static Usd Journal(const Trial& trial) {
    Usd out;
    for (const Json& call : trial.events.Of("model_call"))
      out = out + *Usd::Parse(call["cost_usd"].get<std::string>());
    return out;
  }

  void ExpectWithinCap() {
    for (int t = 0; t < kTrials; ++t) {
      const Trial& trial = *trials_[static_cast<std::size_t>(t)];
      Usd spent = trial.models->spent().cost;
      EXPECT_LE(spent, kCap) << spent.Text();
      EXPECT_GT(spent, Usd{450'000'000'000}) << "it was used: " << spent.Text();
      EXPECT_EQ(spent, Journal(trial));
      EXPECT_EQ(spent, served_["trial " + std::to_string(t)]) << "what the provider bills";
      EXPECT_EQ(trial.refused, kAtOnce);
      for (const auto& flag : trial.events.Flags()) EXPECT_EQ(flag, "budget_exhausted");
    }
  }

  // The provider counts half as much again as it was allowed to give.
  void ExpectExcessFlagged() {
    Usd excess = CostOf({.output = output_ - kAnswer}, kPrices);
    for (const auto& trial : trials_) {
      auto flags = trial->events.Flags();
      auto calls = trial->models->spent().requests;
      auto flagged = std::ranges::count(flags, "usage_above_reserved");
      EXPECT_EQ(flagged, std::min<std::int64_t>(calls, 20)) << "of each code the first twenty";
      EXPECT_LE(trial->models->spent().cost - excess * calls, kCap);
      EXPECT_LE(trial->models->spent().cost, kCap + excess * kAtOnce)
          << "no call was sent that the rest did not hold";
      EXPECT_EQ(trial->models->spent().cost, Journal(*trial)) << "all of it is booked";
    }
  }

  Reactor reactor_{1};
  HttpClient http_;
  ProviderGate gate_;
  std::vector<std::unique_ptr<Trial>> trials_;
  std::int64_t output_ = kAnswer;
  std::mutex mutex_;
  std::map<std::string, Usd> served_;
};

TEST_F(MoneyCapTest, NativeCallsNeverPassIt) {
  Run(false);
  ExpectWithinCap();
}

TEST_F(MoneyCapTest, ProgramsNeverPassIt) {
  Run(true);
  ExpectWithinCap();
}

TEST_F(MoneyCapTest, UsageAboveWhatWasSetAsideIsBookedAndFlagged) {
  output_ = kAnswer * 3 / 2;
  Run(false);
  ExpectExcessFlagged();
}

TEST_F(MoneyCapTest, TheSameThroughTheGateway) {
  output_ = kAnswer * 3 / 2;
  Run(true);
  ExpectExcessFlagged();
}

// Without a limit in the request an answer may be the model's longest.
TEST_F(MoneyCapTest, ALimitThatIsNotSentSetsTheLongestAnswerAside) {
  ModelServer server([this](int, const ReceivedRequest& request) { return Answer(request); });
  output_ = 40'000;
  Trial trial(reactor_, http_, gate_);
  ModelConfig config{.model = "m"};
  config.base_url = server.base_url();
  config.prices = kPrices;
  config.max_output_tokens = 49'000;
  config.omit = {"max_tokens"};
  trial.client = std::make_unique<ChatClient>(*trial.models, config);
  auto run = reactor_.Run([&]() -> Task<Status> {
    co_await AskNative(trial, 0, 0);
    co_return Status{};
  });
  EXPECT_TRUE(run);
  EXPECT_EQ(server.requests().size(), 1u) << "a second one could pass the cap";
  EXPECT_LE(trial.models->spent().cost, kCap);
  EXPECT_TRUE(trial.events.Flags().empty());
}

// A server that does not take the limit is asked again without, which may cost more.
TEST_F(MoneyCapTest, ALimitThatAServerRefusesIsSetAsideAnew) {
  ModelServer server([this](int, const ReceivedRequest& request) -> ScriptedReply {
    if (request.body.find("max_tokens") != std::string::npos)
      return {.status = 400,
              .body = R"({"error": {"param": "max_tokens", "message": "unsupported"}})"};
    return Answer(request);
  });
  Trial trial(reactor_, http_, gate_);
  ModelConfig config{.model = "m"};
  config.base_url = server.base_url();
  config.prices = kPrices;
  config.max_output_tokens = 51'000;
  trial.client = std::make_unique<ChatClient>(*trial.models, config);
  auto run = reactor_.Run([&]() -> Task<Status> {
    co_await AskNative(trial, 0, 0);
    co_return Status{};
  });
  EXPECT_TRUE(run);
  EXPECT_EQ(server.requests().size(), 1u) << "the longest answer does not fit the cap";
  EXPECT_EQ(trial.models->spent().cost, Usd{}) << "and a refusal costs nothing";
}

}  // namespace
}  // namespace podium::agents
