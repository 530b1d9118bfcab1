#include "tests/agents/gateway_fixture.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "agents/models/record_store.h"
#include "agents/models/wire/registry.h"
#include "base/async/race.h"

namespace podium::tests {

namespace asio = boost::asio;
using asio::ip::tcp;

Status KeptEvents::Record(records::Event event) {
  all.emplace_back(records::EventName(event), Json::parse(records::BodyText(event)));
  return {};
}

std::vector<Json> KeptEvents::Of(std::string_view type) const {
  std::vector<Json> out;
  for (const auto& [t, body] : all) {
    if (t == type) out.push_back(body);
  }
  return out;
}

std::vector<std::string> KeptEvents::Flags() const {
  std::vector<std::string> out;
  for (const Json& body : Of("gateway_flag")) out.push_back(body["code"]);
  return out;
}

std::string Answered::code() const {
  Json parsed = json();
  if (!parsed.is_object() || !parsed.contains("error")) return {};
  const Json& inner = parsed["error"];
  if (inner.contains("details")) return inner["details"][0]["reason"];
  return inner.value("code", "");
}

std::string_view Received::Header(std::string_view name) const {
  for (const auto& [n, value] : headers) {
    if (n == name) return value;
  }
  return {};
}

void GatewayTest::SetUp() {
  auto made = TempDir::Make("podium-gateway");
  ASSERT_TRUE(made);
  temp_.emplace(std::move(*made));
  trial_.record_dir = dir() / "llm";
  options_.models = {MakeModel()};
  options_.variable = [](const std::string& name) -> std::optional<std::string> {
    return name == "REAL_KEY" ? std::optional<std::string>("sk-real-secret") : std::nullopt;
  };
}

agents::Model GatewayTest::MakeModel() const {
  agents::Model model;
  model.id = "m";
  model.provider = "scripted";
  model.formats = agents::WireFormats();
  model.key_env = "REAL_KEY";
  model.upstream_name = "upstream-m";
  model.max_output_tokens = 1000;
  model.context_tokens = 100'000;
  model.output_limit_field = "max_completion_tokens";
  model.prices = agents::TokenPrices{{1'000'000}, {1'000'000}, {1'000'000}, {10'000'000}};
  model.aliases = {"vendor/m"};
  return model;
}

namespace {

Task<void> ServeVendors(agents::Gateway& gateway, UniqueFd listener) {
  if (gateway.tls()) co_await gateway.ServeTls(std::move(listener));
  Deadline never = Deadline::Never();
  for (;;) co_await SleepUntil(never);
}

}  // namespace

void GatewayTest::Attempt(HttpHandler provider, Body body) {
  auto [upstream, upstream_port] = ListenOnLoopback();
  auto [listener, port] = ListenOnLoopback();
  agents::GatewayOptions options = options_;
  for (auto& model : options.models)
    if (model.base_url.empty())
      model.base_url = "http://127.0.0.1:" + std::to_string(upstream_port) + "/v1";
  agents::TrialModelsOptions trial = trial_;
  trial.before = {};
  for (const auto& [type, said] : events_.all) {
    auto event = records::ParseEvent(type, said.dump(), "an event");
    if (event) agents::AddEvent(*event, trial.before);
  }
  agents::TrialModels models(reactor_, http_, gate_, events_, std::move(trial));
  auto gateway = agents::Gateway::Make(models, std::move(options));
  ASSERT_TRUE(gateway) << gateway.error().message;
  HttpHandler listened = [this, &provider](HttpExchange& exchange) -> Task<void> {
    const ServedRequest& request = exchange.request();
    received_.push_back({request.target, request.headers, std::string(request.body)});
    co_await provider(exchange);
  };
  auto [tls_listener, tls_port] = ListenOnLoopback();
  Live live{**gateway, "127.0.0.1:" + std::to_string(port), tls_port};
  auto status = reactor_.Run([&]() -> Task<Status> {
    ServerLimits limits;
    auto ended = co_await Race(ServeHttp(std::move(upstream), limits, listened),
                               (*gateway)->Serve(std::move(listener)),
                               ServeVendors(**gateway, std::move(tls_listener)), body(live));
    EXPECT_EQ(ended.index(), 3u);
    co_return co_await models.Flush();
  });
  EXPECT_TRUE(status);
  spent_ = models.spent();
}

Task<std::unique_ptr<HttpStream>> GatewayTest::Open(Live& live, std::string path,
                                                    std::string body) {
  HttpRequest request;
  request.url = "http://" + live.authority + path;
  request.headers = {"Content-Type: application/json",
                     "Expect:", "Authorization: Bearer " + live.gateway.token()};
  request.body = std::move(body);
  Deadline deadline = Deadline::In(std::chrono::seconds(60));
  co_return co_await http_.Open(std::move(request), deadline);
}

Task<Answered> GatewayTest::Post(Live& live, std::string path, std::string body,
                                 std::optional<std::vector<std::string>> headers) {
  HttpRequest request;
  request.url = "http://" + live.authority + path;
  std::vector<std::string> token = {"Authorization: Bearer " + live.gateway.token()};
  request.headers = headers ? std::move(*headers) : std::move(token);
  request.headers.emplace_back("Content-Type: application/json");
  request.headers.emplace_back("Expect:");
  request.body = std::move(body);
  Deadline deadline = Deadline::In(std::chrono::seconds(60));
  auto stream = co_await http_.Open(std::move(request), deadline);
  HttpHead head = co_await stream->Head();
  Answered out{head.status, std::move(head.headers), {}, std::move(head.transport_error)};
  for (;;) {
    auto piece = co_await stream->Next();
    if (!piece) out.error = piece.error().message;
    if (!piece || piece->empty()) break;
    out.body += *piece;
  }
  co_return out;
}

Task<std::string> GatewayTest::Raw(Live& live, std::string bytes) {
  auto port = static_cast<std::uint16_t>(std::stoi(live.authority.substr(10)));
  tcp::socket socket(reactor_.io());
  boost::system::error_code ec;
  tcp::endpoint where(asio::ip::address_v4::loopback(), port);
  co_await socket.async_connect(where, asio::redirect_error(asio::use_awaitable, ec));
  co_await asio::async_write(socket, asio::buffer(bytes),
                             asio::redirect_error(asio::use_awaitable, ec));
  std::string out;
  auto into = asio::dynamic_buffer(out);
  co_await asio::async_read(socket, into, asio::redirect_error(asio::use_awaitable, ec));
  co_return out;
}

Task<std::string> GatewayTest::RawTls(Live& live, std::string host, std::string bytes) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  context.add_certificate_authority(asio::buffer(live.gateway.tls()->authority()));
  context.set_verify_mode(asio::ssl::verify_peer);
  asio::ssl::stream<tcp::socket> stream(reactor_.io(), context);
  SSL_set_tlsext_host_name(stream.native_handle(), host.c_str());
  SSL_set1_host(stream.native_handle(), host.c_str());
  boost::system::error_code ec;
  tcp::endpoint where(asio::ip::address_v4::loopback(), live.tls_port);
  auto& socket = stream.next_layer();
  co_await socket.async_connect(where, asio::redirect_error(asio::use_awaitable, ec));
  co_await stream.async_handshake(asio::ssl::stream_base::client,
                                  asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return ec.message();
  co_await asio::async_write(stream, asio::buffer(bytes),
                             asio::redirect_error(asio::use_awaitable, ec));
  std::string out;
  auto into = asio::dynamic_buffer(out);
  co_await asio::async_read(stream, into, asio::redirect_error(asio::use_awaitable, ec));
  co_return out;
}

std::string GatewayTest::AllRecords() const {
  std::string out;
  agents::RecordStore store(trial_.record_dir);
  for (const auto& request : store.Requests())
    out += request + "\n" + store.Find(request).value_or("") + "\n";
  return out;
}

std::string ChatAnswer(std::int64_t input, std::int64_t output, const std::string& text) {
  Json choice = {{"index", 0},
                 {"message", {{"role", "assistant"}, {"content", text}}},
                 {"finish_reason", "stop"}};
  Json usage = {{"prompt_tokens", input}, {"completion_tokens", output}};
  return Json{{"choices", Json::array({choice})}, {"usage", usage}}.dump();
}

HttpHandler Always(std::string body, std::string content_type) {
  return [body, content_type](HttpExchange& exchange) -> Task<void> {
    HttpHeaders headers = {{"Content-Type", content_type}};
    std::string copy = body;
    auto told = co_await exchange.Answer(200, std::move(headers), std::move(copy));
  };
}

}  // namespace podium::tests
