#include "agents/gateway/translate.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/registry.h"
#include "agents/models/wire/wire_json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr const char* kObjectTool = "answer";

// Fields that are said in the other's words, or mean nothing there.
const std::set<std::string, std::less<>> kSaid = {"model",
                                                  "messages",
                                                  "stream",
                                                  "stream_options",
                                                  "tools",
                                                  "tool_choice",
                                                  "max_tokens",
                                                  "response_format",
                                                  "max_completion_tokens",
                                                  "temperature",
                                                  "top_p",
                                                  "stop",
                                                  "n",
                                                  "seed",
                                                  "reasoning_effort",
                                                  "store",
                                                  "parallel_tool_calls"};

Refusal NotSaid(const std::string& what) {
  return {403, "not_translatable",
          what + " cannot be said to this trial's model, which is asked in another format."};
}

// A text, or a picture that the request holds; nothing else can be said in another's words.
std::optional<ChatPart> PartFrom(const Json& part) {
  std::string type = ForeignText(part, "type");
  if (type == "text") return ChatPart{ForeignText(part, "text")};
  const Json* image = Member(part, "image_url");
  if (type != "image_url" || !image) return std::nullopt;
  std::string url = ForeignText(*image, "url");
  constexpr std::string_view kScheme = "data:", kBase64 = ";base64,";
  std::size_t end = url.find(kBase64);
  if (!url.starts_with("data:image/") || end == std::string::npos) return std::nullopt;
  return ChatPart{"", url.substr(kScheme.size(), end - kScheme.size()),
                  url.substr(end + kBase64.size())};
}

// What a message says: one text where it shows no picture.
std::optional<std::vector<ChatPart>> Said(const Json& message) {
  const Json* content = Member(message, "content");
  if (!content || !content->is_array()) return std::vector<ChatPart>{{TextOf(content)}};
  std::vector<ChatPart> out;
  for (const Json& part : *content) {
    auto read = PartFrom(part);
    if (!read) return std::nullopt;
    out.push_back(std::move(*read));
  }
  bool shows = std::ranges::any_of(out, [](const ChatPart& p) { return !p.media_type.empty(); });
  return shows ? std::move(out) : std::vector<ChatPart>{{TextOf(content)}};
}

bool IsText(const std::vector<ChatPart>& parts) {
  return parts.size() == 1 && parts.front().media_type.empty();
}

// The id that a call had at its provider, and what belongs to it.
ToolCall CallFrom(const Json& call) {
  ToolCall out;
  out.id = ForeignText(call, "id");
  const Json* function = Member(call, "function");
  if (function) out.name = ForeignText(*function, "name");
  if (function) out.arguments = ForeignText(*function, "arguments");
  if (std::size_t mark = out.id.find(kSignatureMark); mark != std::string::npos) {
    out.signature = out.id.substr(mark + 1);
    out.id.resize(mark);
  }
  return out;
}

// Reads messages into turns; results of tools that follow each other are one turn of the user's.
class Turns {
 public:
  std::optional<Refusal> Add(const Json& message) {
    std::string role = ForeignText(message, "role");
    auto said = Said(message);
    if (!said) return NotSaid("a message that holds more than text and pictures");
    if (Member(message, "function_call")) return NotSaid("'function_call'");
    if (role == "user" && !IsText(*said)) {
      AddParts(std::move(*said));
      return std::nullopt;
    }
    if (!IsText(*said)) return NotSaid("a picture that is not the user's");
    std::string* text = &said->front().text;
    if (role == "tool") {
      AddResult(ForeignText(message, "tool_call_id"), std::move(*text));
    } else if (role == "assistant") {
      AddAnswer(message, *text);
    } else if (role == "user") {
      AddWords(*text);
    } else if (role == "system" || role == "developer") {
      system_.push_back(std::move(*text));
    } else {
      return NotSaid("a message of role '" + Printable(role.substr(0, 40)) + "'");
    }
    return std::nullopt;
  }

  // Somebody has to say something: an agent that sends a system's message alone means it so.
  std::vector<ChatMessage> Finish() {
    if (turns_.empty() && !system_.empty()) {
      turns_.push_back({"user", system_.back(), {}, {}});
      system_.pop_back();
    }
    std::vector<ChatMessage> out;
    for (auto& text : system_) out.push_back({"system", std::move(text), {}, {}});
    std::ranges::move(turns_, std::back_inserter(out));
    return out;
  }

 private:
  ChatMessage& TurnOf(const char* role) {
    if (turns_.empty() || turns_.back().role != role) turns_.push_back({role, "", {}, {}});
    return turns_.back();
  }

  void AddResult(const std::string& id, std::string text) {
    std::size_t mark = std::min(id.find(kSignatureMark), id.size());
    ToolResult result{id.substr(0, mark), names_[id], std::move(text)};
    // Results stand before a turn's text.
    bool spoken = !turns_.empty() && turns_.back().role == "user" &&
                  (!turns_.back().content.empty() || !turns_.back().parts.empty());
    if (spoken) turns_.push_back({"user", "", {}, {}});
    TurnOf("user").results.push_back(std::move(result));
  }

