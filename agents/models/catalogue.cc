#include "agents/models/catalogue.h"

#include <algorithm>
#include <set>

#include "agents/models/wire/registry.h"
#include "base/http/address.h"
#include "base/text.h"

namespace podium::agents {
namespace {

// Names of limits a minute: a model's, a provider's.
const std::string kOwnLimit = "model ";
const std::string kProvidersLimit = "provider ";

Result<Usd> PricePerToken(YamlMap& map, std::string_view key, std::optional<Usd> fallback) {
  if (fallback && !map.Get(key)) return *fallback;
  PODIUM_ASSIGN(const YamlNode* node, map.Require(key));
  PODIUM_ASSIGN(auto text, node->AsString());
  auto per_million = Usd::Parse(text);
  if (!per_million || per_million->pico % 1'000'000 != 0)
    return node->Complain("'" + std::string(key) +
                          "': expected US dollars per million tokens with at most six digits "
                          "after the point, such as \"2.50\", found '" +
                          text + "'");
  return Usd{per_million->pico / 1'000'000};
}

Result<TokenPrices> ReadPrices(const YamlNode& node) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  TokenPrices out;
  PODIUM_ASSIGN(out.input, PricePerToken(map, "input", std::nullopt));
  PODIUM_ASSIGN(out.output, PricePerToken(map, "output", std::nullopt));
  PODIUM_ASSIGN(out.cached_input, PricePerToken(map, "cached_input", out.input));
  PODIUM_ASSIGN(out.cache_write, PricePerToken(map, "cache_write", out.input));
  PODIUM_ASSIGN(auto source, map.String("source"));
  PODIUM_ASSIGN(auto as_of, map.String("as_of"));
  PODIUM_TRY(map.Finish());
  return out;
}

Result<std::vector<const WireFormat*>> ReadFormats(const YamlNode& node) {
  std::vector<std::string> known = WireFormatNames();
  std::vector<const WireFormat*> out;
  PODIUM_ASSIGN(auto names, node.AsStrings());
  for (const auto& name : names) {
    const WireFormat* format = FindWireFormat(name);
    if (!format)
      return node.Complain("there is no format '" + name + "'." + Suggest(name, known) +
                           " Known: " + Join(known, ", "));
    out.push_back(format);
  }
  if (out.empty()) return node.Complain("'formats' names none");
  return out;
}

// 0 where it is left out.
Result<std::int64_t> Positive(YamlMap& map, std::string_view key) {
  const YamlNode* node = map.Get(key);
  if (!node) return 0;
  PODIUM_ASSIGN(auto value, node->AsInt());
  if (value < 1 || value > 100'000'000)
    return node->Complain("'" + std::string(key) + "' must be a number of tokens above 0");
  return value;
}

Status ReadUpstream(YamlMap& map, Model& out) {
  PODIUM_ASSIGN(const YamlNode* url, map.Require("base_url"));
  PODIUM_ASSIGN(out.base_url, url->AsString());
  if (!out.base_url.starts_with("http://") && !out.base_url.starts_with("https://"))
    return url->Complain("'base_url' must begin with http:// or https://");
  while (out.base_url.ends_with('/')) out.base_url.pop_back();
  PODIUM_ASSIGN(out.key_env, map.StringOr("key_env", ""));
  PODIUM_ASSIGN(out.upstream_name, map.StringOr("upstream_name", out.id));
  PODIUM_ASSIGN(out.output_limit_field, map.StringOr("output_limit_field", "max_tokens"));
  if (out.output_limit_field != "max_tokens" && out.output_limit_field != "max_completion_tokens")
    return map.Get("output_limit_field")
        ->Complain("'output_limit_field' is max_tokens or max_completion_tokens");
  return {};
}

Result<std::map<std::string, std::string>> TextsOf(const YamlNode& node) {
  std::map<std::string, std::string> out;
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  for (const auto& entry : node.entries) {
    PODIUM_ASSIGN(out[entry.first], map.String(entry.first));
  }
  return out;
}

bool IsHeaderName(std::string_view text) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || kSigns.find(c) != std::string_view::npos;
  });
}

// A header of the user's own; the key has a place of its own.
Status CheckHeaders(const YamlNode& node, const std::map<std::string, std::string>& headers) {
  for (const auto& [name, value] : headers) {
    if (!IsHeaderName(name) || value.find_first_of("\r\n") != std::string::npos)
      return node.Complain("'" + name + "' is no name of a header with a text of one line");
    for (const char* keys : {"authorization", "x-api-key", "x-goog-api-key", "api-key"}) {
      if (Lower(name) == keys)
        return node.Complain("'" + name +
                             "' holds a key, which no file holds: name the variable "
                             "in key_env, and the header in key_header if it is another");
    }
  }
  return {};
}

