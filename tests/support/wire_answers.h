#pragma once

#include <cstdint>
#include <string>

namespace podium::tests {

// What a scripted model says.
struct Said {
  std::string text;
  std::string tool;          // it calls this, after its text
  std::string arguments;     // JSON
  std::string stop = "end";  // or "length", "refusal"
  bool usage = true;         // it tells what it used
  std::int64_t input = 100, output = 25;
};

// It as an answer of "chat", "responses", "messages" or "gemini", as their providers write it: a
// stream of server-sent events, or one JSON value.
std::string StreamOf(const std::string& format, const Said& said);
std::string WholeOf(const std::string& format, const Said& said);

// An error as the format's provider writes it; `code` is its word for it.
std::string ErrorOf(const std::string& format, int status, const std::string& code);
// The same as an event of a stream that has begun well.
std::string ErrorEventOf(const std::string& format, int status, const std::string& code);

}  // namespace podium::tests
