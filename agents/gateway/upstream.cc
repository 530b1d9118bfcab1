#include "agents/gateway/upstream.h"

#include <algorithm>

#include "base/http/address.h"
#include "base/text.h"

namespace podium::agents {
namespace {

// Betas that neither act for the agent nor change a price.
constexpr std::string_view kBetas[] = {"prompt-caching-2024-07-31",
                                       "interleaved-thinking-2025-05-14",
                                       "fine-grained-tool-streaming-2025-05-14",
                                       "token-efficient-tools-2025-02-19",
                                       "output-128k-2025-02-19",
                                       "structured-outputs-2025-11-13"};

constexpr std::string_view kPassed[] = {"content-type",   "retry-after", "retry-after-ms",
                                        "x-should-retry", "request-id",  "x-request-id"};
constexpr std::string_view kPassedFamilies[] = {"x-ratelimit-", "anthropic-ratelimit-"};

std::string Version(std::string_view asked) {
  bool plain = asked.size() == 10 && asked.find_first_not_of("0123456789-") == std::string::npos;
  return plain ? std::string(asked) : "2023-06-01";
}

std::string Betas(std::string_view asked, std::vector<Flag>& flags) {
  std::vector<std::string> kept;
  for (auto part : Split(asked, ',')) {
    part = Trim(part);
    if (part.empty()) continue;
    if (std::ranges::find(kBetas, part) != std::end(kBetas))
      kept.emplace_back(part);
    else
      flags.push_back({"beta_dropped", std::string(part.substr(0, 100))});
  }
  return Join(kept, ",");
}

}  // namespace

std::string UpstreamPath(const Route& route, const Model& model, bool events) {
  if (route.format != Format::kGemini) return std::string(InfoOf(route.format).upstream);
  return "/models/" + model.upstream_name +
         (route.streams ? ":streamGenerateContent" : ":generateContent") +
         (events ? "?alt=sse" : "");
}

HttpRequest UpstreamRequest(const Route& route, const Model& model, const std::string& path,
                            const std::string& key, const ServedRequest& asked, std::string body,
                            std::vector<Flag>& flags) {
  const FormatInfo& info = InfoOf(route.format);
  HttpRequest out;
  out.url = Below(model.base_url, path);
  out.body = std::move(body);
  out.headers = {"Content-Type: application/json", "Expect:"};
  bool events = asked.Header("accept").find("text/event-stream") != std::string_view::npos;
  out.headers.emplace_back(events ? "Accept: text/event-stream" : "Accept: application/json");
  if (!key.empty())
    out.headers.push_back(std::string(info.key_header) + ": " + std::string(info.key_prefix) + key);
  if (route.format == Format::kMessages) {
    out.headers.push_back("anthropic-version: " + Version(asked.Header("anthropic-version")));
    std::string betas = Betas(asked.Header("anthropic-beta"), flags);
    if (!betas.empty()) out.headers.push_back("anthropic-beta: " + betas);
  }
  return out;
}

HttpHeaders PassedHeaders(const HttpHeaders& headers) {
  HttpHeaders out;
  for (const auto& [name, value] : headers) {
    bool family = std::ranges::any_of(
        kPassedFamilies, [&name = name](std::string_view f) { return name.starts_with(f); });
    if (family || std::ranges::find(kPassed, name) != std::end(kPassed))
      out.emplace_back(name, value);
  }
  return out;
}

std::string_view HeaderOf(const HttpHeaders& headers, std::string_view name) {
  auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace podium::agents
