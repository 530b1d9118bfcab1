#include "base/json.h"

namespace podium {

namespace {

constexpr int kDeepest = 200;

// Counts brackets outside of strings: as deep as the text is JSON at all. Looked at before parsing,
// since a parser that asks back at every value takes half as long again.
bool TooDeep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
      continue;
    }
    quoted = c == '"';
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > kDeepest) return true;
  }
  return false;
}

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view name) {
  if (TooDeep(text))
    return Fail(ErrorCode::kIo, std::string(name) + ": JSON nested deeper than 200 levels");
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    return Fail(ErrorCode::kIo, std::string(name) + ": not valid JSON: " + e.what());
  }
}

std::string DumpJson(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string DumpJson(const OrderedJson& value, int indent) {
  return value.dump(indent, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace podium
