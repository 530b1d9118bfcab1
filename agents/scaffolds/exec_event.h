#pragma once

#include <string>

#include "agents/trial_context.h"

namespace podium::agents {

// AgentOutcome::end of a command that was the agent's whole work: "finished", "exit_2",
// "signal_9", "time_limit", ...
[[nodiscard]] std::string EndOf(const sandbox::ExecResult& result);

// The journal's event "exec".
[[nodiscard]] records::Exec ExecEvent(std::string command, const sandbox::ExecResult& result);

}  // namespace podium::agents
