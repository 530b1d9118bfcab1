#include "agents/scaffolds/exec_event.h"

#include "base/text.h"

namespace podium::agents {

std::string EndOf(const sandbox::ExecResult& r) {
  if (r.end == sandbox::ExecEnd::kExited)
    return r.exit_code == 0 ? "finished" : "exit_" + std::to_string(r.exit_code);
  if (r.end == sandbox::ExecEnd::kSignalled) return "signal_" + std::to_string(r.signal);
  return std::string(sandbox::ExecEndText(r.end));
}

records::Exec ExecEvent(std::string command, const sandbox::ExecResult& r) {
  return {.command = std::move(command),
          .end = std::string(sandbox::ExecEndText(r.end)),
          .exit_code = r.exit_code,
          .signal = r.signal,
          .wall = r.wall,
          .output_bytes = r.output_bytes,
          .output = HeadTail(Printable(r.output), 8000, 8000)};
}

}  // namespace podium::agents
