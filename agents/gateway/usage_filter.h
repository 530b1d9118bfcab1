#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "agents/models/wire/wire_format.h"

namespace podium::agents {

// Takes the events out of a stream that are there for their usage alone: the gateway asked for
// them, and a client that did not does not expect them (a chunk without choices).
class UsageFilter {
 public:
  explicit UsageFilter(const WireFormat& format) : format_(format) {}

  // What can be handed on of all that came so far: whole events.
  [[nodiscard]] std::string Add(std::string_view bytes);
  // What is left at the stream's end.
  [[nodiscard]] std::string End() { return std::exchange(held_, {}); }

 private:
  [[nodiscard]] bool Hides(std::string_view event) const;

  const WireFormat& format_;
  std::string held_;
};

}  // namespace podium::agents
