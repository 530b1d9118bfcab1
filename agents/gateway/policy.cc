#include "agents/gateway/policy.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::int64_t kMostCount = 100'000'000;
constexpr std::int64_t kTokensOfMedia = 40'000;    // of one picture in the finest resolution
constexpr std::int64_t kTokensOfTemplate = 1'000;  // what providers put around prompts and tools

// Parsed once a format, from any thread.
const Json& Rules(const WireFormat& format) {
  static std::mutex mutex;
  static std::map<std::string, Json> all;
  std::lock_guard lock(mutex);
  auto& rules = all[format.name()];
  if (rules.is_null()) rules = Json::parse(format.Allowlist(), nullptr, false);
  return rules;
}

// "max_output" -> "maxOutput".
std::string Camel(std::string_view name) {
  std::string out;
  bool up = false;
  for (char c : name) {
    if (c == '_') {
      up = true;
      continue;
    }
    out += up && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    up = false;
  }
  return out;
}

std::string Shown(std::string_view text) { return Printable(text.substr(0, 100)); }

bool IsDirective(std::string_view key) {
  return key == "refuse" || key == "others" || key == "needs";
}

// Walks a value and its rule together; the first thing that is not allowed ends it.
class Walker {
 public:
  Walker(const WireFormat& format, std::size_t longest_name, const std::set<std::string>* extra,
         Screened& out)
      : rules_(Rules(format)),
        camel_(format.traits().camel_names),
        longest_name_(longest_name),
        extra_(extra),
        out_(out) {}

  bool Check(Json& value) { return Walk(value, rules_["root"], ""); }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  bool Refuse(std::string code, std::string message) {
    refusal_ = {403, std::move(code), std::move(message)};
    return false;
  }
  bool Unlike(const std::string& path, const std::string& expected) {
    return Refuse("field_not_allowed", "'" + Shown(path) + "' must be " + expected + " here.");
  }

  bool Walk(Json& value, const Json& rule, const std::string& path) {
    if (value.is_null()) return true;
    if (rule.is_string()) return Named(value, rule.get_ref<const std::string&>(), path);
    if (rule.is_array()) return List(value, rule, path);
    if (rule.contains("?")) return Alternatives(value, rule["?"], path);
    if (rule.contains("by")) return ByMember(value, rule, path);
    return Object(value, rule, path);
  }

  bool Named(Json& value, const std::string& rule, const std::string& path) {
    if (rule == "any") return true;
    if (rule.starts_with('@')) return Walk(value, rules_[rule.substr(1)], path);
    if (rule == "values") return Values(value, path);
    if (rule == "positive") return Count(value, path);
    if (rule == "data") return Data(value, path);
    if (rule == "never") {
      if (value == false) return true;
      return Refuse("field_not_allowed", "'" + path + "' is not allowed.");
    }
    if (rule == "text") return value.is_string() || Unlike(path, "text");
    if (rule.starts_with('=')) return Choice(value, rule.substr(1), path);
    if (rule == "value") return !value.is_structured() || Unlike(path, "a single value");
    return Choice(value, rule, path);
  }

  bool Values(const Json& value, const std::string& path) {
    if (!value.is_structured()) return true;
    if (value.is_object()) return Unlike(path, "text or a list");
    return std::ranges::all_of(value, [&](const Json& v) { return Values(v, path); });
  }

  bool Count(const Json& value, const std::string& path) {
    // Some servers take 0 for "as many as there can be", for which nothing would be set aside.
    bool whole = value.is_number_integer() && value >= 1 && value <= kMostCount;
    return whole || Unlike(path, "a whole number from 1 to " + std::to_string(kMostCount));
  }

  bool Data(const Json& value, const std::string& path) {
    if (!value.is_string()) return Unlike(path, "text");
    if (value.get_ref<const std::string&>().starts_with("data:")) {
      CountMedia();
      return true;
    }
    return Refuse("url_not_allowed", "'" + Shown(path) +
                                         "' must be a data: URL; nothing is fetched from "
                                         "elsewhere on a request's behalf.");
  }

  bool Choice(const Json& value, const std::string& rule, const std::string& path) {
    if (!value.is_string()) return Unlike(path, "text");
    for (auto one : Split(rule, '|')) {
      if (value == one) return true;
    }
    return Refuse("field_not_allowed", "'" + Shown(path) + "' may be " + rule + ", not '" +
                                           Shown(value.get_ref<const std::string&>()) + "'.");
  }

