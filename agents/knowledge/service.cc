#include "agents/knowledge/service.h"

#include <charconv>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr int kMostLooks = 2000;  // a trial

HttpHeaders JsonHeaders() { return {{"content-type", "application/json"}}; }

std::string Decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr ==
            text.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::string QueryValue(std::string_view target, std::string_view name) {
  std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return "";
  for (std::string_view part : Split(target.substr(mark + 1), '&')) {
    std::size_t equals = part.find('=');
    if (equals != std::string_view::npos && part.substr(0, equals) == name)
      return Decoded(part.substr(equals + 1));
  }
  return "";
}

Task<void> KnowledgeService::Serve(UniqueFd listener) {
  ServerLimits limits;
  limits.connections = 8;
  limits.body_bytes = 64 << 10;
  HttpHandler handler = [this](HttpExchange& exchange) { return Handle(exchange); };
  co_await ServeHttp(std::move(listener), std::move(limits), std::move(handler));
}

Task<void> KnowledgeService::Handle(HttpExchange& exchange) {
  const ServedRequest& request = exchange.request();
  int status = 200;
  Json answer = {{"status", "running"}};
  std::string query = QueryValue(request.target, "q");
  if (request.Path() == "/search" && !query.empty() && looks_ < kMostLooks) {
    ++looks_;
    std::string by = "http";
    auto text = co_await LookUp(reactor_, knowledge_, events_, std::move(by), std::move(query));
    status = text ? 200 : 500;
    answer = text ? Json{{"text", *text}} : Json{{"error", "the knowledge cannot be read"}};
  } else if (request.Path() == "/search") {
    status = looks_ < kMostLooks ? 400 : 429;
    answer = {{"error", looks_ < kMostLooks ? "give ?q=WORDS" : "too many looks"}};
  } else if (request.Path() != "/health") {
    status = 404;
    answer = {{"error", "there are /search?q=WORDS and /health"}};
  }
  std::string body = DumpJson(answer) + "\n";
  auto answered = co_await exchange.Answer(status, JsonHeaders(), std::move(body));
}

}  // namespace podium::agents
