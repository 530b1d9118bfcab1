#include "agents/programs/acp_protocol.h"

#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kShown = 2000;

std::string Line(const Json& message) { return DumpJson(message) + "\n"; }

std::string Request(int id, const char* method, Json params) {
  Json message = {
      {"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}};
  return Line(message);
}

std::string Shown(const std::string& text) { return HeadTail(Printable(text), kShown, 0); }

// "" where the member is missing or no text.
std::string TextOf(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return "";
  return object[key].get<std::string>();
}

Json Member(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) ? object[key] : Json();
}

// What a person would want to read of an update.
std::string TextOfUpdate(const Json& update) {
  Json content = Member(update, "content");
  if (content.is_object()) {
    std::string text = TextOf(content, "text");
    return text.empty() ? TextOf(content, "type") : text;
  }
  std::string out = TextOf(update, "title"), status = TextOf(update, "status");
  if (out.empty()) out = TextOf(update, "toolCallId");
  if (!status.empty()) out += (out.empty() ? "" : ": ") + status;
  Json entries = Member(update, "entries");  // of a plan
  for (const Json& entry : entries) out += (out.empty() ? "" : "; ") + TextOf(entry, "content");
  return out;
}

// The option of one of these kinds, in this order; "" where there is none.
std::string OptionOf(const Json& options, std::initializer_list<std::string_view> kinds) {
  for (auto kind : kinds) {
    for (const Json& option : options) {
      if (TextOf(option, "kind") == kind) return TextOf(option, "optionId");
    }
  }
  return "";
}

Json PermissionAnswer(const Json& params, AcpPermission permission, std::string& chosen) {
  Json options = Member(params, "options");
  chosen = permission == AcpPermission::kAllow
               ? OptionOf(options, {"allow_always", "allow_once"})
               : OptionOf(options, {"reject_once", "reject_always"});
  if (chosen.empty()) return {{"outcome", {{"outcome", "cancelled"}}}};
  return {{"outcome", {{"outcome", "selected"}, {"optionId", chosen}}}};
}

}  // namespace

std::string AcpProtocol::Initialize() {
  Json files = {{"readTextFile", false}, {"writeTextFile", false}};
  Json params = {{"protocolVersion", kVersion},
                 {"clientCapabilities", {{"fs", files}, {"terminal", false}}}};
  return Request(++last_id_, "initialize", std::move(params));
}

std::string AcpProtocol::NewSession(const std::string& folder) {
  Json params = {{"cwd", folder}, {"mcpServers", Json::array()}};
  return Request(++last_id_, "session/new", std::move(params));
}

std::string AcpProtocol::Prompt(const std::string& session, const std::string& text) {
  Json part = {{"type", "text"}, {"text", text}};
  Json params = {{"sessionId", session}, {"prompt", Json::array({part})}};
  return Request(++last_id_, "session/prompt", std::move(params));
}

AcpTaken AcpProtocol::Take(std::string_view line) {
  AcpTaken out;
  auto parsed = ParseJson(line, "a message");
  if (!parsed || !parsed->is_object()) {
    out.notes.push_back({"not_a_message", Shown(std::string(line.substr(0, kShown)))});
    return out;
  }
  const Json& message = *parsed;
  std::string method = TextOf(message, "method");
  Json id = Member(message, "id"), params = Member(message, "params");
  if (method == "session/update") {
    Json update = Member(params, "update");
    out.notes.push_back({TextOf(update, "sessionUpdate"), Shown(TextOfUpdate(update))});
  } else if (method == "session/request_permission" && !id.is_null()) {
    std::string chosen;
    Json answer = PermissionAnswer(params, permission_, chosen);
    out.send.push_back(Line({{"jsonrpc", "2.0"}, {"id", id}, {"result", answer}}));
    std::string title = TextOfUpdate(Member(params, "toolCall"));
    out.notes.push_back({"permission", Shown(title + " -> " + (chosen.empty() ? "none" : chosen))});
  } else if (!method.empty() && !id.is_null()) {
    Json error = {{"code", -32601}, {"message", "this client does not offer " + method}};
    out.send.push_back(Line({{"jsonrpc", "2.0"}, {"id", id}, {"error", error}}));
    out.notes.push_back({"refused", Shown(method)});
  } else if (method.empty() && id.is_number_integer() && id.get<std::int64_t>() == last_id_) {
    Json result = Member(message, "result"), error = Member(message, "error");
    AcpAnswer answer{"", TextOf(result, "sessionId"), TextOf(result, "stopReason")};
    if (!error.is_null()) answer.error = Shown(DumpJson(error));
    out.answer = std::move(answer);
  }
  return out;
}

}  // namespace podium::agents