  bool List(Json& value, const Json& rule, const std::string& path) {
    if (!value.is_array()) return Unlike(path, "a list");
    if (rule.empty()) return value.empty() || Unlike(path, "an empty list");
    Json kept = Json::array();
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (!Walk(value[i], rule[0], path + "[" + std::to_string(i) + "]")) return false;
      if (!std::exchange(dropped_, false)) kept.push_back(std::move(value[i]));
    }
    dropped_ = kept.empty() && !value.empty();  // a list of nothing is an error to most providers
    value = std::move(kept);
    return true;
  }

  // What stands here is left out by who holds it.
  bool Drop(const std::string& code, const std::string& what) {
    out_.flags.push_back({code, what});
    dropped_ = true;
    return true;
  }

  static bool SameKind(const Json& value, const Json& rule, const Json& rules) {
    if (rule.is_string() && rule.get_ref<const std::string&>().starts_with('@'))
      return SameKind(value, rules[rule.get_ref<const std::string&>().substr(1)], rules);
    if (rule.is_string()) return value.is_string();
    return rule.is_array() ? value.is_array() : value.is_object();
  }

  bool Alternatives(Json& value, const Json& rules, const std::string& path) {
    for (const Json& rule : rules) {
      if (SameKind(value, rule, rules_)) return Walk(value, rule, path);
    }
    return Unlike(path, "of another kind");
  }

  // What does not say its kind must have what the rule's kind has, and no id: an id alone is a
  // reference to something that the provider keeps, perhaps of somebody else.
  static bool IsWholeWithoutKind(const Json& value, const std::string& member, const Json& rule) {
    auto said = value.find(member);
    bool kind = said != value.end() && !said->is_null();
    if (kind || !rule.contains("whole")) return true;
    return !value.contains("id") && std::ranges::all_of(rule["whole"], [&](const Json& name) {
      auto found = value.find(name.get<std::string>());
      return found != value.end() && !found->is_null();
    });
  }

  bool ByMember(Json& value, const Json& rule, const std::string& path) {
    if (!value.is_object()) return Unlike(path, "an object");
    std::string member = rule["by"];
    if (!IsWholeWithoutKind(value, member, rule))
      return Refuse(rule.value("refuse", "field_not_allowed"),
                    "'" + Shown(path) + "' without " + member +
                        " must be a message with a role and a content of its own.");
    std::string kind = JsonOr<std::string>(value, member.c_str(), rule.value("else", ""));
    auto found = rule["of"].find(kind);
    if (found == rule["of"].end() && !kind.empty() && rule.contains("others"))
      return Drop(rule["others"], path + " of " + member + " '" + Shown(kind) + "'");
    if (found == rule["of"].end())
      return Refuse(rule.value("refuse", "field_not_allowed"),
                    "'" + Shown(path) + "' of " + member + " '" + Shown(kind) +
                        "' is not allowed: only what the agent itself carries out or sends.");
    if (kind == "base64") CountMedia();
    if (kind == "document" || kind == "file" || kind == "input_file") out_.documents = true;
    return found->is_string() ? Named(value, *found, path) : Object(value, *found, path);
  }

  bool Object(Json& value, const Json& rule, const std::string& path) {
    if (!value.is_object()) return Unlike(path, "an object");
    for (auto it = value.begin(); it != value.end(); ++it) {
      if (it.key().size() > longest_name_)
        return Refuse("field_not_allowed", "'" + Shown(path) +
                                               "' has a field whose name is longer than " +
                                               std::to_string(longest_name_) + " bytes.");
    }
    if (camel_ && !Rename(value, rule, path)) return false;
    std::vector<std::string> names;
    for (auto it = value.begin(); it != value.end(); ++it) names.push_back(it.key());
    for (const auto& name : names) {
      if (!Member(value, name, rule, path.empty() ? name : path + "." + name)) return false;
    }
    if (value.empty() && !names.empty() && rule.contains("others")) dropped_ = true;
    if (rule.contains("needs") && !value.contains(rule["needs"].get<std::string>()))
      return Drop("tool_dropped", path);
    return true;
  }

  // Gemini takes every field in two spellings; one is left.
  bool Rename(Json& value, const Json& rule, const std::string& path) {
    Json out = Json::object();
    for (auto it = value.begin(); it != value.end(); ++it) {
      std::string name = rule.contains(it.key()) ? it.key() : Camel(it.key());
      if (out.contains(name))
        return Refuse("field_not_allowed",
                      "'" + Shown(path) + "' gives " + Shown(name) + " twice.");
      out[name] = it.value();
    }
    value = std::move(out);
    return true;
  }

  bool Member(Json& value, const std::string& name, const Json& rule, const std::string& path) {
    auto found = IsDirective(name) ? rule.end() : rule.find(name);
    if (found == rule.end()) {
      if (!value[name].is_null()) return Unknown(value, name, rule, path);
      value.erase(name);
      return true;
    }
    if (value[name].is_null()) return true;
    if (*found == "drop" || *found == "drop-tool") {
      out_.flags.push_back({*found == "drop" ? "field_dropped" : "tool_dropped", path});
      value.erase(name);
      return true;
    }
    if (*found == "false") {
      if (value[name] != false) out_.flags.push_back({"field_forced", path + " -> false"});
      value[name] = false;
      return true;
    }
    if (name == "inlineData") {
      CountMedia();
      out_.documents = true;
    }
    if (!Walk(value[name], *found, path)) return false;
    if (std::exchange(dropped_, false)) value.erase(name);
    return true;
  }

  // Of a field that no rule names: the model's own (extra_fields), or one that is refused.
  bool Unknown(Json& value, const std::string& name, const Json& rule, const std::string& path) {
    if (path == name && extra_ && extra_->contains(name)) return true;
    if (rule.contains("others")) {
      out_.flags.push_back({rule["others"], path});
      value.erase(name);
      return true;
    }
    std::string code = rule.value("refuse", "field_not_allowed");
    std::vector<std::string> known;
    for (auto it = rule.begin(); it != rule.end(); ++it)
      if (!IsDirective(it.key())) known.push_back(it.key());
    return Refuse(code, "'" + Shown(path) + "' is not allowed in requests of this trial." +
                            Suggest(name, known, longest_name_));
  }

  void CountMedia() { out_.media += 1; }

  const Json& rules_;
  bool camel_;
  std::size_t longest_name_;
  const std::set<std::string>* extra_;
  Screened& out_;
  bool dropped_ = false;  // what was just looked at is to be left out
  Refusal refusal_;
};

}  // namespace

