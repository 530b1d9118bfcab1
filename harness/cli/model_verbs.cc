#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "agents/models/probe.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/plan/gateway_plan.h"
#include "harness/report/table.h"

namespace podium::harness {
namespace {

struct ModelsArguments {
  std::string name, catalogue, base_url, format = "auto", timeout = "60 s";
  bool json = false;
};

Result<Settings> SettingsOf(const ModelsArguments& a) {
  Settings settings;
  PODIUM_TRY(settings.ApplyEnvironment(environ));
  if (!a.catalogue.empty())
    PODIUM_TRY(settings.Set("gateway.catalogue", a.catalogue, "--catalogue"));
  if (!a.name.empty()) PODIUM_TRY(settings.Set("model", a.name, "the command line"));
  if (a.format != "auto") PODIUM_TRY(settings.Set("llm.format", a.format, "--format"));
  PODIUM_TRY(settings.Set("llm.request_timeout", a.timeout, "--timeout"));
  return settings;
}

std::vector<std::string> FormatsOf(const agents::Model& model) {
  std::vector<std::string> out;
  for (const auto* format : model.formats) out.push_back(format->name());
  return out;
}

// Of the key that it needs: whether the environment has it.
std::string KeyState(const agents::Model& model) {
  if (model.key_env.empty()) return "none";
  const char* key = std::getenv(model.key_env.c_str());
  return key && *key ? "set" : "not set";
}

std::string PerMillion(const agents::Usd& price) { return (price * 1'000'000).Text(); }

std::string CapabilitiesOf(const agents::Model& model, const char* unknown) {
  if (!model.capabilities) return unknown;
  std::vector<std::string> names(model.capabilities->begin(), model.capabilities->end());
  return names.empty() ? "none" : Join(names, ", ");
}

Json PriceJson(const std::optional<agents::TokenPrices>& prices) {
  if (!prices) return nullptr;
  return {{"input", PerMillion(prices->input)},
          {"cached_input", PerMillion(prices->cached_input)},
          {"cache_write", PerMillion(prices->cache_write)},
          {"output", PerMillion(prices->output)}};
}

Json CountOrNull(std::int64_t count) { return count > 0 ? Json(count) : Json(nullptr); }

Json LimitsJson(const agents::Model& m) {
  Json out = Json::array();
  for (const auto& limit : m.limits)
    out.push_back({{"of", limit.name},
                   {"rpm", CountOrNull(limit.requests)},
                   {"tpm", CountOrNull(limit.tokens)}});
  return out;
}

Json ModelJson(const agents::Model& m) {
  Json out = {{"id", m.id},
              {"aliases", m.aliases},
              {"provider", m.provider},
              {"upstream_name", m.upstream_name},
              {"formats", FormatsOf(m)},
              {"base_url", m.base_url},
              {"key_env", m.key_env.empty() ? Json(nullptr) : Json(m.key_env)},
              {"key", KeyState(m)},
              {"context_tokens", CountOrNull(m.context_tokens)},
              {"max_output_tokens", CountOrNull(m.max_output_tokens)},
              {"capabilities", nullptr},
              {"structured", m.by_schema ? "json_schema" : "forced_tool"},
              {"translate", m.translate},
              {"limits_a_minute", LimitsJson(m)},
              {"usd_per_million_tokens", PriceJson(m.prices)}};
  if (m.capabilities) out["capabilities"] = *m.capabilities;
  return out;
}

std::string CountText(std::int64_t count) { return count > 0 ? std::to_string(count) : "-"; }

Result<Exit> ListModels(const ModelsArguments& a) {
  PODIUM_ASSIGN(auto settings, SettingsOf(a));
  PODIUM_ASSIGN(auto catalogue, ReadCatalogue(settings));
  TextTable table({"model", "formats", "server", "context", "$/M in", "$/M out", "key", "can"},
                  {false, false, false, true, true, true});
  Json list = Json::array();
  for (const auto& m : catalogue.models()) {
    table.Add({m.id, Join(FormatsOf(m), ", "), m.base_url, CountText(m.context_tokens),
               m.prices ? PerMillion(m.prices->input) : "-",
               m.prices ? PerMillion(m.prices->output) : "-", KeyState(m), CapabilitiesOf(m, "-")});
    list.push_back(ModelJson(m));
  }
  if (a.json) {
    std::cout << DumpJson(Json{{"schema", "podium-model-list/1"}, {"models", list}}, 2) << "\n";
    return Exit::kOk;
  }
  std::cout << table.Text()
            << "\n- is not known. `podium models show NAME` says all of one, `podium "
            << "models check NAME` asks it.\n";
  return Exit::kOk;
}

std::string LimitsText(const agents::Model& m) {
  std::vector<std::string> out;
  for (const auto& limit : m.limits) {
    out.push_back(limit.name + ":");
    if (limit.requests > 0) out.back() += " " + std::to_string(limit.requests) + " requests";
    if (limit.tokens > 0) out.back() += " " + std::to_string(limit.tokens) + " tokens";
  }
  return out.empty() ? "none" : Join(out, ", ");
}

std::string PriceText(const std::optional<agents::TokenPrices>& prices) {
  if (!prices) return "not known: no budget.usd with it";
  return "input $" + PerMillion(prices->input) + ", cached $" + PerMillion(prices->cached_input) +
         ", written to the cache $" + PerMillion(prices->cache_write) + ", output $" +
         PerMillion(prices->output) + " a million tokens";
}

Result<Exit> ShowModel(const ModelsArguments& a) {
  PODIUM_ASSIGN(auto settings, SettingsOf(a));
  PODIUM_ASSIGN(auto catalogue, ReadCatalogue(settings));
  PODIUM_ASSIGN(auto m, catalogue.Find(a.name));
  if (a.json) {
    Json out = ModelJson(m);
    out["schema"] = "podium-model/1";
    std::cout << DumpJson(out, 2) << "\n";
    return Exit::kOk;
  }
  std::string key = m.key_env.empty() ? "none is sent" : m.key_env + " (" + KeyState(m) + ")";
  std::cout << "model:        " << m.id << "\n"
            << "also called:  " << (m.aliases.empty() ? "-" : Join(m.aliases, ", ")) << "\n"
            << "provider:     " << m.provider << ", which calls it " << m.upstream_name << "\n"
            << "formats:      " << Join(FormatsOf(m), ", ") << "\n"
            << "server:       " << m.base_url << "\n"
            << "key:          " << key << "\n"
            << "context:      " << CountText(m.context_tokens) << " tokens, of them at most "
            << CountText(m.max_output_tokens) << " of answer\n"
            << "capabilities: " << CapabilitiesOf(m, "not said; `podium models check` asks") << "\n"
            << "an object by: " << (m.by_schema ? "its JSON schema" : "a forced tool") << "\n"
            << "translated:   " << (m.translate ? "from chat" : "no") << "\n"
            << "a minute:     " << LimitsText(m) << "\n"
            << "price:        " << PriceText(m.prices) << "\n";
  return Exit::kOk;
}

class NoEvents final : public agents::EventSink {
 public:
  Status Record(records::Event) override { return {}; }
};

Result<std::vector<agents::Probe>> RunProbes(const agents::ModelConfig& config, Millis time) {
  PODIUM_ASSIGN(auto temp, TempDir::Make("podium-models"));
  Reactor reactor(1);
  HttpClient http;
  agents::ProviderGate gate;
  NoEvents events;
  agents::TrialModelsOptions options;
  options.record_dir = temp.path();
  agents::TrialModels models(reactor, http, gate, events, options);
  std::vector<agents::Probe> out;
  PODIUM_TRY(reactor.Run([&]() -> Task<Status> {
    Deadline deadline = Deadline::In(time);
    out = co_await agents::ProbeModel(models, config, deadline);
    co_return Status{};
  }));
  return out;
}

// Nothing where the catalogue does not say.
std::optional<bool> Declared(const std::optional<agents::Model>& model, const std::string& probe) {
  if (probe == "text" || probe == "stream") return std::nullopt;
  if (!model || !model->capabilities) return std::nullopt;
  return model->capabilities->contains(probe);
}

Json ProbeJson(const agents::Probe& p, std::optional<bool> declared) {
  Json out = {{"name", p.name},
              {"outcome", agents::ProbeEndName(p.end)},
              {"declared", nullptr},
              {"detail", p.detail},
              {"latency_ms", p.latency.count()},
              {"input_tokens", nullptr},
              {"output_tokens", nullptr},
              {"cost_usd", p.cost_usd.empty() ? Json(nullptr) : Json(p.cost_usd)}};
  if (declared) out["declared"] = *declared;
  if (p.used) out["input_tokens"] = p.used->input, out["output_tokens"] = p.used->output;
  return out;
}

// The first call must be answered, and what the catalogue says that a model can.
Exit ExitOf(const std::vector<agents::Probe>& probes, const std::optional<agents::Model>& model) {
  if (probes.front().end != agents::ProbeEnd::kAnswered) return Exit::kInfrastructure;
  bool holds = std::ranges::all_of(probes, [&](const agents::Probe& p) {
    bool other = p.end == agents::ProbeEnd::kOtherwise || p.end == agents::ProbeEnd::kRefused;
    return !other || !Declared(model, p.name).value_or(false);
  });
  return holds ? Exit::kOk : Exit::kNotVerified;
}

void PrintProbes(const std::vector<agents::Probe>& probes,
                 const std::optional<agents::Model>& model, const agents::ModelConfig& config) {
  TextTable table({"call", "outcome", "catalogue", "time", "tokens in", "out", "$", "what it said"},
                  {false, false, false, true, true, true, true});
  for (const auto& p : probes) {
    auto declared = Declared(model, p.name);
    bool sent = p.end != agents::ProbeEnd::kSkipped;
    table.Add({p.name, std::string(agents::ProbeEndName(p.end)),
               declared ? (*declared ? "can" : "cannot") : "-",
               sent ? FormatDuration(p.latency) : "-", p.used ? std::to_string(p.used->input) : "-",
               p.used ? std::to_string(p.used->output) : "-", p.cost_usd.empty() ? "-" : p.cost_usd,
               p.detail});
  }
  std::cout << "'" << config.model << "' in format " << config.format << " at " << config.base_url
            << "\n\n"
            << table.Text();
}

Result<Exit> CheckModel(const ModelsArguments& a) {
  PODIUM_ASSIGN(auto settings, SettingsOf(a));
  PODIUM_ASSIGN(auto time, settings.Duration("llm.request_timeout"));
  PODIUM_ASSIGN(auto server, ServerOfEnvironment());
  if (!a.base_url.empty()) server.base_url = a.base_url;
  PODIUM_ASSIGN(auto catalogue, ReadCatalogue(settings));
  auto known = catalogue.Find(a.name);
  bool nowhere = server.base_url.empty() && server.api_key.empty();
  if (!known && nowhere && !catalogue.FindByProvider(a.name)) return tl::unexpected(known.error());
  agents::ModelConfig config;
  config.request_timeout = config.idle_timeout = time;
  PODIUM_ASSIGN(auto plan, PlanNativeModel(settings, server, "podium models check", config));
  PODIUM_ASSIGN(auto probes, RunProbes(config, time));
  Exit exit = ExitOf(probes, plan.native);
  if (!a.json) {
    PrintProbes(probes, plan.native, config);
    return exit;
  }
  Json list = Json::array();
  for (const auto& p : probes) list.push_back(ProbeJson(p, Declared(plan.native, p.name)));
  std::cout << DumpJson(Json{{"schema", "podium-model-check/1"},
                             {"model", a.name},
                             {"upstream_name", config.model},
                             {"format", config.format},
                             {"base_url", config.base_url},
                             {"ok", exit == Exit::kOk},
                             {"probes", list}},
                        2)
            << "\n";
  return exit;
}

}  // namespace

void AddModelVerbs(CLI::App& app, Exit& exit) {
  auto a = std::make_shared<ModelsArguments>();
  auto* group =
      app.add_subcommand("models", "Models: which the catalogue has, whether one answers");
  group->require_subcommand(1);
  auto common = [&a](CLI::App* verb) {
    verb->add_option("--catalogue", a->catalogue,
                     "A file like configs/models.yaml (gateway.catalogue)");
    verb->add_flag("--json", a->json, "Print JSON");
  };
  auto* ls = group->add_subcommand("ls", "The models of the catalogue (JSON: podium-model-list/1)");
  common(ls);
  ls->callback(Wrap(exit, [a] { return ListModels(*a); }));
  auto* show = group->add_subcommand("show", "All that is known of one (JSON: podium-model/1)");
  show->add_option("model", a->name, "Its id, an alias, or provider/name")->required();
  common(show);
  show->callback(Wrap(exit, [a] { return ShowModel(*a); }));
  auto* check = group->add_subcommand(
      "check",
      "Asks one: a few words whole and as a stream, a tool, a tool that is forced, an object of a "
      "schema; at most five calls of 256 tokens of answer (JSON: podium-model-check/1). Exit code "
      "5: it does not answer; 7: it cannot do what the catalogue says");
  check->add_option("model", a->name, "As --model of a run")->required();
  check->add_option("--base-url", a->base_url,
                    "A server of your own (OPENAI_BASE_URL), for a model that no catalogue knows");
  check->add_option("--format", a->format, "chat, responses, messages or gemini (llm.format)");
  check->add_option("--timeout", a->timeout, "For all calls together")->capture_default_str();
  common(check);
  check->callback(Wrap(exit, [a] { return CheckModel(*a); }));
}

}  // namespace podium::harness
