#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace podium::agents {

enum class Operator { kDraft, kDebug, kImprove };
std::string_view OperatorText(Operator op);

struct TokenUsage {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
  int calls = 0;
  Millis wait{0};  // waiting for the model, retries included
};

// One candidate solution of a trial's search: what was proposed, what happened when it ran, and why
// it does not count if it does not. A plain value; its JSON is the body of the journal's "node"
// event.
struct SearchNode {
  int id = 0;
  int parent = -1;  // -1: a draft
  Operator op = Operator::kDraft;
  std::string source;  // template and variant, or the model's name
  std::string plan;
  std::string code;
  std::string end;  // sandbox::ExecEndText, "" when nothing ran
  int exit_code = -1;
  std::string output;  // head and tail of what the program printed
  Millis exec_wall{0};
  TokenUsage tokens;
  std::optional<double> score;    // validation score as the program printed it
  std::string submission_digest;  // of the file this node left, "" if none was taken
  std::string fault;   // why the node does not count: "exit_1", "time_limit", "no_score", ...; "" =
                       // it counts
  std::string detail;  // the same for a person

  [[nodiscard]] bool good() const { return fault.empty(); }
};

[[nodiscard]] std::string NodeToJson(const SearchNode& node);
[[nodiscard]] Result<SearchNode> NodeFromJson(std::string_view json);

}  // namespace podium::agents
