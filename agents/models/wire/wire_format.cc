#include "agents/models/wire/wire_format.h"

#include <algorithm>

#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/wire_json.h"

namespace podium::agents {

const ToolCall* ChatReply::call() const {
  auto whole = [](const ToolCall& c) {
    auto json = ParseForeignJson(c.arguments, "arguments");
    return json && json->is_object();
  };
  auto found = std::ranges::find_if(calls, whole);
  if (found != calls.end()) return &*found;
  return calls.empty() ? nullptr : &calls.front();
}

std::string KeyHeader(const WireTraits& traits, const std::optional<std::string>& own,
                      const std::string& key) {
  return own ? *own + ": " + key : traits.key_header + ": " + traits.key_prefix + key;
}

std::optional<Route> WireFormat::Match(std::string_view path) const {
  bool own = path == traits_.path || (traits_.short_path && path == traits_.upstream);
  return own ? std::optional(Route{this, {}, false}) : std::nullopt;
}

bool WireFormat::OwnsPath(std::string_view path) const { return path.starts_with(traits_.path); }

std::string WireFormat::UpstreamPath(const Route&, const std::string&, bool) const {
  return traits_.upstream;
}

void WireFormat::AddHeaders(const HeaderList&, std::vector<std::string>&,
                            std::vector<std::string>&) const {}

bool WireFormat::Failed(const Json& value) const {
  return Member(value, "error") || JsonOr<std::string>(value, "type", "") == "error";
}

std::string WireFormat::ErrorBody(int status, std::string_view code,
                                  std::string_view message) const {
  Json error = {
      {"message", message}, {"code", code}, {"type", ErrorType(status)}, {"param", nullptr}};
  return DumpJson(Json{{"error", error}});
}

std::string WireFormat::Encode(const ChatRequest&, const EncodeOptions&) const { return {}; }
std::string WireFormat::EncodeReply(const ChatReply&) const { return {}; }
std::string WireFormat::AnswerBody(const ChatReply& reply, const std::string&) const {
  return EncodeReply(reply);
}
std::string WireFormat::AnswerEvents(const ChatReply& reply, const std::string& model) const {
  return "data: " + AnswerBody(reply, model) + "\n\n";
}
std::string WireFormat::StopWord(StopReason) const { return {}; }

std::string WireFormat::ErrorEvent(int status, std::string_view code,
                                   std::string_view message) const {
  return "data: " + ErrorBody(status, code, message) + "\n\n";
}

void WireFormat::Pieces(Json&, std::vector<std::pair<std::string, Json*>>&) const {}

}  // namespace podium::agents
