#pragma once

#include <string>

#include "agents/proposer.h"

namespace podium::agents {

// What of earlier nodes stands in a prompt.
enum class Memory {
  kNone,
  kSimple,           // nodes that count: plan and score
  kPlansOnly,        // their plans alone
  kIncludeFailures,  // failed ones too, with why
  kSibling,          // nodes of the same parents, failed ones too
  kAncestral         // the node's ancestors; of a failed one back to the last that counted
};

// What of a program's end a prompt tells.
enum class Feedback {
  kNone,      // nothing
  kValidity,  // whether it counts, and why not
  kOwn        // also its own validation score
};

// Why a node failed. What a look at its file's shape said is told where `tells_shape`; else, that
// its submission does not count. `most`: bytes of the details.
[[nodiscard]] std::string FaultText(const SearchNode& node, bool tells_shape,
                                    std::size_t most = std::string::npos);

// One line a node, the newest max_bytes of them; "" where nothing is remembered. A debug step has
// none but the scoped memories (sibling, ancestral), as AIDE's and AIRA's.
[[nodiscard]] std::string MemoryText(const ProposalRequest& request, Memory memory,
                                     Feedback feedback, bool tells_shape, std::size_t max_bytes);

// AIRA's prompt-adaptive complexity: asks for something simple while the parent has less than two
// children (a draft: while there are less than two drafts), something ordinary below four, then for
// something elaborate.
[[nodiscard]] std::string ComplexityCue(const ProposalRequest& request);

}  // namespace podium::agents
