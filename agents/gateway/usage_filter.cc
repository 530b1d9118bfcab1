#include "agents/gateway/usage_filter.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

// The end of the first event in a text, with the blank line after it; npos: none is whole.
std::size_t EventEnd(std::string_view text) {
  std::size_t best = std::string_view::npos;
  for (std::string_view blank : {"\n\n", "\r\n\r\n", "\r\r"}) {
    std::size_t at = text.find(blank);
    if (at != std::string_view::npos) best = std::min(best, at + blank.size());
  }
  return best;
}

}  // namespace

bool UsageFilter::Hides(std::string_view event) const {
  if (event.find("\"usage\"") == std::string_view::npos) return false;
  std::string data;
  for (auto line : Split(event, '\n')) {
    if (!line.starts_with("data:")) continue;
    data.append(Trim(line.substr(5)));
  }
  auto json = ParseJson(data, "an event");
  return json && format_.TellsUsageAlone(*json);
}

std::string UsageFilter::Add(std::string_view bytes) {
  held_ += bytes;
  std::string out;
  std::string_view rest = held_;
  for (std::size_t end = EventEnd(rest); end != std::string_view::npos; end = EventEnd(rest)) {
    std::string_view event = rest.substr(0, end);
    if (!Hides(event)) out += event;
    rest = rest.substr(end);
  }
  held_ = std::string(rest);
  return out;
}

}  // namespace podium::agents
