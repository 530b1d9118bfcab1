#include "harness/plan/gateway_plan.h"

#include <cstdlib>

#include "base/files.h"

namespace podium::harness {
namespace {

constexpr std::string_view kBudgets[] = {"budget.requests", "budget.tokens", "budget.usd"};

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

}  // namespace

Result<GatewayPlan> PlanGateway(const Settings& settings) {
  GatewayPlan out;
  auto names = settings.List("gateway.models");
  if (names.empty()) return out;
  const Setting& mode = settings.Get("gateway.mode");
  if (mode.value != "live" && mode.value != "replay")
    return Fail(ErrorCode::kConfig,
                mode.origin + ": 'gateway.mode' is live or replay, not '" + mode.value + "'");
  out.replay = mode.value == "replay";
  std::filesystem::path file = settings.Get("gateway.catalogue").value;
  if (file.empty()) file = ShareDir() / "configs" / "models.yaml";
  PODIUM_ASSIGN(auto catalogue, agents::ModelCatalogue::Read(file));
  const Setting& origin = settings.Get("gateway.models");
  for (const auto& name : names) {
    auto model = catalogue.Find(name);
    if (!model) return Fail(ErrorCode::kConfig, origin.origin + ": " + model.error().message);
    if (!out.replay) PODIUM_TRY(CheckKey(*model, origin));
    out.models.push_back(std::move(*model));
  }
  PODIUM_TRY(FillBudget(settings, out.budget));
  PODIUM_ASSIGN(out.request_timeout, settings.Duration("llm.request_timeout"));
  PODIUM_ASSIGN(out.idle_timeout, settings.Duration("llm.idle_timeout"));
  return out;
}

Status NoModelBudget(const Settings& settings, const std::string& agent) {
  for (auto name : kBudgets) {
    if (settings.Get(name).value == "none") continue;
    return Fail(ErrorCode::kConfig,
                settings.Get(name).origin + ": '" + std::string(name) +
                    "' is kept by the gateway of program agents alone; agent '" + agent +
                    "' asks its model without one");
  }
  return {};
}

}  // namespace podium::harness
