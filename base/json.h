#pragma once

// For .cc files only: JSON is parsed at the edge into structs, and nlohmann::json stays out of
// public headers.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace podium {

using Json = nlohmann::json;                 // keys sorted: equal values have equal text
using OrderedJson = nlohmann::ordered_json;  // keys as inserted: for files people read

// `name` says what is parsed, for the message ("runs/x/run.json"). Depth is bounded at 200.
[[nodiscard]] Result<Json> ParseJson(std::string_view text, std::string_view name);

// Text that is always valid UTF-8 JSON: bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string DumpJson(const Json& value, int indent = -1);
[[nodiscard]] std::string DumpJson(const OrderedJson& value, int indent = -1);

// A typed member of an object, or an error that names it.
template <class T>
[[nodiscard]] Result<T> JsonGet(const Json& object, const char* key) {
  auto it = object.find(key);
  if (it == object.end())
    return Fail(ErrorCode::kIo, std::string("JSON member '") + key + "' is missing");
  try {
    return it->get<T>();
  } catch (const nlohmann::json::exception& e) {
    return Fail(ErrorCode::kIo, std::string("JSON member '") + key + "': " + e.what());
  }
}

// The member, or `fallback` when it is absent, null or of another type.
template <class T>
[[nodiscard]] T JsonOr(const Json& object, const char* key, T fallback) {
  if (!object.is_object()) return fallback;
  auto it = object.find(key);
  if (it == object.end() || it->is_null()) return fallback;
  try {
    return it->get<T>();
  } catch (const nlohmann::json::exception&) {
    return fallback;
  }
}

}  // namespace podium
