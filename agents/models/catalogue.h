#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agents/models/rate_gate.h"
#include "agents/models/wire/usd.h"
#include "agents/models/wire/wire_format.h"
#include "base/result.h"
#include "base/yaml.h"

namespace podium::agents {

// A model as configs/models.yaml describes it.
struct Model {
  std::string id;        // as agents name it
  std::string provider;  // shares one rate limit
  std::vector<const WireFormat*> formats;
  std::string base_url;                // up to and with the version: "https://api.openai.com/v1"
  std::string key_env;                 // variable that holds the key; empty: none is sent
  std::string upstream_name;           // as the provider names it
  std::int64_t max_output_tokens = 0;  // 0: not known
  std::int64_t context_tokens = 0;     // likewise
  std::string output_limit_field;      // of Chat Completions, where an agent declares none
  std::optional<TokenPrices> prices;   // none: not known
  std::vector<std::string> aliases;
  std::set<std::string> extra_fields;          // of requests, beyond the format's
  std::map<std::string, std::string> paths;    // below base_url, by format, where they differ
  std::map<std::string, std::string> headers;  // sent with every request
  std::optional<std::string> key_header;       // where it is not the format's
  // Of kCapabilities, as far as the file says; nothing: it does not say.
  std::optional<std::set<std::string>> capabilities;
  bool by_schema = false;         // an object is asked for by its schema, not by a forced tool
  std::vector<RateLimit> limits;  // a minute: its own, its provider's
  bool translate = false;         // Chat Completions are translated to what it serves

  [[nodiscard]] bool Serves(const WireFormat& format) const;
};

// What a catalogue says that a model can: functions are offered, one is forced, the schema of an
// answer is given, how much is thought is said.
inline constexpr std::string_view kCapabilities[] = {"tools", "forced_tool", "json_schema",
                                                     "reasoning"};

// A provider's public server, which clients have built in.
struct VendorHost {
  std::string name;       // "openrouter.ai"
  std::string base_path;  // "/api/v1": what stands there before the paths of its formats

  auto operator<=>(const VendorHost&) const = default;
};

// All models of one file.
class ModelCatalogue {
 public:
  // Unknown keys, formats and amounts, missing prices and names that are given twice are errors
  // with file and line.
  [[nodiscard]] static Result<ModelCatalogue> From(const YamlNode& root);
  [[nodiscard]] static Result<ModelCatalogue> Read(const std::filesystem::path& file);

  // By id, alias, or provider/name. The error names the file and suggests.
  [[nodiscard]] Result<Model> Find(std::string_view name) const;
  // "provider/name" of a provider that the file knows, with the server, format and key of its first
  // model that holds a conversation, and neither price nor limits; nothing for other names.
  [[nodiscard]] std::optional<Model> FindByProvider(std::string_view name) const;
  [[nodiscard]] const std::vector<Model>& models() const { return models_; }

  // The public hosts of the models' addresses and those that the file lists beside them.
  [[nodiscard]] std::vector<VendorHost> vendor_hosts() const;

 private:
  std::string file_;
  std::vector<Model> models_;
  std::vector<VendorHost> hosts_;  // as listed
};

}  // namespace podium::agents
