#include "agents/gateway/upstream.h"

#include <algorithm>

#include "base/http/address.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::string_view kPassed[] = {"content-type",   "retry-after", "retry-after-ms",
                                        "x-should-retry", "request-id",  "x-request-id"};
constexpr std::string_view kPassedFamilies[] = {"x-ratelimit-", "anthropic-ratelimit-"};

}  // namespace

HttpRequest UpstreamRequest(const Route& route, const Model& model, const std::string& path,
                            const std::string& key, const ServedRequest& asked, std::string body,
                            std::vector<Flag>& flags) {
  HttpRequest out;
  out.url = Below(model.base_url, path);
  out.body = std::move(body);
  out.headers = {"Content-Type: application/json", "Expect:"};
  bool events = asked.Header("accept").find("text/event-stream") != std::string_view::npos;
  out.headers.emplace_back(events ? "Accept: text/event-stream" : "Accept: application/json");
  if (!key.empty()) out.headers.push_back(KeyHeader(route.format->traits(), model.key_header, key));
  for (const auto& [name, value] : model.headers) out.headers.push_back(name + ": " + value);
  std::vector<std::string> dropped;
  route.format->AddHeaders(asked.headers, out.headers, dropped);
  for (auto& beta : dropped) flags.push_back({"beta_dropped", std::move(beta)});
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
