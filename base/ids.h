#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace podium {

// A string of its own type. Ids come from configuration, so they are checked once, where they
// enter: lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit, at most
// 100 bytes. No id can therefore be a path, an option or an escape sequence.
template <class Tag>
class Id {
 public:
  Id() = default;
  [[nodiscard]] static Result<Id> Parse(std::string_view text);

  [[nodiscard]] const std::string& str() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  explicit Id(std::string value) : value_(std::move(value)) {}
  std::string value_;
};

[[nodiscard]] bool IsIdText(std::string_view text);

template <class Tag>
Result<Id<Tag>> Id<Tag>::Parse(std::string_view text) {
  if (!IsIdText(text)) {
    return Fail(ErrorCode::kConfig, "'" + std::string(text.substr(0, 120)) +
                                        "' is not an id: use a-z, 0-9, '.', '_' and '-', " +
                                        "beginning with a letter or digit, at most 100 characters");
  }
  return Id(std::string(text));
}

using TaskId = Id<struct TaskIdTag>;
using AgentId = Id<struct AgentIdTag>;
using RunId = Id<struct RunIdTag>;

// One (task, agent, seed): "conway-reverse/portfolio-greedy/s0", also its folder under
// runs/<run>/trials.
struct TrialId {
  TaskId task;
  AgentId agent;
  int seed = 0;
  [[nodiscard]] std::string str() const {
    return task.str() + "/" + agent.str() + "/s" + std::to_string(seed);
  }
  friend auto operator<=>(const TrialId&, const TrialId&) = default;
};

}  // namespace podium
