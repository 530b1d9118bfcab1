#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "agents/models/wire/wire_format.h"

namespace podium::agents {

// A server-sent-event stream or a plain JSON answer, put together by a format that converses. What
// reports an error is judged by its code; a stream without an end, an answer that holds none, and
// what is no JSON are kUnreadable.
[[nodiscard]] tl::expected<ChatReply, ModelFault> DecodeAnswer(const WireFormat& format,
                                                               std::string_view body);

}  // namespace podium::agents
