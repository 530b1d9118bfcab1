#include "agents/gateway/gateway.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "agents/gateway/call.h"
#include "agents/models/wire/registry.h"
#include "base/files.h"
#include "base/http/address.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

Result<std::string> MakeToken() {
  unsigned char bytes[32];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    return FailErrno(ErrorCode::kIo, "cannot read random bytes", errno);
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "podium-";
  for (unsigned char b : bytes) {
    out += kHex[b >> 4];
    out += kHex[b & 15];
  }
  return out;
}

// In the same time wherever they differ.
bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char differs = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    differs = static_cast<unsigned char>(differs | (a[i] ^ b[i]));
  return differs == 0;
}

std::string_view QueryValue(std::string_view target, std::string_view name) {
  std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {};
  for (auto part : Split(target.substr(mark + 1), '&')) {
    if (part.starts_with(name) && part.substr(name.size()).starts_with('='))
      return part.substr(name.size() + 1);
  }
  return {};
}

std::string_view Credential(const ServedRequest& request) {
  std::string_view bearer = request.Header("authorization");
  if (bearer.size() > 7 && (bearer.starts_with("Bearer ") || bearer.starts_with("bearer ")))
    return Trim(bearer.substr(7));
  for (const char* name : {"x-api-key", "x-goog-api-key"}) {
    if (auto key = request.Header(name); !key.empty()) return Trim(key);
  }
  return QueryValue(request.target, "key");
}

Json ModelEntry(const Model& model) {
  return {{"id", model.id},
          {"object", "model"},
          {"type", "model"},
          {"display_name", model.id},
          {"created", 0},
          {"created_at", "1970-01-01T00:00:00Z"},
          {"owned_by", model.provider}};
}

Json GeminiEntry(const Model& model) {
  Json methods = Json::array({"generateContent", "streamGenerateContent", "countTokens"});
  if (!model.Serves(*FindWireFormat("gemini"))) methods = Json::array({"embedContent"});
  return {{"name", "models/" + model.id},
          {"displayName", model.id},
          {"inputTokenLimit", model.context_tokens},
          {"outputTokenLimit", model.max_output_tokens},
          {"supportedGenerationMethods", methods}};
}

// Paths of lists of models and of single ones.
constexpr std::string_view kLists[] = {"/v1/models", "/models", "/v1beta/models"};

bool IsOfList(std::string_view path) {
  return std::ranges::any_of(kLists, [&](std::string_view all) {
    return path == all || (path.starts_with(all) && path.substr(all.size(), 1) == "/");
  });
}

bool IsKnown(std::string_view path) { return IsOfList(path) || MatchRoute("POST", path); }

// A path as it would be here: servers of one format differ in what stands before it.
std::string PathHere(const ServedRequest& request, const std::vector<VendorHost>& hosts) {
  std::string path(request.Path()), name = request.HostName();
  if (IsKnown(path)) return path;
  for (const auto& host : hosts) {
    if (host.name != name || !path.starts_with(host.base_path + "/")) continue;
    std::string here = "/v1" + path.substr(host.base_path.size());
    if (IsKnown(here)) return here;
  }
  return path;
}

// In one object what OpenAI's and Anthropic's clients look for.
std::string ModelList(const std::vector<Model>& models) {
  Json data = Json::array();
  for (const Model& model : models) data.push_back(ModelEntry(model));
  return DumpJson(Json{{"object", "list"}, {"data", data}, {"has_more", false}});
}

std::string GeminiModelList(const std::vector<Model>& models) {
  Json list = Json::array();
  for (const Model& model : models) list.push_back(GeminiEntry(model));
  return DumpJson(Json{{"models", list}});
}

}  // namespace

struct Gateway::State {
  State(TrialModels& m, GatewayOptions o) : models(m), options(std::move(o)) {}

  TrialModels& models;
  GatewayOptions options;
  std::string token;
  bool ended = false;
  std::map<std::string, std::string> keys;
  ExtraFields extra_fields;
  std::uint64_t bytes_under_way = 0;
  std::shared_ptr<TlsIdentity> tls;

