#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace podium::agents {

struct StreamEvent {
  std::string type;  // "" unless an `event:` line says it
  std::string data;  // its data lines, joined by newlines; never empty
};

// Server-sent events by the WHATWG standard, from pieces cut anywhere: lines end in LF, CRLF or CR,
// a byte order mark, comments and other fields are passed over, an event without data is none.
class EventStreamReader {
 public:
  // The events that are complete with this piece.
  [[nodiscard]] std::vector<StreamEvent> Add(std::string_view piece);
  // An event whose blank line never came: the standard drops it, servers that end with it exist.
  [[nodiscard]] std::vector<StreamEvent> End();

 private:
  void Line(std::vector<StreamEvent>& out);
  void Field(std::string_view name, std::string_view value);

  std::string line_;
  StreamEvent event_;
  std::size_t bytes_ = 0;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool first_line_ = true;
};

}  // namespace podium::agents
