#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/escape/cases.h"

// The cases by group, each in a file of its own (escape/*_cases.cc), and what they share.
namespace podium::sandbox::escape {

[[nodiscard]] std::vector<Case> FileCases();        // F: files and answers
[[nodiscard]] std::vector<Case> HandoverCases();    // S: submission hand-over
[[nodiscard]] std::vector<Case> NetworkCases();     // N: network
[[nodiscard]] std::vector<Case> ProcessCases();     // P: processes, resources, monitor
[[nodiscard]] std::vector<Case> SupervisorCases();  // P, continued
[[nodiscard]] std::vector<Case> KernelCases();      // K: kernel surface
[[nodiscard]] std::vector<Case> CovertCases();      // C: covert channels
[[nodiscard]] std::vector<Case> GpuCases();         // U: devices that are given

[[nodiscard]] CaseResult Held(std::string detail);
[[nodiscard]] CaseResult Broken(std::string detail);
[[nodiscard]] CaseResult Skipped(std::string detail);

// Both in one: broken when one is, held when one is and none is broken.
[[nodiscard]] CaseResult Both(const CaseResult& a, const CaseResult& b);

// `podium-probe ID BACKEND ARGS...` in the shared sandbox.
[[nodiscard]] Task<CaseResult> ProbeShared(Context& ctx, std::string id,
                                           std::vector<std::string> args = {});
// The same in a sandbox of one's own.
[[nodiscard]] Task<CaseResult> ProbeIn(Context& ctx, Sandbox& box, std::string id,
                                       std::vector<std::string> args = {});

// A case that is one probe without arguments in the shared sandbox.
[[nodiscard]] std::function<Task<CaseResult>(Context&)> JustProbe(std::string id);

// Runs `body` with a sandbox made of `spec` and destroys that. A sandbox that cannot be made or
// destroyed is broken.
using BoxBody = std::function<Task<CaseResult>(Sandbox&)>;
[[nodiscard]] Task<CaseResult> InOwnBox(Context& ctx, SandboxSpec spec, BoxBody body);

// Where the first data folder is shown inside; empty when there is none.
[[nodiscard]] std::string DataInside(const Context& ctx);
// "podium-" and random letters, for names that nobody else uses.
[[nodiscard]] std::string RandomName();
// Every set of layers becomes an image of the engine's store, and stays there.
[[nodiscard]] bool EngineKeepsImages(const Context& ctx);

}  // namespace podium::sandbox::escape
