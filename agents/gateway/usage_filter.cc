#include "agents/gateway/usage_filter.h"

#include <algorithm>

#include "base/json.h"

namespace podium::agents {

bool UsageFilter::Hides(const StreamEvent& event) const {
  if (event.data.find("\"usage\"") == std::string::npos) return false;
  auto json = ParseJson(event.data, "an event");
  return json && format_.TellsUsageAlone(*json);
}

// The second half of a line's end goes where the first went.
void UsageFilter::TakeLineFeed(std::string& out) {
  (void)reader_.Add("\n");
  if (!held_.empty())
    held_ += '\n';
  else if (!hidden_)
    out += '\n';
}

void UsageFilter::EndLine(std::string_view line, std::string& out) {
  auto events = reader_.Add(line);
  held_ += line;
  bool blank = line.size() == 1 && at_line_start_;
  at_line_start_ = true;
  if (!blank) return;
  hidden_ = std::ranges::any_of(events, [this](const StreamEvent& e) { return Hides(e); });
  if (!hidden_) out += held_;
  held_.clear();
}

std::string UsageFilter::Add(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      TakeLineFeed(out);
      bytes.remove_prefix(1);
      continue;
    }
    std::size_t end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      (void)reader_.Add(bytes);
      held_ += bytes;
      at_line_start_ = false;
      return out;
    }
    after_cr_ = bytes[end] == '\r';
    EndLine(bytes.substr(0, end + 1), out);
    bytes.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace podium::agents
