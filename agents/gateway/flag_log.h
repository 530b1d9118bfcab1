#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agents/trial_context.h"
#include "base/result.h"

namespace podium::agents {

// Writes a gateway's events, and keeps the first failure to do so. An agent can cause flags at
// will, so of each code only the first twenty and then the 100th, 1,000th, ... are written, each
// with how many there were.
class FlagLog {
 public:
  explicit FlagLog(EventSink& events) : events_(events) {}

  void Flag(const std::string& code, const std::string& detail);
  void Write(std::string_view type, const std::string& body_json);
  void Failed(const Error& error);
  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] std::int64_t CountOf(const std::string& code) const;

 private:
  EventSink& events_;
  std::map<std::string, std::int64_t> counts_;
  Status status_;
};

}  // namespace podium::agents