  Status MakeTls() {
    std::set<std::string> names;
    for (const auto& host : options.vendor_hosts) names.insert(host.name);
    if (names.empty()) return {};
    PODIUM_ASSIGN(tls, TlsIdentity::Make({names.begin(), names.end()}, WallNow()));
    tls->OnStranger([this](std::string_view name) {
      models.log().Flag("host_not_allowed", name.empty() ? "none was named" : Printable(name));
    });
    return {};
  }

  Status ReadKeys() {
    for (const Model& model : options.models) {
      keys[model.id] = "";
      if (model.key_env.empty() || models.options().replay) continue;
      std::optional<std::string> value;
      if (options.variable) {
        value = options.variable(model.key_env);
      } else if (const char* text = std::getenv(model.key_env.c_str())) {
        value = text;
      }
      if (!value || value->empty())
        return Fail(ErrorCode::kConfig, "model '" + model.id + "' needs a key: set " +
                                            model.key_env + " in the environment");
      auto word = PastedWord(*value);
      if (!word)
        return Fail(ErrorCode::kConfig, "the key of model '" + model.id + "' in " + model.key_env +
                                            " has a blank or a line end inside");
      keys[model.id] = *word;
    }
    return {};
  }

  void NameExtraFields() {
    for (const Model& model : options.models) {
      extra_fields[model.id] = model.extra_fields;
      for (const auto& alias : model.aliases) extra_fields[alias] = model.extra_fields;
    }
    for (const Model& model : options.models)
      extra_fields.try_emplace(model.upstream_name, model.extra_fields);
  }

  [[nodiscard]] CallContext Context() {
    return {models, options, keys, extra_fields, bytes_under_way};
  }

  Task<void> Handle(HttpExchange& exchange) {
    const ServedRequest& request = exchange.request();
    std::string path = PathHere(request, options.vendor_hosts);
    if (request.method == "GET" && path == "/health") {
      co_await Own(exchange, R"({"status":"ok"})");
      co_return;
    }
    if (co_await ToldOfTheServer(exchange, path)) co_return;
    auto route = MatchRoute(request.method, path);
    const WireFormat& shape = route ? *route->format : ShapeOf(path);
    if (auto refusal = Admit(request)) {
      models.log().Flag(refusal->code, path.substr(0, 200));
      auto told = co_await AnswerRefusal(exchange, shape, std::move(*refusal));
      co_return;
    }
    if (auto body = OwnAnswer(request, path)) {
      co_await Own(exchange, std::move(*body));
      co_return;
    }
    if (!route) {
      Refusal refusal{403, "route_not_allowed",
                      "There is no " + Printable(request.method) + " " +
                          Printable(path.substr(0, 200)) + " for this trial."};
      models.log().Flag(refusal.code, refusal.message);
      auto told = co_await AnswerRefusal(exchange, shape, std::move(refusal));
      co_return;
    }
    bool events = QueryValue(request.target, "alt") == "sse";
    Call call(Context(), std::move(*route), events, exchange);
    co_await call.Run();
  }

  [[nodiscard]] std::optional<Refusal> Admit(const ServedRequest& request) const {
    if (ended || !SameSecret(Credential(request), token))
      return Refusal{401, "invalid_api_key",
                     "This is not the key of this trial, or the trial has ended."};
    if (!models.log().status())
      return Refusal{403, "gateway_failed", "The trial's record cannot be written."};
    return std::nullopt;
  }

  // What clients ask a server before they use it, which is nobody's secret: whether it is there,
  // and whether it speaks over WebSockets (they go on without at once).
  static Task<bool> ToldOfTheServer(HttpExchange& exchange, std::string_view path) {
    const ServedRequest& request = exchange.request();
    bool head = request.method == "HEAD" && (path == "/" || path == "/v1" || path == "/health");
    bool socket = request.method == "GET" && MatchRoute("POST", path) &&
                  Lower(request.Header("upgrade")) == "websocket";
    if (!head && !socket) co_return false;
    HttpHeaders headers = {{"Content-Type", "application/json"}};
    std::string body = head ? "" : R"({"error":{"code":"no_websocket","message":"Ask by POST."}})";
    auto told = co_await exchange.Answer(head ? 200 : 426, std::move(headers), std::move(body));
    co_return true;
  }

