#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/usd.h"
#include "agents/models/wire/wire_format.h"

namespace podium::agents {

// Reads what a call used from its answer, piece by piece. Numbers may be texts; a count that cannot
// be read is missing, never nothing.
class UsageReader {
 public:
  // `events`: the answer is a stream of server-sent events, not one JSON value.
  UsageReader(const WireFormat& format, bool events) : format_(&format), events_(events) {}
  void Add(std::string_view piece);
  // After the last piece: nothing where the answer did not say all of it.
  [[nodiscard]] std::optional<TokenCount> End();
  // Whether an event reported an error after all.
  [[nodiscard]] bool failed() const { return failed_; }
  // Whether a stream came to its end: what its format ends with was seen.
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  void Take(const std::vector<StreamEvent>& events);
  void Value(std::string_view json);

  const WireFormat* format_;
  bool events_;
  bool failed_ = false;
  bool ended_ = false;
  EventStreamReader stream_;
  std::string rest_;  // of an answer that is no stream
  UsageSeen seen_;
};

}  // namespace podium::agents
