#pragma once

#include <gtest/gtest.h>

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/gateway/gateway.h"
#include "base/files.h"
#include "base/json.h"
#include "tests/agents/loopback_client.h"

namespace podium::tests {

// A trial's events in memory.
class KeptEvents final : public agents::EventSink {
 public:
  Status Record(records::Event event) override;
  [[nodiscard]] std::vector<Json> Of(std::string_view type) const;
  // Codes of "gateway_flag" events.
  [[nodiscard]] std::vector<std::string> Flags() const;
  std::vector<std::pair<std::string, Json>> all;
};

struct Answered {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  std::string error;  // how it broke off
  [[nodiscard]] Json json() const { return Json::parse(body, nullptr, false); }
  [[nodiscard]] std::string code() const;  // of an error in any format
};

// A request as the provider saw it.
struct Received {
  std::string target;
  HttpHeaders headers;
  std::string body;
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

// A gateway with a scripted provider behind it, both over HTTP on loopback, on one event loop.
class GatewayTest : public testing::Test {
 protected:
  struct Live {
    agents::Gateway& gateway;
    std::string authority;   // "127.0.0.1:PORT"
    std::uint16_t tls_port;  // where options_ has hosts of vendors
  };
  using Body = std::function<Task<void>(Live&)>;

  void SetUp() override;

  // A model "m" (prices 1 and 10 dollars a million) of every format, at the scripted provider.
  agents::Model MakeModel() const;
  // Serves both until `body` has ended. Every call is one attempt of the same trial: it has the
  // record and the events of those before.
  void Attempt(HttpHandler provider, Body body);

  // As the agent: with the gateway's token unless `headers` are given.
  Task<Answered> Post(Live& live, std::string path, std::string body,
                      std::optional<std::vector<std::string>> headers = std::nullopt);
  Task<std::unique_ptr<HttpStream>> Open(Live& live, std::string path, std::string body);
  // Sends bytes and reads all until the peer closes.
  Task<std::string> Raw(Live& live, std::string bytes);
  // The same over TLS, asking for a vendor's host and trusting the gateway's authority alone.
  Task<std::string> RawTls(Live& live, std::string host, std::string bytes);

  [[nodiscard]] std::filesystem::path dir() const { return temp_->path(); }
  // The bytes of all files below the record, decompressed.
  [[nodiscard]] std::string AllRecords() const;

  agents::GatewayOptions options_;
  agents::TrialModelsOptions trial_;
  KeptEvents events_;
  std::vector<Received> received_;  // by the provider
  agents::Spent spent_;             // at the end of the last attempt

 private:
  Reactor reactor_{1};
  HttpClient http_;
  agents::ProviderGate gate_;
  std::optional<TempDir> temp_;
};

// An answer of Chat Completions with this many tokens, and the handler that gives it.
std::string ChatAnswer(std::int64_t input, std::int64_t output, const std::string& text = "hello");
HttpHandler Always(std::string body, std::string content_type = "application/json");

inline constexpr const char* kAsk =
    R"({"model": "m", "messages": [{"role": "user", "content": "hi"}]})";
inline constexpr const char* kAskStream =
    R"({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]})";

inline std::string Header(const Answered& answer, std::string_view name) {
  for (const auto& [n, value] : answer.headers) {
    if (n == name) return value;
  }
  return "";
}

// What nobody should send.
inline Task<void> Nothing(HttpExchange&) { co_return; }

// A door that a test opens when it has seen what it waits for.
class Door {
 public:
  explicit Door(const boost::asio::any_io_executor& executor) : channel_(executor, 1) {}
  void Open() { channel_.try_send(boost::system::error_code()); }
  Task<void> Wait() { co_await channel_.async_receive(boost::asio::use_awaitable); }

 private:
  boost::asio::experimental::channel<void(boost::system::error_code)> channel_;
};

}  // namespace podium::tests
