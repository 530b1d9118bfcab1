#include "agents/escape/gateway_stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "agents/escape/cases.h"
#include "agents/models/wire/registry.h"
#include "base/async/race.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/escape/groups.h"

namespace podium::agents {
namespace {

using sandbox::escape::Broken;
using sandbox::escape::CaseResult;
using sandbox::escape::Context;
using sandbox::escape::Held;
using sandbox::escape::Skipped;

constexpr std::uint16_t kPort = 8000, kTlsPort = 443;
constexpr const char* kRealKey = "sk-real-key-of-the-host";

constexpr const char* kPrelude = R"py(
import array, http.client, json, os, socket, sys, threading, time
TOKEN, KEY = os.environ['TOKEN'], 'sk-of-somebody-else'
ASK = {'model': 'm', 'max_tokens': 100, 'messages': [{'role': 'user', 'content': 'hi'}]}
seen_wrong = []
def connect():
    s = socket.create_connection(('127.0.0.1', 8000), timeout=20)
    return s
def code_of(body):
    try:
        e = json.loads(body)['error']
        return e['details'][0]['reason'] if 'details' in e else e.get('code')
    except Exception:
        return None
def call(path, body=None, method='POST', headers=None):
    c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=30)
    h = {'Authorization': 'Bearer ' + TOKEN, 'Content-Type': 'application/json'}
    if headers is not None: h = headers
    data = body if isinstance(body, (bytes, str, type(None))) else json.dumps(body)
    try:
        c.request(method, path, data, h)
        r = c.getresponse()
        return r.status, code_of(r.read())
    except (OSError, http.client.HTTPException) as e:
        return 0, type(e).__name__
    finally:
        c.close()
def raw(data, limit=30):
    s = connect()
    s.settimeout(limit)
    out = b''
    try:
        s.sendall(data)
        while True:
            piece = s.recv(65536)
            if not piece: break
            out += piece
    except OSError:
        pass
    finally:
        s.close()
    return out
def status(answer):
    parts = answer.split(b' ', 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
def want(what, seen, *wanted):
    if seen not in wanted:
        seen_wrong.append('%s: saw %r, not %r' % (what, seen, wanted))
)py";

constexpr const char* kEpilogue = R"py(
print('; '.join(seen_wrong)[:3000] if seen_wrong else 'all as it must be')
sys.exit(1 if seen_wrong else 0)
)py";

Result<std::pair<UniqueFd, std::uint16_t>> ListenOnHost() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(fd.get(), 128) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return FailErrno(ErrorCode::kIo, "cannot listen at 127.0.0.1", errno);
  return std::pair(std::move(fd), ntohs(address.sin_port));
}

Model StageModel(std::uint16_t port) {
  Model model;
  model.id = "m";
  model.provider = "scripted";
  model.formats = WireFormats();
  model.base_url = "http://127.0.0.1:" + std::to_string(port) + "/v1";
  model.key_env = "REAL_KEY";
  model.upstream_name = "m";
  model.max_output_tokens = 1000;
  model.context_tokens = 200'000;
  model.output_limit_field = "max_tokens";
  model.prices = TokenPrices{{1'000'000}, {1'000'000}, {1'000'000}, {10'000'000}};
  return model;
}

class Stage final : public GatewayStage {
 public:
  Stage(Context& ctx, sandbox::Sandbox& box, std::string name, StageOptions options)
      : ctx_(ctx), box_(box), name_(std::move(name)), options_(std::move(options)) {}

  Task<CaseResult> Run(StageBody body) {
    auto missing = co_await WhatIsMissing();
    if (missing) co_return *missing;
    auto provider = ListenOnHost(), other = ListenOnHost();
    if (!provider || !other) co_return Broken("cannot listen on the host");
    own_ = Make(options_.gateway, options_.trial, "own", provider->second);
    GatewayOptions others;
    others.vendor_hosts = options_.gateway.vendor_hosts;
    bystander_ = Make(std::move(others), {}, "other", provider->second);
    if (!own_.gateway || !bystander_.gateway) co_return Broken("no gateway could be made");
    bystander_port_ = other->second;
    HttpHandler handler = [this](HttpExchange& exchange) { return Provide(exchange); };
    ServerLimits limits;
    limits.connections = 256;
    auto ended = co_await Race(ServeHttp(std::move(provider->first), limits, handler),
                               own_.gateway->Serve(std::move(listener_)), ServeTls(),
                               bystander_.gateway->Serve(std::move(other->first)), body(*this));
    if (ended.index() != 4) co_return Broken("a server ended by itself");
    co_return Judge(std::get<4>(std::move(ended)));
  }

  Task<CaseResult> Python(std::string script) override {
    sandbox::ExecSpec spec;
    spec.argv = {"python3", "-"};
    spec.env = {{"TOKEN", own_.gateway->token()}};
    if (const TlsIdentity* own = own_.gateway->tls()) {
      spec.env.emplace_back("AUTHORITY", own->authority());
      spec.env.emplace_back("OTHER_AUTHORITY", bystander_.gateway->tls()->authority());
    }
    spec.stdin_data = kPrelude + script + kEpilogue;
    Deadline deadline = Deadline::In(std::chrono::seconds(120));
    auto result = co_await box_.Exec(std::move(spec), deadline);
    if (!result) co_return Broken(result.error().message);
    std::string said(Trim(result->output));
    if (result->end == sandbox::ExecEnd::kExited && result->exit_code == 0) co_return Held(said);
    co_return Broken("the agent: " + said);
  }

  Gateway& gateway() override { return *own_.gateway; }
  const Spent& spent() const override { return own_.models->spent(); }
  const std::vector<ProviderSaw>& provider() const override { return saw_; }