Result<std::set<std::string>> ReadCapabilities(const YamlNode& node) {
  std::vector<std::string> known(std::begin(kCapabilities), std::end(kCapabilities));
  PODIUM_ASSIGN(auto names, node.AsStrings());
  for (const auto& name : names) {
    if (std::ranges::find(known, name) == known.end())
      return node.Complain("there is no capability '" + name + "'." + Suggest(name, known) +
                           " Known: " + Join(known, ", "));
  }
  return std::set<std::string>(names.begin(), names.end());
}

// What a server does otherwise than its format says.
Status ReadOwnWays(YamlMap& map, Model& out) {
  if (const YamlNode* extra = map.Get("extra_fields")) {
    PODIUM_ASSIGN(auto names, extra->AsStrings());
    out.extra_fields = {names.begin(), names.end()};
  }
  if (const YamlNode* paths = map.Get("paths")) {
    PODIUM_ASSIGN(out.paths, TextsOf(*paths));
    for (const auto& [format, path] : out.paths) {
      if (!FindWireFormat(format))
        return paths->Complain("'paths' names a format that there is not: '" + format + "'." +
                               Suggest(format, WireFormatNames()));
      if (!path.starts_with('/'))
        return paths->Complain("the path of '" + format + "' must begin with /");
    }
  }
  if (const YamlNode* headers = map.Get("headers")) {
    PODIUM_ASSIGN(out.headers, TextsOf(*headers));
    PODIUM_TRY(CheckHeaders(*headers, out.headers));
  }
  if (const YamlNode* names = map.Get("capabilities")) {
    PODIUM_ASSIGN(out.capabilities, ReadCapabilities(*names));
  }
  if (const YamlNode* name = map.Get("structured")) {
    PODIUM_ASSIGN(auto how, name->AsString());
    out.by_schema = how == "json_schema";
    if (how != "json_schema" && how != "forced_tool")
      return name->Complain("'structured' is forced_tool or json_schema, not '" + how + "'");
  }
  if (const YamlNode* name = map.Get("key_header")) {
    PODIUM_ASSIGN(out.key_header, name->AsString());
    if (!IsHeaderName(*out.key_header))
      return name->Complain("'" + *out.key_header + "' is no name of a header");
  }
  return {};
}

// `rpm` and `tpm`: what may be asked in a minute.
Status ReadLimits(YamlMap& map, const std::string& name, std::vector<RateLimit>& out) {
  RateLimit limit{.name = name};
  for (auto [key, value] : {std::pair("rpm", &limit.requests), std::pair("tpm", &limit.tokens)}) {
    const YamlNode* node = map.Get(key);
    if (!node) continue;
    PODIUM_ASSIGN(*value, node->AsInt());
    if (*value < 1 || *value > 1'000'000'000'000)
      return node->Complain("'" + std::string(key) + "' must be a number a minute above 0");
  }
  if (limit.requests > 0 || limit.tokens > 0) out.push_back(std::move(limit));
  return {};
}

Status ReadTranslate(YamlMap& map, Model& out) {
  const YamlNode* node = map.Get("translate");
  if (!node) return {};
  PODIUM_ASSIGN(out.translate, node->AsBool());
  auto known = [](const WireFormat* f) {
    return f->name() == "messages" || f->name() == "gemini" || f->name() == "responses";
  };
  if (out.translate && std::ranges::none_of(out.formats, known))
    return node->Complain(
        "'translate' makes Chat Completions of messages, gemini or responses, and the model serves "
        "none of them");
  return {};
}

// What all models of a provider may be asked in a minute together.
Status ReadProviders(const YamlNode& node, std::vector<Model>& models) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  for (const auto& entry : node.entries) {
    PODIUM_ASSIGN(const YamlNode* own, map.Require(entry.first));
    PODIUM_ASSIGN(auto limits, YamlMap::From(*own));
    std::vector<RateLimit> read;
    PODIUM_TRY(ReadLimits(limits, kProvidersLimit + entry.first, read));
    PODIUM_TRY(limits.Finish());
    std::vector<std::string> known;
    bool any = false;
    for (auto& model : models) {
      known.push_back(model.provider);
      if (model.provider != entry.first) continue;
      any = true;
      model.limits.insert(model.limits.end(), read.begin(), read.end());
    }
    if (!any)
      return own->Complain("no model is of provider '" + entry.first + "'." +
                           Suggest(entry.first, known));
  }
  return map.Finish();
}

