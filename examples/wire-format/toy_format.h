#pragma once

#include "agents/models/wire/wire_format.h"

namespace toy {

// The wire format of a provider that nobody has: {"ask": ["user: hi"], "most": 10} to /v1/toy is
// answered {"say": "hello", "why": "end", "count": {"in": 2, "out": 1}}.
[[nodiscard]] const podium::agents::WireFormat& ToyFormat();

}  // namespace toy