namespace {

// What speaks of tools goes with the last of them.
void ForgetTools(Json& body) {
  if (body.contains("tools")) return;
  for (const char* about : {"tool_choice", "toolConfig", "parallel_tool_calls"}) body.erase(about);
}

const std::set<std::string>* ExtraOf(const ScreenOptions& options, const std::string& model) {
  if (!options.extra_fields) return nullptr;
  auto found = options.extra_fields->find(options.model.empty() ? model : options.model);
  return found == options.extra_fields->end() ? nullptr : &found->second;
}

}  // namespace

tl::expected<Screened, Refusal> Screen(const WireFormat& format, std::string_view text,
                                       const ScreenOptions& options) {
  auto body = ParseJson(text, "the request");
  if (!body || !body->is_object())
    return tl::unexpected(
        Refusal{400, "invalid_json", "The request's body is not one JSON object."});
  Screened out;
  const auto* extra = ExtraOf(options, JsonOr<std::string>(*body, "model", ""));
  Walker walker(format, options.longest_name, extra, out);
  if (!walker.Check(*body)) return tl::unexpected(walker.refusal());
  bool no_tools =
      std::ranges::any_of(out.flags, [](const Flag& flag) { return flag.code == "tool_dropped"; });
  if (no_tools) ForgetTools(*body);
  out.facts = format.FactsOf(*body);
  out.body = DumpJson(*body);
  return out;
}

std::string FinishBody(const WireFormat& format, const Screened& request, const Finish& finish) {
  Json body = *ParseJson(request.body, "the request");
  format.Complete(body, finish, request.facts.stream);
  return DumpJson(body);
}

std::int64_t MostInput(const Screened& request, std::int64_t bytes_per_token,
                       std::int64_t context_tokens) {
  std::int64_t bytes = static_cast<std::int64_t>(request.body.size());
  std::int64_t most = bytes / std::max<std::int64_t>(1, bytes_per_token) + kTokensOfTemplate +
                      request.media * kTokensOfMedia;
  if (request.documents) return std::max(most, context_tokens);
  bool bounded = context_tokens > 0 && !request.facts.many;  // a context of 0 is not known
  return bounded ? std::min(most, context_tokens) : most;
}

}  // namespace podium::agents