  int Flags(const std::string& code) const override {
    return static_cast<int>(std::ranges::count_if(events_.all, [&](const auto& event) {
      const auto* flag = std::get_if<records::GatewayFlag>(&event);
      return flag && flag->code == code;
    }));
  }

  Task<Status> ServeBystander() override {
    HttpRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(bystander_port_) + "/v1/chat/completions";
    request.headers = {"Content-Type: application/json",
                       "Expect:", "Authorization: Bearer " + bystander_.gateway->token()};
    request.body = R"({"model": "m", "max_tokens": 5, "messages": []})";
    Deadline deadline = Deadline::In(std::chrono::seconds(5));
    auto response = co_await http_.Post(std::move(request), deadline);
    if (response.status == 200) co_return Status{};
    co_return Fail(ErrorCode::kIo,
                   "status " + std::to_string(response.status) + " " + response.transport_error);
  }

 private:
  Task<std::optional<CaseResult>> WhatIsMissing() {
    sandbox::ExecSpec spec;
    spec.argv = {"python3", "-c", "print(1)"};
    Deadline deadline = Deadline::In(std::chrono::seconds(60));
    auto python = co_await box_.Exec(std::move(spec), deadline);
    if (!python) co_return Broken(python.error().message);
    if (python->exit_code != 0) co_return Skipped("the image has no python3");
    auto listener = co_await box_.Listen(kPort, deadline);
    if (!listener && listener.error().code == ErrorCode::kUnavailable)
      co_return Skipped(listener.error().message);
    if (!listener) co_return Broken(listener.error().message);
    listener_ = std::move(*listener);
    if (options_.gateway.vendor_hosts.empty()) co_return std::nullopt;
    auto tls = co_await box_.Listen(kTlsPort, deadline);
    if (!tls) co_return Broken(tls.error().message);
    tls_listener_ = std::move(*tls);
    co_return std::nullopt;
  }

  Task<void> ServeTls() {
    if (tls_listener_) co_await own_.gateway->ServeTls(std::move(tls_listener_));
    Deadline never = Deadline::Never();
    for (;;) co_await SleepUntil(never);
  }

  // A trial of its own with a gateway.
  struct Trial {
    std::unique_ptr<TrialModels> models;
    std::unique_ptr<Gateway> gateway;
  };

  Trial Make(GatewayOptions options, TrialModelsOptions trial, const std::string& whose,
             std::uint16_t provider_port) {
    options.models = {StageModel(provider_port)};
    options.variable = [](const std::string&) { return std::optional<std::string>(kRealKey); };
    trial.record_dir = ctx_.scratch / ("gateway-" + name_) / whose;
    EventSink& sink = whose == "own" ? static_cast<EventSink&>(events_) : other_events_;
    Trial out;
    out.models = std::make_unique<TrialModels>(ctx_.reactor, http_, gate_, sink, std::move(trial));
    auto made = Gateway::Make(*out.models, std::move(options));
    if (made) out.gateway = std::move(*made);
    return out;
  }

  Task<void> Provide(HttpExchange& exchange) {
    const ServedRequest& request = exchange.request();
    // The bystander's calls are no part of the case.
    bool own = request.body.find("\"max_tokens\":5,") == std::string_view::npos;
    if (own) saw_.push_back({request.target, request.headers, std::string(request.body)});
    if (own && options_.provider) {
      co_await options_.provider(exchange);
      co_return;
    }
    co_await AnswerAsModel(exchange, 10);
  }

  // Whatever a case tries: the agent's token goes nowhere, and every call bears the real key.
  CaseResult Judge(CaseResult result) {
    std::string all;
    for (const auto& saw : saw_) {
      all += saw.body + saw.target;
      for (const auto& [name, value] : saw.headers) all += name + value;
    }
    if (all.find(own_.gateway->token()) != std::string::npos)
      return Broken("the agent's token went to the provider");
    for (const auto& event : events_.all) {
      if (records::BodyText(event).find(kRealKey) != std::string::npos)
        return Broken("the real key is in an event");
    }
    if (result.detail.find(kRealKey) != std::string::npos)
      return Broken("the agent has the real key");
    if (const Status& kept = own_.models->log().status(); !kept)
      return Broken(kept.error().message);
    return result;
  }

  Context& ctx_;
  sandbox::Sandbox& box_;
  std::string name_;
  StageOptions options_;
  HttpClient http_;
  ProviderGate gate_;
  KeptEvents events_, other_events_;
  Trial own_, bystander_;
  UniqueFd listener_, tls_listener_;
  std::uint16_t bystander_port_ = 0;
  std::vector<ProviderSaw> saw_;
};

}  // namespace

Task<void> AnswerAsModel(HttpExchange& exchange, int output_tokens) {
  HttpHeaders headers = {{"Content-Type", "application/json"}};
  std::string body = R"({"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},)"
                     R"("finish_reason":"stop"}],"usage":{"prompt_tokens":10,)"
                     R"("completion_tokens":)" +
                     std::to_string(output_tokens) + "}}";
  auto told = co_await exchange.Answer(200, std::move(headers), std::move(body));
}

Task<CaseResult> OnGatewayStage(Context& ctx, std::string name, StageOptions options,
                                StageBody body) {
  sandbox::escape::BoxBody in_box = [&](sandbox::Sandbox& box) -> Task<CaseResult> {
    Stage stage(ctx, box, name, std::move(options));
    co_return co_await stage.Run(body);
  };
  sandbox::SandboxSpec spec = ctx.MakeSpec(name);
  if (!options.gateway.vendor_hosts.empty()) spec.first_port = kTlsPort;
  co_return co_await InOwnBox(ctx, std::move(spec), std::move(in_box));
}

}  // namespace podium::agents
