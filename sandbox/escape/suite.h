#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sandbox/escape/cases.h"

namespace podium::sandbox::escape {

struct SuiteOptions {
  std::string backend;                        // as MakeBackend knows it
  std::vector<std::filesystem::path> layers;  // of the image the sandboxes run
  std::span<const Case> also;                 // cases of other folders, after the sandbox's own
  std::vector<std::string> only;              // ids; empty: all
  MitigationSet without;                      // left out, for the knock-out run
  bool allow_unenforced = false;              // as in SandboxSpec
  std::function<void(const Case&)> on_start;  // may be empty
};

struct CaseOutcome {
  const Case* of = nullptr;
  CaseResult result;
  Millis wall{0};
};

// Tries every case once, in order. After each one a bystander sandbox must still work and must have
// noticed nothing, and no detail may hold the canary; otherwise the case is broken. An error means
// that the suite itself could not go on.
[[nodiscard]] Task<Result<std::vector<CaseOutcome>>> RunSuite(Reactor& reactor,
                                                              SuiteOptions options);

// The sets of mitigations that the knock-out run leaves out: each alone.
[[nodiscard]] std::vector<MitigationSet> KnockOutSets();
[[nodiscard]] std::string NameOf(const MitigationSet& set);

// Cases that are expected to notice a set, so that a quick run tries these alone; empty: unknown.
[[nodiscard]] std::vector<std::string> ExpectedToNotice(const MitigationSet& set);

}  // namespace podium::sandbox::escape
