#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agents/programs/acp_protocol.h"
#include "agents/trial_context.h"
#include "base/async/reactor.h"
#include "base/unique_fd.h"

namespace podium::agents {

// Where in the sandbox the wrapper connects to.
inline constexpr std::uint16_t kAcpPort = 8010;

// The command that runs start.sh with a connection to kAcpPort as its standard input and output.
// A second connection, once it ends, ends the agent.
[[nodiscard]] std::vector<std::string> AcpCommand(const std::vector<std::string>& arguments);

struct AcpTalk {
  AcpPermission permission = AcpPermission::kAllow;
  std::string instructions;  // the first prompt
  std::string again;         // the later ones; "": there are none
  int most_rounds = 1;
  std::function<bool()> time_is_left;  // asked before each later one
  std::vector<std::string> secrets;    // taken out of what is recorded
  Millis grace{0};                     // an agent that is told of its end has so long
};

struct AcpEnd {
  bool done = false;   // every prompt was answered
  std::string detail;  // why not
};

// Speaks to the agent that connects at `listener`: a session, the prompts, then the end of its
// input and, after the grace, of the agent. Writes to `end` what came of it and then waits until it
// is cancelled: the command's end is the trial's. An error is the host's alone.
[[nodiscard]] Task<Status> Converse(TrialContext& context, UniqueFd listener, AcpTalk talk,
                                    AcpEnd& end);

}  // namespace podium::agents
