#include "agents/models/wire/registry.h"

#include <algorithm>

// The built-in formats, in the order in which they are shown. Each is a function of its own file.
#define PODIUM_WIRE_FORMATS(FORMAT) \
  FORMAT(ChatFormat)                \
  FORMAT(ResponsesFormat)           \
  FORMAT(EmbeddingsFormat)          \
  FORMAT(CompletionsFormat)         \
  FORMAT(MessagesFormat)            \
  FORMAT(GeminiFormat)              \
  FORMAT(MessagesCountFormat)       \
  FORMAT(ResponsesCountFormat)      \
  FORMAT(GeminiCountFormat)         \
  FORMAT(GeminiEmbeddingsFormat)

namespace podium::agents {

#define PODIUM_DECLARE(function) const WireFormat& function();
PODIUM_WIRE_FORMATS(PODIUM_DECLARE)
#undef PODIUM_DECLARE

namespace {

std::vector<const WireFormat*>& All() {
#define PODIUM_ENTRY(function) &function(),
  static std::vector<const WireFormat*> all = {PODIUM_WIRE_FORMATS(PODIUM_ENTRY)};
#undef PODIUM_ENTRY
  return all;
}

}  // namespace

std::vector<const WireFormat*> WireFormats() { return All(); }

std::vector<std::string> WireFormatNames() {
  std::vector<std::string> out;
  for (const WireFormat* format : All()) out.push_back(format->name());
  return out;
}

const WireFormat* FindWireFormat(std::string_view name) {
  auto found = std::ranges::find_if(All(), [&](const auto* f) { return f->name() == name; });
  return found == All().end() ? nullptr : *found;
}

Status RegisterWireFormat(const WireFormat& format) {
  for (const WireFormat* known : All()) {
    if (known->name() == format.name() || known->traits().path == format.traits().path)
      return Fail(ErrorCode::kConfig, "wire format '" + format.name() + "' at " +
                                          format.traits().path + " is taken by '" + known->name() +
                                          "'");
  }
  All().push_back(&format);
  return {};
}

std::optional<Route> MatchRoute(std::string_view method, std::string_view path) {
  if (method != "POST") return std::nullopt;
  for (const WireFormat* format : All()) {
    if (auto route = format->Match(path)) return route;
  }
  return std::nullopt;
}

const WireFormat& ShapeOf(std::string_view path) {
  auto found = std::ranges::find_if(All(), [&](const auto* f) { return f->OwnsPath(path); });
  return found == All().end() ? *All().front() : **found;
}

}  // namespace podium::agents
