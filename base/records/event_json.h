#pragma once

// For base/records' .cc files alone: an event inside a line.

#include <string_view>

#include "base/json.h"
#include "base/records/event.h"

namespace podium::records {

[[nodiscard]] Result<Event> EventFrom(std::string_view name, const Json& body,
                                      std::string_view where);

}  // namespace podium::records
