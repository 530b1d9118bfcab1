#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agents/trial_context.h"
#include "base/unique_fd.h"
#include "sandbox/escape/cases.h"

// Attempts on what a trial's container can talk to: the rest of `podium sandbox test`.
namespace podium::agents {

[[nodiscard]] std::span<const sandbox::escape::Case> ServiceCases();

[[nodiscard]] std::vector<sandbox::escape::Case> GatewayCases();    // N06, N09 to N16
[[nodiscard]] std::vector<sandbox::escape::Case> ValidatorCases();  // V: oracle and leakage

[[nodiscard]] std::vector<sandbox::escape::Case> SearchCases();  // T: the host's own scaffolds

// The events of a case's service, in memory.
class KeptEvents final : public EventSink {
 public:
  Status Record(records::Event event) override {
    all.push_back(std::move(event));
    return {};
  }
  std::vector<records::Event> all;
};

// Runs a Python program in the box, as the agent, while `serve` answers at localhost:`port` in
// there. Skipped where the backend hands no port out or the image has no python3; otherwise what
// `judge` makes of the program's output and exit code.
struct Attack {
  std::uint16_t port = 0;
  std::string program;
  Millis limit{20'000};
  std::function<Task<void>(UniqueFd listener)> serve;
  std::function<sandbox::escape::CaseResult(const sandbox::ExecResult&)> judge;
};
[[nodiscard]] Task<sandbox::escape::CaseResult> Launch(sandbox::Sandbox& box, Attack attack);

}  // namespace podium::agents
