#include "agents/models/wire/event_stream.h"

#include <utility>

namespace podium::agents {
namespace {

constexpr std::size_t kLongestEvent = 16 << 20;  // what is longer loses its end

}  // namespace

void EventStreamReader::Field(std::string_view name, std::string_view value) {
  if (name == "event") event_.type = value;
  if (name != "data") return;
  if (has_data_) event_.data += '\n';
  has_data_ = true;
  event_.data += value;
}

void EventStreamReader::Line(std::vector<StreamEvent>& out) {
  std::string_view line = line_;
  if (std::exchange(first_line_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.empty()) {
    if (!event_.data.empty()) out.push_back(std::move(event_));
    event_ = {};
    has_data_ = false;
    bytes_ = 0;
  } else if (std::size_t colon = line.find(':'); colon != 0) {
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    Field(line.substr(0, colon), value);
  }
  line_.clear();
}

std::vector<StreamEvent> EventStreamReader::Add(std::string_view piece) {
  std::vector<StreamEvent> out;
  for (char c : piece) {
    bool second_half = c == '\n' && after_cr_;
    after_cr_ = c == '\r';
    if (second_half) continue;
    if (c == '\n' || c == '\r') {
      Line(out);
    } else if (bytes_ < kLongestEvent) {
      line_ += c;
      ++bytes_;
    }
  }
  return out;
}

std::vector<StreamEvent> EventStreamReader::End() {
  std::vector<StreamEvent> out;
  if (!line_.empty()) Line(out);
  Line(out);
  return out;
}

}  // namespace podium::agents