Result<Model> ReadModel(const YamlNode& node) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  Model out;
  PODIUM_ASSIGN(out.id, map.String("id"));
  PODIUM_TRY(ReadUpstream(map, out));
  PODIUM_ASSIGN(out.provider, map.StringOr("provider", Origin(out.base_url)));
  out.formats = {FindWireFormat("chat")};
  if (const YamlNode* formats = map.Get("formats")) {
    PODIUM_ASSIGN(out.formats, ReadFormats(*formats));
  }
  PODIUM_ASSIGN(out.max_output_tokens, Positive(map, "max_output_tokens"));
  PODIUM_ASSIGN(out.context_tokens, Positive(map, "context_tokens"));
  if (const YamlNode* price = map.Get("price")) {
    PODIUM_ASSIGN(out.prices, ReadPrices(*price));
  }
  if (const YamlNode* aliases = map.Get("aliases")) {
    PODIUM_ASSIGN(out.aliases, aliases->AsStrings());
  }
  PODIUM_TRY(ReadOwnWays(map, out));
  PODIUM_TRY(ReadLimits(map, kOwnLimit + out.id, out.limits));
  PODIUM_TRY(ReadTranslate(map, out));
  PODIUM_TRY(map.Finish());
  return out;
}

// "openrouter.ai/api/v1"
Result<VendorHost> ReadHost(const YamlNode& node) {
  PODIUM_ASSIGN(auto text, node.AsString());
  std::string url = "https://" + text;
  auto name = PublicHost(url);
  VendorHost out{name.value_or(""), PathOf(url)};
  while (out.base_path.ends_with('/')) out.base_path.pop_back();
  if (!name || *name + PathOf(url) != text)
    return node.Complain(
        "'hosts' lists public servers with the path of their version, such as "
        "openrouter.ai/api/v1, not '" +
        text + "'");
  return out;
}

}  // namespace

bool Model::Serves(const WireFormat& format) const {
  return std::ranges::any_of(formats, [&](const WireFormat* own) {
    return own == &format || own->name() == format.traits().with;
  });
}

Result<ModelCatalogue> ModelCatalogue::From(const YamlNode& root) {
  PODIUM_ASSIGN(auto map, YamlMap::From(root));
  PODIUM_ASSIGN(auto schema, map.String("schema"));
  if (schema != "podium-models/1")
    return root.Complain("expected schema podium-models/1, found '" + schema + "'");
  PODIUM_ASSIGN(const YamlNode* list, map.Require("models"));
  const YamlNode* hosts = map.Get("hosts");
  const YamlNode* providers = map.Get("providers");
  PODIUM_TRY(map.Finish());
  ModelCatalogue out;
  out.file_ = root.file;
  std::set<std::string> names;
  for (const auto& item : list->items) {
    PODIUM_ASSIGN(auto model, ReadModel(item));
    std::vector<std::string> own = model.aliases;
    own.push_back(model.id);
    for (const auto& name : own) {
      if (!names.insert(name).second) return item.Complain("'" + name + "' names two models");
    }
    out.models_.push_back(std::move(model));
  }
  if (out.models_.empty()) return list->Complain("'models' lists none");
  if (providers) PODIUM_TRY(ReadProviders(*providers, out.models_));
  if (hosts) {
    for (const auto& item : hosts->items) {
      PODIUM_ASSIGN(auto host, ReadHost(item));
      out.hosts_.push_back(std::move(host));
    }
  }
  return out;
}

std::vector<VendorHost> ModelCatalogue::vendor_hosts() const {
  std::set<VendorHost> all(hosts_.begin(), hosts_.end());
  for (const auto& model : models_) {
    if (auto name = PublicHost(model.base_url)) all.insert({*name, PathOf(model.base_url)});
  }
  return {all.begin(), all.end()};
}

Result<ModelCatalogue> ModelCatalogue::Read(const std::filesystem::path& file) {
  PODIUM_ASSIGN(auto root, ReadYaml(file));
  return From(root);
}

Result<Model> ModelCatalogue::Find(std::string_view name) const {
  std::vector<std::string> known;
  for (const auto& model : models_) {
    if (model.id == name || std::ranges::find(model.aliases, name) != model.aliases.end())
      return model;
    known.push_back(model.id);
  }
  for (const auto& model : models_) {
    if (name == model.provider + "/" + model.id ||
        name == model.provider + "/" + model.upstream_name)
      return model;
  }
  return Fail(ErrorCode::kConfig, "there is no model '" + std::string(name) + "' in " + file_ +
                                      "." + Suggest(name, known) + " Known: " + Join(known, ", "));
}

std::optional<Model> ModelCatalogue::FindByProvider(std::string_view name) const {
  std::size_t slash = name.find('/');
  if (slash == std::string_view::npos || slash + 1 == name.size()) return std::nullopt;
  auto talks = [](const WireFormat* format) { return format->converses(); };
  for (const auto& model : models_) {
    if (model.provider != name.substr(0, slash) || std::ranges::none_of(model.formats, talks))
      continue;
    Model out = model;
    out.id = name;
    out.upstream_name = name.substr(slash + 1);
    out.max_output_tokens = out.context_tokens = 0;
    out.prices.reset();
    out.capabilities.reset();
    std::erase_if(out.limits, [](const auto& l) { return l.name.starts_with(kOwnLimit); });
    out.aliases.clear();
    return out;
  }
  return std::nullopt;
}

}  // namespace podium::agents
