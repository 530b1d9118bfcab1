#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/models/wire/wire_format.h"
#include "base/result.h"

namespace podium::agents {

// The wire formats that there are, the built-in ones first.
[[nodiscard]] std::vector<const WireFormat*> WireFormats();
[[nodiscard]] std::vector<std::string> WireFormatNames();
// nullptr: there is none of that name.
[[nodiscard]] const WireFormat* FindWireFormat(std::string_view name);

// One more, for as long as the process lives. Before the first catalogue is read and on one thread;
// an error where its name or path is taken.
[[nodiscard]] Status RegisterWireFormat(const WireFormat& format);

// Nothing where no format is asked for in this way.
[[nodiscard]] std::optional<Route> MatchRoute(std::string_view method, std::string_view path);
// Whose shape an error takes that is answered to this path.
[[nodiscard]] const WireFormat& ShapeOf(std::string_view path);

}  // namespace podium::agents