  // The lists of models, which no provider is asked for, in the shape of who asks.
  [[nodiscard]] std::optional<std::string> OwnAnswer(const ServedRequest& request,
                                                     std::string_view path) {
    if (request.method != "GET") return std::nullopt;
    bool google = path.starts_with("/v1beta") || !request.Header("x-goog-api-key").empty() ||
                  !QueryValue(request.target, "key").empty();
    for (std::string_view all : kLists) {
      if (path == all) return google ? GeminiModelList(options.models) : ModelList(options.models);
      if (!path.starts_with(all) || path.substr(all.size(), 1) != "/") continue;
      const Model* model = Context().Find(path.substr(all.size() + 1));
      if (!model) return std::nullopt;
      return DumpJson(google ? GeminiEntry(*model) : ModelEntry(*model));
    }
    return std::nullopt;
  }

  static Task<void> Own(HttpExchange& exchange, std::string body) {
    HttpHeaders headers = {{"Content-Type", "application/json"}};
    auto told = co_await exchange.Answer(200, std::move(headers), std::move(body));
  }
};

Gateway::Gateway(std::unique_ptr<State> state) : state_(std::move(state)) {}
Gateway::~Gateway() = default;

Result<std::unique_ptr<Gateway>> Gateway::Make(TrialModels& models, GatewayOptions options) {
  const auto& record_dir = models.options().record_dir;
  PODIUM_TRY(MakeDirs(record_dir));
  options.server.body_bytes = options.prompt_cap_bytes + (1 << 20);
  options.server.spool_dir = record_dir;
  auto state = std::make_unique<State>(models, std::move(options));
  PODIUM_TRY(state->ReadKeys());
  state->NameExtraFields();
  PODIUM_ASSIGN(state->token, MakeToken());
  PODIUM_TRY(state->MakeTls());
  return std::unique_ptr<Gateway>(new Gateway(std::move(state)));
}

Task<void> Gateway::Serve(UniqueFd listener) {
  HttpHandler handler = [state = state_.get()](HttpExchange& exchange) {
    return state->Handle(exchange);
  };
  ServerLimits limits = state_->options.server;
  co_await ServeHttp(std::move(listener), std::move(limits), std::move(handler));
}

Task<void> Gateway::ServeTls(UniqueFd listener) {
  HttpHandler handler = [state = state_.get()](HttpExchange& exchange) {
    return state->Handle(exchange);
  };
  ServerLimits limits = state_->options.server;
  limits.tls = state_->tls;
  limits.hosts = limits.tls->hosts();
  co_await ServeHttp(std::move(listener), std::move(limits), std::move(handler));
}

const TlsIdentity* Gateway::tls() const { return state_->tls.get(); }

void Gateway::End() { state_->ended = true; }
const std::string& Gateway::token() const { return state_->token; }

std::vector<std::pair<std::string, std::string>> Gateway::Environment(
    const std::string& authority) const {
  std::string root = "http://" + authority, v1 = root + "/v1";
  std::vector<std::string> names;
  for (const Model& model : state_->options.models) names.push_back(model.id);
  std::vector<std::pair<std::string, std::string>> out = {
      {"OPENAI_BASE_URL", v1},      {"OPENAI_API_BASE", v1},
      {"ANTHROPIC_BASE_URL", root}, {"GOOGLE_GEMINI_BASE_URL", root},
      {"LLM_BASE_URL", v1},         {"LITELLM_PROXY_API_BASE", v1},
      {"LLM_MODEL", names.front()}, {"PODIUM_MODELS", Join(names, ",")}};
  std::set<std::string> keys = {"OPENAI_API_KEY",     "ANTHROPIC_API_KEY", "GEMINI_API_KEY",
                                "GOOGLE_API_KEY",     "LLM_API_KEY",       "LITELLM_PROXY_API_KEY",
                                "OPENROUTER_API_KEY", "CODEX_API_KEY"};
  for (const Model& model : state_->options.models) {
    if (!model.key_env.empty()) keys.insert(model.key_env);
  }
  for (const auto& name : keys) out.emplace_back(name, state_->token);
  return out;
}

}  // namespace podium::agents
