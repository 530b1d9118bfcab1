#pragma once

#include <string>
#include <vector>

#include "agents/models/wire/conversation.h"
#include "agents/proposers/llm/llm_proposer.h"

namespace podium::agents {

// The prompt of an operator. A pure function of its arguments, free of clock readings, so that an
// interrupted step asks exactly the same again.
[[nodiscard]] std::vector<ChatMessage> OperatorPrompt(const ProposalRequest& request,
                                                      const LlmSettings& settings);

// The prompt and tool of the review: which validation score did this output report?
[[nodiscard]] std::vector<ChatMessage> ReviewPrompt(const SearchNode& node, const TaskBrief& task,
                                                    const LlmSettings& settings);
[[nodiscard]] ToolSpec ReviewTool();

// The same of the search for leaks.
[[nodiscard]] std::vector<ChatMessage> LeakPrompt(const SearchNode& node, const TaskBrief& task,
                                                  const LlmSettings& settings);
[[nodiscard]] ToolSpec LeakTool();

}  // namespace podium::agents
