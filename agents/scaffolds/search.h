#pragma once

#include <memory>

#include "agents/proposer.h"
#include "agents/scaffolds/policy.h"

namespace podium::agents {

// Asks the policy what to do next and the proposer for a program, runs it, judges it, and hands in
// the node that it chooses in the end. Every finished node is in the journal before the next
// begins, and its file is outside the sandbox.
[[nodiscard]] std::unique_ptr<Scaffold> MakeSearch(std::unique_ptr<Policy> policy,
                                                   std::unique_ptr<Proposer> proposer,
                                                   Selection selection = Selection::kBest);

}  // namespace podium::agents
