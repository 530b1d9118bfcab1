#include "agents/react/context_window.h"

#include <algorithm>

#include "base/text.h"

namespace podium::agents {

ContextWindow::ContextWindow(ChatMessage system, ChatMessage task, std::size_t turns)
    : system_(std::move(system)), task_(std::move(task)), most_(std::max<std::size_t>(2, turns)) {}

void ContextWindow::Add(ChatMessage said, ChatMessage answered) {
  turns_.push_back({std::move(said), std::move(answered)});
}

std::vector<ChatMessage> ContextWindow::TakeOverflow() {
  std::vector<ChatMessage> out;
  if (turns_.size() <= most_) return out;
  for (std::size_t half = turns_.size() / 2; half > 0; --half) {
    out.push_back(std::move(turns_.front().said));
    out.push_back(std::move(turns_.front().answered));
    turns_.pop_front();
  }
  return out;
}

bool ContextWindow::DropHalf() {
  if (turns_.size() < 2) return false;
  turns_.erase(turns_.begin(), turns_.begin() + static_cast<std::ptrdiff_t>(turns_.size() / 2));
  return true;
}

std::vector<ChatMessage> ContextWindow::Messages() const {
  std::vector<ChatMessage> out = {system_, task_};
  if (!summary_.empty())
    out.back().content += "\n\nWhat you did before, in your own words:\n" + summary_;
  for (const Turn& turn : turns_) {
    out.push_back(turn.said);
    out.push_back(turn.answered);
  }
  return out;
}

std::string TextOf(const std::vector<ChatMessage>& messages, std::size_t bytes) {
  auto cut = [bytes](const std::string& text) { return HeadTail(text, bytes * 2 / 3, bytes / 3); };
  std::string out;
  for (const ChatMessage& m : messages) {
    out += "[" + m.role + "]\n";
    if (!m.content.empty()) out += cut(m.content) + "\n";
    for (const auto& call : m.calls)
      out += "calls " + call.name + ": " + cut(call.arguments) + "\n";
    for (const auto& result : m.results) out += "result: " + cut(result.text) + "\n";
  }
  return out;
}

}  // namespace podium::agents
