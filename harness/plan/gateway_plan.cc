#include "harness/plan/gateway_plan.h"

#include <algorithm>
#include <cstdlib>

#include "agents/models/wire/registry.h"
#include "base/files.h"
#include "base/http/address.h"
#include "base/text.h"

namespace podium::harness {
namespace {

Result<std::optional<std::int64_t>> Count(const Settings& settings, std::string_view name) {
  if (settings.Get(name).value == "none") return std::nullopt;
  PODIUM_ASSIGN(auto count, settings.Int(name, 0, 1'000'000'000'000));
  return count;
}

Status FillBudget(const Settings& settings, agents::Budget& budget) {
  PODIUM_ASSIGN(budget.requests, Count(settings, "budget.requests"));
  PODIUM_ASSIGN(budget.tokens, Count(settings, "budget.tokens"));
  const Setting& usd = settings.Get("budget.usd");
  if (usd.value == "none") return {};
  auto amount = agents::Usd::Parse(usd.value);
  if (!amount)
    return Fail(ErrorCode::kConfig, usd.origin + ": 'budget.usd': " + amount.error().message);
  budget.money = *amount;
  return {};
}

Status CheckKey(const agents::Model& model, const Setting& origin) {
  if (model.key_env.empty()) return {};
  const char* key = std::getenv(model.key_env.c_str());
  if (key && *key) return {};
  return Fail(ErrorCode::kUsage, origin.origin + ": model '" + model.id +
                                     "' needs a key and none is set: export " + model.key_env +
                                     ", or use gateway.mode=replay for a run that is recorded");
}

Result<bool> IsReplay(const Settings& settings) {
  const Setting& mode = settings.Get("gateway.mode");
  if (mode.value == "live" || mode.value == "replay") return mode.value == "replay";
  return Fail(ErrorCode::kConfig,
              mode.origin + ": 'gateway.mode' is live or replay, not '" + mode.value + "'");
}

// Whether programs reach the gateway under the names of the vendors' hosts.
Result<bool> AnswersForVendors(const Settings& settings) {
  const Setting& tls = settings.Get("gateway.tls");
  if (tls.value == "auto" || tls.value == "off") return tls.value == "auto";
  return Fail(ErrorCode::kConfig,
              tls.origin + ": 'gateway.tls' is auto or off, not '" + tls.value + "'");
}

// What a budget is kept by has to be known of the model.
Status CheckKnown(const agents::Model& model, const agents::Budget& budget,
                  const Settings& settings) {
  const char* lacking = nullptr;
  const char* by = "budget.tokens";
  if (budget.money && !model.prices) lacking = "price", by = "budget.usd";
  bool bounded = model.context_tokens > 0 && model.max_output_tokens > 0;
  if (!lacking && (budget.money || budget.tokens) && !bounded) {
    lacking = "context_tokens and max_output_tokens";
    if (!budget.tokens) by = "budget.usd";
  }
  if (!lacking) return {};
  return Fail(ErrorCode::kConfig, settings.Get(by).origin + ": '" + by + "' needs " + lacking +
                                      " of model '" + model.id +
                                      "': add them to the catalogue, or leave the budget out");
}

// Formats in which a native scaffold can hold a conversation.
std::vector<std::string> Conversing(const std::vector<const agents::WireFormat*>& formats) {
  std::vector<std::string> out;
  for (const auto* format : formats) {
    if (format->converses()) out.push_back(format->name());
  }
  return out;
}

// The one that is asked for, else the first of those that there are. `named`: the setting that
// names the model; a role's may be served in another format than the others.
Result<std::string> ChooseFormat(const Settings& settings, std::string_view named,
                                 const std::string& model, const std::vector<std::string>& served) {
  const Setting& wanted = settings.Get("llm.format");
  if (served.empty())
    return Fail(ErrorCode::kConfig, settings.Get(named).origin + ": model '" + model +
                                        "' is served in no format that holds a conversation");
  if (wanted.value == "auto") return served.front();
  if (std::ranges::find(served, wanted.value) != served.end()) return wanted.value;
  if (named != "model") return served.front();
  return Fail(ErrorCode::kConfig, wanted.origin + ": model '" + model + "' is not served in '" +
                                      wanted.value + "'." + Suggest(wanted.value, served) +
                                      " It is served in: " + Join(served, ", "));
}

// A model whose capabilities are listed has no others.
Status CheckReasons(const Settings& settings, const agents::Model& known) {
  const Setting& effort = settings.Get("llm.reasoning_effort");
  bool can = !known.capabilities || known.capabilities->contains("reasoning");
  if (effort.value.empty() || can) return {};
  return Fail(ErrorCode::kConfig,
              effort.origin + ": 'llm.reasoning_effort': the catalogue's capabilities of model '" +
                  known.id + "' have no reasoning");
}

Status UseCatalogue(const Settings& settings, std::string_view named, const agents::Model& known,
                    bool replay, agents::ModelConfig& model) {
  const Setting& origin = settings.Get(named);
  if (!replay) PODIUM_TRY(CheckKey(known, origin));
  PODIUM_TRY(CheckReasons(settings, known));
  PODIUM_ASSIGN(model.format, ChooseFormat(settings, named, known.id, Conversing(known.formats)));
  model.by_schema = known.by_schema;
  model.id = known.id;
  model.model = known.upstream_name;
  model.base_url = known.base_url;
  model.provider = known.provider;
  model.prices = known.prices;
  model.key_header = known.key_header;
  for (const auto& [name, value] : known.headers) model.headers.push_back(name + ": " + value);
  auto path = known.paths.find(model.format);
  if (path != known.paths.end()) model.path = path->second;
  model.context_tokens = known.context_tokens;
  model.max_output_tokens = known.max_output_tokens;
  model.limits = known.limits;
  if (settings.IsDefault("llm.output_limit_field"))
    model.output_limit_field = known.output_limit_field;
  const char* key = known.key_env.empty() ? nullptr : std::getenv(known.key_env.c_str());
  if (!key || replay) return {};
  auto word = PastedWord(key);
  if (!word)
    return Fail(ErrorCode::kUsage, "environment variable " + known.key_env +
                                       " has a blank or a line end inside: set it to one word");
  model.api_key = *word;
  return {};
}

Status UseOwnServer(const Settings& settings, std::string_view named, const OwnServer& server,
                    const std::string& agent, const GatewayPlan& plan, agents::ModelConfig& model) {
  model.base_url =
      Below(server.base_url.empty() ? "https://api.openai.com/v1" : server.base_url, "");
  model.api_key = server.api_key;
  const Setting& wanted = settings.Get("llm.format");
  std::vector<std::string> known = Conversing(agents::WireFormats());
  PODIUM_ASSIGN(model.format, ChooseFormat(settings, named, model.model, known));
  if (wanted.value == "auto") model.format = "chat";
  if (plan.budget.money)
    return Fail(ErrorCode::kConfig,
                settings.Get("budget.usd").origin + ": 'budget.usd' needs to know what model '" +
                    model.model +
                    "' costs: describe it in a file like configs/models.yaml and name that with "
                    "gateway.catalogue");
  if (!plan.replay && model.api_key.empty() && model.base_url.starts_with("https://"))
    return Fail(ErrorCode::kUsage,
                "agent '" + agent + "' asks " + ShownUrl(model.base_url) +
                    " and no key is set: export OPENAI_API_KEY, or OPENAI_BASE_URL for a server of "
                    "your own (scripts/local-model starts one)");
  return {};
}

// A variable as people paste it; "" where it is not set.
Result<std::string> PastedVariable(const char* name) {
  const char* value = std::getenv(name);
  auto word = PastedWord(value ? value : "");
  if (word) return *word;
  return Fail(ErrorCode::kUsage, std::string("environment variable ") + name +
                                     " has a blank or a line end inside: set it to one word");
}

}  // namespace

Result<OwnServer> ServerOfEnvironment() {
  OwnServer out;
  PODIUM_ASSIGN(out.base_url, PastedVariable("OPENAI_BASE_URL"));
  PODIUM_ASSIGN(out.api_key, PastedVariable("OPENAI_API_KEY"));
  return out;
}

Result<agents::ModelCatalogue> ReadCatalogue(const Settings& settings) {
  std::filesystem::path file = settings.Get("gateway.catalogue").value;
  if (file.empty()) file = ShareDir() / "configs" / "models.yaml";
  return agents::ModelCatalogue::Read(file);
}

Result<GatewayPlan> PlanGateway(const Settings& settings) {
  GatewayPlan out;
  auto names = settings.List("gateway.models");
  if (names.empty()) return out;
  PODIUM_ASSIGN(out.replay, IsReplay(settings));
  PODIUM_ASSIGN(out.faults, agents::ReadFaultPlan(settings));
  PODIUM_ASSIGN(auto catalogue, ReadCatalogue(settings));
  PODIUM_ASSIGN(bool tls, AnswersForVendors(settings));
  if (tls) out.vendor_hosts = catalogue.vendor_hosts();
  const Setting& origin = settings.Get("gateway.models");
  for (const auto& name : names) {
    auto model = catalogue.Find(name);
    if (!model) return Fail(ErrorCode::kConfig, origin.origin + ": " + model.error().message);
    if (!out.replay) PODIUM_TRY(CheckKey(*model, origin));
    out.models.push_back(std::move(*model));
  }
  PODIUM_TRY(FillBudget(settings, out.budget));
  for (const auto& model : out.models) PODIUM_TRY(CheckKnown(model, out.budget, settings));
  PODIUM_ASSIGN(out.request_timeout, settings.Duration("llm.request_timeout"));
  PODIUM_ASSIGN(out.idle_timeout, settings.Duration("llm.idle_timeout"));
  return out;
}

Result<GatewayPlan> PlanNativeModel(const Settings& settings, const OwnServer& server,
                                    const std::string& agent, agents::ModelConfig& model,
                                    std::string_view setting) {
  GatewayPlan out;
  PODIUM_ASSIGN(out.replay, IsReplay(settings));
  PODIUM_ASSIGN(out.faults, agents::ReadFaultPlan(settings));
  PODIUM_TRY(FillBudget(settings, out.budget));
  model.model = settings.Get(setting).value;
  PODIUM_ASSIGN(auto catalogue, ReadCatalogue(settings));
  auto known = catalogue.Find(model.model);
  bool own_file = !settings.Get("gateway.catalogue").value.empty();
  bool elsewhere =
      !server.base_url.empty() && (!known || Below(server.base_url, "") != known->base_url);
  auto found = known ? std::optional(*known) : catalogue.FindByProvider(model.model);
  if (!found || (elsewhere && !own_file)) {
    PODIUM_TRY(UseOwnServer(settings, setting, server, agent, out, model));
    return out;
  }
  PODIUM_TRY(UseCatalogue(settings, setting, *found, out.replay, model));
  PODIUM_TRY(CheckKnown(*found, out.budget, settings));
  out.native = std::move(*found);
  return out;
}

}  // namespace podium::harness