  void AddAnswer(const Json& message, const std::string& text) {
    ChatMessage& turn = TurnOf("assistant");
    turn.content += text;
    const Json* calls = Member(message, "tool_calls");
    if (!calls || !calls->is_array()) return;
    for (const Json& call : *calls) {
      turn.calls.push_back(CallFrom(call));
      names_[ForeignText(call, "id")] = turn.calls.back().name;
    }
  }

  // In place of the turn's content, which becomes the first of them.
  void AddParts(std::vector<ChatPart> parts) {
    ChatMessage& turn = TurnOf("user");
    if (!turn.content.empty()) turn.parts.push_back({std::exchange(turn.content, "")});
    std::ranges::move(parts, std::back_inserter(turn.parts));
  }

  void AddWords(const std::string& text) {
    ChatMessage& turn = TurnOf("user");
    if (!turn.parts.empty()) {
      turn.parts.push_back({text});
      return;
    }
    turn.content += (turn.content.empty() ? "" : "\n\n") + text;
  }

  std::vector<std::string> system_;
  std::vector<ChatMessage> turns_;
  std::map<std::string, std::string> names_;  // of functions, by the calls' ids
};

std::optional<Refusal> ReadTools(const Json& body, ChatRequest& out) {
  const Json* tools = Member(body, "tools");
  if (!tools || !tools->is_array()) return std::nullopt;
  for (const Json& tool : *tools) {
    const Json* function = Member(tool, "function");
    if (!function) return NotSaid("a tool that is no function");
    const Json* parameters = Member(*function, "parameters");
    std::string schema =
        parameters ? DumpJson(*parameters) : R"({"type":"object","properties":{}})";
    out.tools.push_back(
        {ForeignText(*function, "name"), ForeignText(*function, "description"), std::move(schema)});
  }
  return std::nullopt;
}

// "auto", "none", "required", or a function's name after "=".
std::string ChoiceOf(const Json& body) {
  const Json* choice = Member(body, "tool_choice");
  if (!choice) return "auto";
  if (choice->is_string()) return choice->get<std::string>();
  const Json* function = Member(*choice, "function");
  return function ? "=" + ForeignText(*function, "name") : "";
}

// The schema of the object that an answer shall be; "" where none is asked for.
std::string SchemaOf(const Json& body) {
  const Json* format = Member(body, "response_format");
  if (!format || ForeignText(*format, "type") != "json_schema") return "";
  const Json* named = Member(*format, "json_schema");
  const Json* schema = named ? Member(*named, "schema") : nullptr;
  return schema ? DumpJson(*schema) : "";
}

bool WantsAnyObject(const Json& body) {
  const Json* format = Member(body, "response_format");
  return format && ForeignText(*format, "type") == "json_object";
}

// What Encode has no word for.
void AddRestOfGemini(const Json& body, Json& out) {
  Json& config = out["generationConfig"];
  if (const Json* p = Member(body, "top_p")) config["topP"] = *p;
  if (const Json* stop = Member(body, "stop"))
    config["stopSequences"] = stop->is_array() ? *stop : Json::array({*stop});
  std::string choice = ChoiceOf(body);
  if (!out.contains("tools") || (choice != "required" && choice != "none")) return;
  out["toolConfig"] = {{"functionCallingConfig", {{"mode", choice == "none" ? "NONE" : "ANY"}}}};
}

void AddRestOfMessages(const Json& body, Json& out) {
  if (const Json* p = Member(body, "top_p")) out["top_p"] = *p;
  if (const Json* stop = Member(body, "stop"))
    out["stop_sequences"] = stop->is_array() ? *stop : Json::array({*stop});
  if (!out.contains("tools")) return;
  if (!JsonOr(body, "parallel_tool_calls", true)) {
    if (!out.contains("tool_choice")) out["tool_choice"] = {{"type", "auto"}};
    out["tool_choice"]["disable_parallel_tool_use"] = true;
  }
  std::string choice = ChoiceOf(body);
  if (choice == "required" || choice == "none")
    out["tool_choice"]["type"] = choice == "none" ? "none" : "any";
}

void AddRestOfResponses(const Json& body, Json& out) {
  if (const Json* p = Member(body, "top_p")) out["top_p"] = *p;
  if (!out.contains("tools")) return;
  if (!JsonOr(body, "parallel_tool_calls", true)) out["parallel_tool_calls"] = false;
  std::string choice = ChoiceOf(body);
  if (choice == "required" || choice == "none") out["tool_choice"] = choice;
}

