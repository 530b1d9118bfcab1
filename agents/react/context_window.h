#pragma once

#include <deque>
#include <string>
#include <vector>

#include "agents/models/wire/conversation.h"

namespace podium::agents {

// What a model is shown of a long conversation: what it was told first, a summary of what is no
// longer shown, and the last turns as they were. A turn is what the model said and what it was
// answered; both stay or go together, since providers refuse a call without its result.
class ContextWindow {
 public:
  // turns: how many are shown at most, at least 2.
  ContextWindow(ChatMessage system, ChatMessage task, std::size_t turns);

  void Add(ChatMessage said, ChatMessage answered);

  // The older half, taken out to be summarised, where there are too many; else nothing.
  [[nodiscard]] std::vector<ChatMessage> TakeOverflow();
  // The older half in any case, for a prompt that a model could not hold; false where one is left.
  [[nodiscard]] bool DropHalf();
  void SetSummary(std::string summary) { summary_ = std::move(summary); }
  [[nodiscard]] const std::string& summary() const { return summary_; }

  [[nodiscard]] std::vector<ChatMessage> Messages() const;

 private:
  struct Turn {
    ChatMessage said, answered;
  };
  ChatMessage system_, task_;
  std::size_t most_;
  std::deque<Turn> turns_;
  std::string summary_;
};

// Turns as text, each part cut to `bytes`: what a summary is made from.
[[nodiscard]] std::string TextOf(const std::vector<ChatMessage>& messages, std::size_t bytes);

}  // namespace podium::agents
