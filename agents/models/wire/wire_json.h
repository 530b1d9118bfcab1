#pragma once

// For the .cc files of wire formats: what several of them do alike.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agents/models/wire/wire_format.h"
#include "base/json.h"

namespace podium::agents {

// A member that is there and not null; nullptr else, and for what is no object.
[[nodiscard]] const Json* Member(const Json& object, const char* key);
[[nodiscard]] std::optional<std::int64_t> WholeNumber(const Json& object, const char* key);
[[nodiscard]] bool HasText(const Json& object, const char* key);
// Whether an element of the list `list` has a text `key`.
[[nodiscard]] bool AnyHasText(const Json& value, const char* list, const char* key);
[[nodiscard]] bool HasAnyWord(std::string_view data, std::initializer_list<std::string_view> words);

// A count that may be missing or null; one that is there and no count makes the whole unreadable.
[[nodiscard]] std::optional<std::int64_t> UsageCount(const Json& object, const char* key,
                                                     UsageSeen& seen);
// Usage in OpenAI's shape.
void AddOpenAiUsage(const Json& value, const char* input, const char* output, const char* details,
                    UsageSeen& seen);

// The traits of OpenAI's formats: "/v1" + `upstream`, a bearer's token.
[[nodiscard]] WireTraits OpenAiTraits(std::string name, std::string upstream);
// A list of texts, or of lists of tokens, is so many prompts.
[[nodiscard]] std::int64_t PromptsIn(const Json& request, const char* key);
void ReportUsageInStream(Json& request);
// Whether a request of theirs has asked for that itself.
[[nodiscard]] bool AsksForUsage(const Json& request);
// The chunk that it brings: no choices, and the usage.
[[nodiscard]] bool IsUsageChunk(const Json& event);
// "/v1beta/models/MODEL:verb" of Gemini, in any version; nothing else.
struct GeminiPath {
  std::string model;
  std::string verb;
};
[[nodiscard]] std::optional<GeminiPath> ParseGeminiPath(std::string_view path);
// The types that OpenAI and Anthropic give an error of this status.
[[nodiscard]] std::string_view ErrorType(int status);
// Whether streamed Chat Completions data has a reason to finish.
[[nodiscard]] bool HasFinishReason(std::string_view data);

// A picture as an address that holds it: "data:image/png;base64,...".
[[nodiscard]] std::string DataUrl(const ChatPart& picture);
// An object that a JSON text holds; what is none becomes {"arguments": text}.
[[nodiscard]] Json ObjectFrom(const std::string& text);
// A JSON schema; {} where it cannot be read.
[[nodiscard]] Json SchemaFrom(const std::string& text);
// The same as providers take it that keep to it strictly: every object is closed, and all that it
// has is required.
[[nodiscard]] Json ClosedSchema(const std::string& text);
// The tool whose parameters are the schema of the answer; nullptr where one is not asked for so, or
// the server does not take `field`.
[[nodiscard]] const ToolSpec* AnswerShape(const ChatRequest& request, const EncodeOptions& options,
                                          const char* field);
// A text, or the text parts of a list; thoughts, pictures and the like are not the answer.
[[nodiscard]] std::string TextOf(const Json* content);
// Whether an answer or an event of it reports an error instead.
[[nodiscard]] std::optional<ModelFault> ReportedFault(const Json& part);
// The name of the first function in the list of tools `list`, which stands in its member `inner`,
// or in the tool itself where that is nullptr; "" without any.
[[nodiscard]] std::string FirstToolName(const Json& request, const char* list, const char* inner);
// A server-sent event; without a line of its type where that is empty.
[[nodiscard]] std::string EventText(std::string_view type, const Json& data);
// Takes the fields out that are not to be sent.
void Omit(Json& request, const std::set<std::string>& fields);

}  // namespace podium::agents
