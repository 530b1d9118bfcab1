#include "agents/programs/references.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace podium::agents {
namespace {

// The name in "${NAME}" or "${{ secrets.NAME }}"; nothing where it is neither.
std::optional<std::string> NameIn(std::string_view reference) {
  std::string_view inner = reference.substr(2, reference.size() - 3);
  if (inner.starts_with('{') && inner.ends_with('}')) {
    inner = Trim(inner.substr(1, inner.size() - 2));
    constexpr std::string_view kSecrets = "secrets.";
    if (!inner.starts_with(kSecrets)) return std::nullopt;
    inner.remove_prefix(kSecrets.size());
  }
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  bool name = !inner.empty() && inner.find_first_not_of(kLetters) == std::string_view::npos;
  return name ? std::optional(std::string(inner)) : std::nullopt;
}

// Where the reference that begins at `text` ends, or npos.
std::size_t EndOfReference(std::string_view text) {
  std::string_view close = text.starts_with("${{") ? "}}" : "}";
  std::size_t at = text.find(close);
  return at == std::string_view::npos ? at : at + close.size();
}

Result<std::string> ResolveText(const std::string& variable, std::string_view text,
                                const Variables& host, std::vector<std::string>& secrets) {
  std::string out;
  for (;;) {
    std::size_t at = text.find("${");
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at);
    std::size_t end = EndOfReference(text);
    auto name = end == std::string_view::npos ? std::nullopt : NameIn(text.substr(0, end));
    if (!name)
      return Fail(ErrorCode::kConfig, "'" + variable + "' holds '" +
                                          std::string(text.substr(0, 60)) +
                                          "': a variable of the host is ${NAME} or "
                                          "${{ secrets.NAME }}");
    auto value = host(name->c_str());
    if (!value)
      return Fail(ErrorCode::kUsage, "'" + variable + "' needs the variable " + *name +
                                         ", which is not set: export " + *name);
    out += *value;
    secrets.push_back(std::move(*value));
    text.remove_prefix(end);
  }
}

}  // namespace

Result<ResolvedEnvironment> Resolve(const EnvironmentPairs& configured, const Variables& host) {
  ResolvedEnvironment out;
  for (const auto& [name, text] : configured) {
    PODIUM_ASSIGN(auto value, ResolveText(name, text, host, out.secrets));
    out.variables.emplace_back(name, std::move(value));
  }
  return out;
}

std::vector<std::string> ReferencedNames(const EnvironmentPairs& configured) {
  std::vector<std::string> out;
  Variables note = [&out](const char* name) -> std::optional<std::string> {
    if (std::ranges::find(out, name) == out.end()) out.emplace_back(name);
    return "";
  };
  for (const auto& pair : configured) {
    std::vector<std::string> values;
    if (!ResolveText(pair.first, pair.second, note, values)) continue;
  }
  return out;
}

}  // namespace podium::agents