void AddRest(const Json& body, const WireFormat& to, Json& out) {
  if (to.name() == "gemini") return AddRestOfGemini(body, out);
  if (to.name() == "messages") return AddRestOfMessages(body, out);
  AddRestOfResponses(body, out);
}

// Fields that one of the formats has a word for, and these have none.
constexpr std::pair<std::string_view, std::string_view> kLost[] = {
    {"messages", "seed"},
    {"messages", "reasoning_effort"},
    {"responses", "seed"},
    {"responses", "stop"},
};

bool IsLost(const WireFormat& to, const std::string& name, const Json& value) {
  if (value.is_null()) return false;
  if (!kSaid.contains(name)) return true;
  bool serially = name == "parallel_tool_calls" && value == false;
  return (to.name() == "gemini" && serially) ||
         std::ranges::find(kLost, std::pair<std::string_view, std::string_view>(to.name(), name)) !=
             std::end(kLost);
}

// A value that is asked for, else what the model does by itself.
EncodeOptions Writing(const Json& body, bool stream) {
  EncodeOptions out;
  for (const char* field : {"temperature", "seed"}) {
    if (!Member(body, field)) out.omit.insert(field);
  }
  bool limited = Member(body, "max_tokens") || Member(body, "max_completion_tokens");
  if (!limited) out.omit.insert("max_tokens");
  if (!stream) out.omit.insert("stream");
  return out;
}

tl::expected<ChatRequest, Refusal> Conversation(const Json& body, const WireFormat& to,
                                                EncodeOptions& writing) {
  ChatRequest out;
  Turns turns;
  const Json* messages = Member(body, "messages");
  for (const Json& message : messages ? *messages : Json::array()) {
    if (auto refusal = turns.Add(message)) return tl::unexpected(std::move(*refusal));
  }
  out.messages = turns.Finish();
  if (WantsAnyObject(body))
    out.messages.insert(out.messages.begin(),
                        {"system", "Answer with one JSON object and nothing else.", {}, {}});
  if (auto refusal = ReadTools(body, out)) return tl::unexpected(std::move(*refusal));
  std::string choice = ChoiceOf(body);
  if (choice.starts_with('=')) out.forced_tool = choice.substr(1);
  if (std::string schema = SchemaOf(body); !schema.empty()) {
    if (!out.tools.empty()) return tl::unexpected(NotSaid("'response_format' beside tools"));
    out.tools.push_back({kObjectTool, "The answer.", std::move(schema)});
    out.forced_tool = kObjectTool;
    writing.by_schema = true;
  }
  out.temperature = JsonOr(body, "temperature", 1.0);
  out.seed = WholeNumber(body, "seed").value_or(0);
  if (to.name() != "messages")
    writing.reasoning_effort = JsonOr<std::string>(body, "reasoning_effort", "");
  return out;
}

}  // namespace

const WireFormat* TranslationOf(const WireFormat& asked,
                                const std::vector<const WireFormat*>& served) {
  if (asked.name() != "chat") return nullptr;
  auto known = [](const WireFormat* f) {
    return f->name() == "messages" || f->name() == "gemini" || f->name() == "responses";
  };
  auto found = std::ranges::find_if(served, known);
  return found == served.end() ? nullptr : *found;
}

tl::expected<Screened, Refusal> TranslateRequest(const WireFormat& to, const Screened& request) {
  auto body = ParseForeignJson(request.body, "the request");
  if (!body) return tl::unexpected(NotSaid("a request that is no JSON"));
  if (request.facts.answers > 1) return tl::unexpected(NotSaid("'n' above 1"));
  EncodeOptions writing = Writing(*body, request.facts.stream);
  auto chat = Conversation(*body, to, writing);
  if (!chat) return tl::unexpected(std::move(chat).error());
  chat->max_tokens = static_cast<int>(request.facts.output_limit.value_or(0));
  auto json = ParseForeignJson(to.Encode(*chat, writing), "the request");
  if (!json) return tl::unexpected(NotSaid("this request"));
  AddRest(*body, to, *json);
  Screened out = request;
  out.flags.clear();
  for (const auto& [name, value] : body->items()) {
    if (IsLost(to, name, value)) out.flags.push_back({"field_dropped", name + ", untranslated"});
  }
  out.body = DumpJson(*json);
  out.facts = to.FactsOf(*json);
  out.facts.stream = request.facts.stream;
  out.facts.wants_usage = request.facts.wants_usage;
  return out;
}

TranslatedAsk AskOf(const WireFormat& to, const Screened& request) {
  TranslatedAsk out;
  out.model = request.facts.model;
  out.wants_usage = request.facts.wants_usage;
  auto body = ParseForeignJson(request.body, "the request");
  if (!body) return out;
  const Json* messages = Member(*body, "messages");
  out.turn = std::to_string(messages ? messages->size() : 0);
  if (!to.traits().answers_by_schema && !SchemaOf(*body).empty()) out.object_tool = kObjectTool;
  return out;
}

}  // namespace podium::agents
