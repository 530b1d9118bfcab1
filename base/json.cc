#include "base/json.h"

namespace podium {

Result<Json> ParseJson(std::string_view text, std::string_view name) {
  bool too_deep = false;
  auto guard = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > 200;
    return !too_deep;
  };
  try {
    Json value = Json::parse(text, guard);
    if (too_deep)
      return Fail(ErrorCode::kIo, std::string(name) + ": JSON nested deeper than 200 levels");
    return value;
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
