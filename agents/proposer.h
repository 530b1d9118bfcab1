#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agents/operators/operator.h"
#include "agents/operators/preview.h"
#include "agents/trial_context.h"

namespace podium::agents {

struct ProposalRequest {
  std::string op{kDraft};                          // an operator's name
  int node_id = 0;                                 // SearchNode::step
  std::vector<int> parents;                        // indices into nodes
  const std::vector<SearchNode>* nodes = nullptr;  // that have ended
  // Begun by others and not ended: operators, parents, and sources where they have programs.
  std::span<const SearchNode> in_work = {};
  const TaskBrief* task = nullptr;
  const DataPreview* preview = nullptr;
  std::string_view knowledge = {};  // for the prompt; "" without
  std::uint64_t seed = 0;
  Millis exec_limit{0};
  int nodes_left = 0;

  // The first parent; there is one.
  [[nodiscard]] const SearchNode& parent() const {
    return (*nodes)[static_cast<std::size_t>(parents.front())];
  }
};

struct Proposal {
  std::string source;
  std::string plan;
  std::string code;   // one self-contained Python program; empty: see fault
  std::string fault;  // "no_code", "context_overflow", "content_refused": the step failed, and that
                      // is the agent's affair
  std::string detail;
  bool exhausted = false;        // nothing is left to try: the search ends
  std::string end = "finished";  // of the search, where it ends so
  TokenUsage tokens;
};

struct ScoreReading {
  std::optional<double> score;
  TokenUsage tokens;
};

struct LeakReading {
  std::string leak;  // what the program knows that it cannot; "": nothing was found
  TokenUsage tokens;
};

// Turns an operator into code. One a trial, on the event loop's thread; a search with several
// workers asks while other answers are still to come.
class Proposer {
 public:
  virtual ~Proposer() = default;
  // An error is an infrastructure failure (no server, no template folder); a useless answer is a
  // fault in the value.
  [[nodiscard]] virtual Task<Result<Proposal>> Propose(ProposalRequest request,
                                                       Deadline deadline) = 0;
  // Asked only when the program printed no line that says its score: what did it score, if
  // anything?
  [[nodiscard]] virtual Task<Result<ScoreReading>> ReadScore(const SearchNode& node,
                                                             const TaskBrief& task,
                                                             Deadline deadline);
  // Asked of each program that counts: does it use answers that it cannot have? By default nobody
  // looks.
  [[nodiscard]] virtual Task<Result<LeakReading>> FindLeak(const SearchNode& node,
                                                           const TaskBrief& task,
                                                           Deadline deadline);
  // How long its provider has not served it so far: no working time, so deadlines move by it.
  [[nodiscard]] virtual Millis outage() const { return Millis(0); }
};

}  // namespace podium::agents
