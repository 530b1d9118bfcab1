#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/records/grade_record.h"
#include "base/result.h"

namespace podium::records {

// How an agent's work ended (docs/reason-codes.md): "finished", "node_budget", "time_limit", ...
struct AgentEnd {
  std::string end = "finished";
  std::string detail;

  friend bool operator==(const AgentEnd&, const AgentEnd&) = default;
};

// What stood between an agent and its host.
struct Isolation {
  std::string backend;
  std::map<std::string, std::string> enforced;  // what, and by what
  std::vector<std::string> not_enforced;

  friend bool operator==(const Isolation&, const Isolation&) = default;
};

// How often an agent asked whether a file has the right shape, over all attempts.
struct Validations {
  std::int64_t valid = 0, invalid = 0, refused = 0;

  friend bool operator==(const Validations&, const Validations&) = default;
};

// What a trial's models were asked and cost, over all attempts.
struct ModelsSpent {
  std::int64_t requests = 0, input_tokens = 0, cached_tokens = 0, output_tokens = 0;
  std::string cost_usd;  // decimal; "": not known
  Millis wait{0};
  std::map<std::string, std::int64_t> injected = {};  // faults made on purpose, by kind

  friend bool operator==(const ModelsSpent&, const ModelsSpent&) = default;
};

// What a trial took of its host, and what it met there, in its last attempt.
struct Resources {
  Millis worked{0};     // in which it was worked on
  Millis cpu{0};        // of all cores together
  Millis throttled{0};  // in which it wanted more cores than it may have
  std::uint64_t memory_peak_bytes = 0, memory_limit_bytes = 0;  // of all its sandboxes
  std::uint64_t disk_bytes = 0;
  std::int64_t oom_kills = 0;
  Millis outage{0};  // in which it waited for providers that did not serve it, or for a turn
  // In which somewhere on the host a process waited for a core, for memory, for a disk (PSI,
  // "some"); none where the kernel does not tell.
  std::optional<Millis> cpu_pressure, memory_pressure, io_pressure;

  friend bool operator==(const Resources&, const Resources&) = default;
};

// A submission that was not handed in, graded after the end.
struct CandidateGrade {
  int node = 0;
  std::string verdict;  // GradeRecord::verdict
  std::optional<double> score;
  std::string medal = "none";

  friend bool operator==(const CandidateGrade&, const CandidateGrade&) = default;
};

// trials/<task>/<agent>/s<seed>/verdict.json: the grader's record and what the engine knows of how
// the agent ended.
struct TrialVerdict {
  GradeRecord grade;
  AgentEnd agent;
  std::string image;                   // digest, "" without a sandbox
  std::optional<Isolation> isolation;  // none without a sandbox
  Validations validations;
  std::optional<ModelsSpent> models;  // none where the agent asks none
  // Of selection top-k: the k best by validation, the best first. To take the best by test among
  // them is to look at the test; `grade` is the first one's, and no headline counts another.
  std::vector<CandidateGrade> top_k;
  // What the agent's work was told of labels that it does not have ("search.feedback: hidden").
  std::vector<std::string> reveals;
  // The matrix's cell that it belongs to: by what its agent differs from the run's others.
  std::map<std::string, std::string> cell = {};
  // In what the agent was run otherwise than its kind is ("program.reprompt: until-budget").
  std::vector<std::string> variants = {};
  // None of trials without a sandbox, and of older Podiums'.
  std::optional<Resources> resources = {};
  int attempts = 1;  // that it took, those that infrastructure failed among them
};

// The file's text, "podium-trial-verdict/1", indented for people. Its "outcome" is
// OutcomeOf(grade), which is not read back.
[[nodiscard]] std::string ToText(const TrialVerdict& verdict);
[[nodiscard]] Result<TrialVerdict> ParseTrialVerdict(std::string_view text, std::string_view where);

}  // namespace podium::records
