#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agents/models/wire/wire_format.h"
#include "base/http/key_scrubber.h"

namespace podium::agents {

// Finds secrets that a provider quotes back in pieces over the events of a stream, where no piece
// holds one whole: they become "[key]" in the events. What is not touched goes on byte by byte as
// it came. The beginning of a secret, up to seven characters, may have gone before it is known.
class PieceScrubber {
 public:
  PieceScrubber(const WireFormat& format, const std::vector<std::string>& secrets)
      : format_(format), secrets_(secrets), any_(!secrets.empty()) {}

  // What of the stream so far can be handed on: whole events.
  [[nodiscard]] std::string Add(std::string_view piece);
  // What waited.
  [[nodiscard]] std::string End();
  [[nodiscard]] bool found() const { return found_; }

 private:
  // One text whose pieces come in events.
  struct Channel {
    std::string passed;      // the end of what was handed on, as it came
    std::string held;        // behind it: a secret may have begun in it
    std::string last_event;  // in which its last piece came
  };
  [[nodiscard]] std::string Block(std::string_view raw);
  [[nodiscard]] std::string Through(Channel& channel, const std::string& piece, bool last);
  [[nodiscard]] std::string Release();

  const WireFormat& format_;
  KeyScrubber secrets_;
  bool any_;
  bool found_ = false;
  std::string waiting_;  // bytes of an event whose end has not come
  std::map<std::string, Channel> channels_;
};

}  // namespace podium::agents
