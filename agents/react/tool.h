#pragma once

#include <string>
#include <vector>

#include "agents/models/wire/conversation.h"
#include "base/clock.h"
#include "base/records/event.h"
#include "base/result.h"

namespace podium::agents {

// What a tool did.
struct ToolOutcome {
  std::string text;     // what the model is shown
  bool failed = false;  // as the model is told
  std::string end;      // sandbox::ExecEndText, "" where nothing ran
  int exit_code = 0;
  Millis wall{0};
  bool submitted = false;                   // the model has done
  bool lost = false;                        // nothing runs in the sandbox any more
  std::vector<records::JobSeen> jobs = {};  // that it looked at
};

// Something that is only said.
[[nodiscard]] ToolOutcome Told(std::string text, bool failed = true);
// What an agent's doing keeps from working is told to the model; the rest is the host's.
[[nodiscard]] Result<ToolOutcome> ToldOr(const Error& error);

// A text in as many bytes as a model is shown of one, its head and its tail.
[[nodiscard]] std::string Observation(const std::string& text, std::size_t bytes);

// A tool whose arguments are an object of these properties (JSON, without its braces); `required`
// are names in quotes.
[[nodiscard]] ToolSpec Tool(std::string name, std::string description,
                            const std::string& properties, const std::string& required);
// Properties: `"name": {...}`.
[[nodiscard]] std::string TextArgument(const char* name, const char* description);
[[nodiscard]] std::string NumberArgument(const char* name, const char* description);
[[nodiscard]] std::string BoolArgument(const char* name, const char* description);

}  // namespace podium::agents
