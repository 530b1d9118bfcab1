#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/async/reactor.h"
#include "base/result.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox::escape {

// What a case found. `held`: the attempt came to nothing, as it must.
enum class Outcome { kHeld, kBroken, kSkipped };

struct CaseResult {
  Outcome outcome = Outcome::kHeld;
  std::string detail;  // what was seen, or why it was skipped
};

// What a case may use. A fresh sandbox is made for cases that spoil theirs; the others share one.
struct Context {
  Reactor& reactor;
  Backend& backend;
  std::string backend_name;
  SandboxSpec spec;               // of the sandboxes of this run: ids are made unique by MakeSpec
  std::filesystem::path scratch;  // a folder of the host for this suite
  std::string canary;             // random text planted in places of the host that must not be read
  Sandbox* shared = nullptr;      // the sandbox of cases that leave it as it was
  Sandbox* bystander = nullptr;   // another one, which must not notice anything

  // A spec with an id of its own.
  [[nodiscard]] SandboxSpec MakeSpec(std::string_view name) const;
};

struct Case {
  std::string_view id;        // "F04", as in docs/isolation.md
  std::string_view title;     // what is tried, in a few words
  std::string_view expects;   // "BLOCK", "LIMIT", "INVALID", "NOEFFECT"
  bool first_release = true;  // in the suite that must exist (79 of 138)
  std::function<Task<CaseResult>(Context&)> run;
};

// All cases that need a sandbox alone, in the order of their ids.
[[nodiscard]] std::span<const Case> Cases();

// Runs `podium-probe ARGS...` (escape/probe.cc) in the box and reads its verdict: exit code 0 held,
// 1 broken, 2 skipped, anything else is a broken probe and counts as broken. Its output is the
// detail. The probe is put at /home/agent/podium-probe first.
[[nodiscard]] Task<CaseResult> Probe(Sandbox& box, std::vector<std::string> args,
                                     Millis limit = Millis(10'000));

}  // namespace podium::sandbox::escape
