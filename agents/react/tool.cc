#include "agents/react/tool.h"

#include "base/json.h"
#include "base/text.h"
#include "sandbox/sandbox.h"

namespace podium::agents {
namespace {

std::string Argument(const char* name, const char* type, const char* description) {
  Json json = {{"type", type}, {"description", description}};
  return DumpJson(Json(name)) + ":" + DumpJson(json);
}

}  // namespace

ToolOutcome Told(std::string text, bool failed) {
  ToolOutcome out;
  out.text = std::move(text);
  out.failed = failed;
  return out;
}

Result<ToolOutcome> ToldOr(const Error& error) {
  if (!sandbox::CausedByAgent(error)) return tl::unexpected(error);
  return Told(error.message);
}

std::string Observation(const std::string& text, std::size_t bytes) {
  return HeadTail(Printable(text), bytes * 3 / 5, bytes * 2 / 5);
}

ToolSpec Tool(std::string name, std::string description, const std::string& properties,
              const std::string& required) {
  return {std::move(name), std::move(description),
          R"({"type":"object","properties":{)" + properties + R"(},"required":[)" + required +
              R"(],"additionalProperties":false})"};
}

std::string TextArgument(const char* name, const char* description) {
  return Argument(name, "string", description);
}
std::string NumberArgument(const char* name, const char* description) {
  return Argument(name, "integer", description);
}
std::string BoolArgument(const char* name, const char* description) {
  return Argument(name, "boolean", description);
}

}  // namespace podium::agents
