#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/records/hand_over.h"
#include "base/records/search_node.h"
#include "base/records/trial_verdict.h"
#include "base/result.h"

namespace podium::records {

// The events of a trial's journal. Each has a name, which its line carries ("attempt", "exec").

struct Attempt {  // "attempt": a process begins to work on the trial
  std::int64_t pid = 0;
  Millis wall{0};  // the trial's working time
  Millis used{0};  // of it, by earlier attempts
};
struct Begun {               // "begun": a node is worked on, where several are at the same time
  int step = 0;              // SearchNode::step
  std::vector<int> parents;  // SearchNode::parents
  std::string op;
  int seen = 0;  // how many nodes had ended when it was chosen
  int worker = 0;
};
struct Exec {  // "exec": a command of a scaffold without nodes has ended
  std::string command;
  std::string end;
  int exit_code = 0;
  int signal = 0;
  Millis wall{0};
  std::uint64_t output_bytes = 0;
  std::string output;  // head and tail
};
struct Snapshot {  // "snapshot": a valid submission of a program was kept
  std::string digest;
  std::uint64_t bytes = 0;
};
struct Validation {  // "validation": the agent asked whether a file has the right shape
  bool valid = false;
  std::string reason;
  std::uint64_t bytes = 0;
};
struct Outage {  // "outage": the trial waited for a provider that did not serve it
  Millis waited{0};
  std::string why;
};
struct Taken {  // "taken": what was kept of a folder of the agent's
  std::string folder;
  std::uint64_t files = 0, bytes = 0, left_out = 0;
  bool complete = true;
  std::vector<std::string> because;  // the first of what was left out, each with its reason
  std::string failed;                // why nothing could be taken, else ""
};
struct FellBack {  // "fell_back": a snapshot stands in for the final submission
  std::string to;
};
struct Service {  // "service": one that the backend does not hand out
  std::string service;
  std::string missing;
};
struct ModelCall {  // "model_call": a request of the agent to a model has ended
  std::string model, format;
  int status = 0;
  std::string end;
  std::int64_t input_tokens = 0, cached_tokens = 0, cache_write_tokens = 0, output_tokens = 0;
  std::int64_t reasoning_tokens = 0;  // part of output_tokens
  std::string cost_usd = "0";         // "": the model has no known price
  Millis held{0}, wait{0}, wall{0};
  bool replayed = false;
  std::string digest;  // the record's name
  std::string answer;  // digest of what the record holds as the answer, "" where it holds none
};
struct InjectedFault {      // "injected_fault": a request met a fault that was made on purpose
  std::int64_t number = 0;  // of the request
  int attempt = 0;          // at it
  std::string kind;         // "429", "cut_stream", ...
  std::string model;
};
struct GatewayFlag {  // "gateway_flag": something that a reader of the result must know
  std::string code, detail;
  std::int64_t count = 0;
};
struct Failed {  // "failed": infrastructure, never the agent's affair
  std::string code, message;
  std::optional<Millis> worked;
  // What the whole host lacks, or a key or model that a provider refuses: what people must mend
  // first. Then it uses up no attempt. Else "".
  std::string host = {};
};
struct Exhausted {  // "exhausted": infrastructure failed as often as it may (Outcome)
  std::int64_t failures = 0;
  std::string why;  // of the last
};
struct Retried {  // "retried": somebody asked for more attempts after that
  std::string why;
};
struct Paused {  // "paused": drained or stopped
  std::int64_t validations_refused = 0;
  std::optional<Millis> worked;
};
struct Sealed {  // "sealed": from here nothing the agent does can matter
  AgentEnd agent;
  std::optional<Millis> worked;
  Validations validations;
  HandOver hand_over;
  std::string file = "submission.csv";  // below the trial's submission/, where handed over
  std::optional<Isolation> isolation;
  std::optional<ModelsSpent> models;
  std::vector<int> candidates;       // nodes whose submissions are graded beside it (top-k)
  std::vector<std::string> reveals;  // TrialVerdict::reveals
  std::optional<Resources> resources = {};
};
struct Forked {  // "forked": the nodes up to here are another trial's
  std::string run, trial;
  std::int64_t step = 0;  // how many nodes
  std::string journal;    // digest of that trial's journal up to its seal
};
struct Rebuilt {               // "rebuilt": a forked trial's workspace is what its parent's was
  std::int64_t nodes = 0;      // nodes or steps that were run again for that
  std::vector<int> different;  // those of them that did not end as they had
  int restored = -1;  // the node or step whose layer was put back, the newest of several; -1: none
  std::string why;    // why no layer was, where some are kept
};
struct Layer {     // "layer": what a node or step left in /home is kept as a file of the trial's
  int step = 0;    // the node's id, or ToolUse::step
  int below = -1;  // the step on whose layer it stands; -1: on a fresh workspace
  std::string digest;  // of the file layers/<step>.tar.zst; "": it could not be kept
  std::uint64_t bytes = 0;
  std::string failed;  // why not
};
struct JobStarted {  // "job_started": a command goes on in the background
  int job = 0;       // from 1
  int step = 0;      // ToolUse::step
  std::string command;
  Millis most{0};  // after which it is stopped
};
struct JobEnded {  // "job_ended"
  int job = 0;
  std::string end;  // sandbox::ExecEndText, "stopped" by the model, "trial_over"
  int exit_code = -1;
  int signal = 0;
  Millis wall{0};
  std::uint64_t output_bytes = 0;
};
// An answer of a model in the trial's record.
struct AnswerRef {
  std::string record;  // its name: ModelCall::digest
  std::string answer;  // ModelCall::answer
  std::string format;
};
// How far a tool saw a job: the bytes of its output that the model had been shown by then, and
// whether it was said to run.
struct JobSeen {
  int job = 0;
  std::uint64_t bytes = 0;
  bool running = false;
};
struct ToolUse {  // "tool": a step of a model that works with tools
  int step = 0;
  std::string said;       // what it said beside it, shortened
  std::string tool;       // "": it called none
  std::string arguments;  // as it wrote them, shortened
  std::string end;        // sandbox::ExecEndText, "" where nothing ran
  int exit_code = 0;
  Millis left{0};  // of the trial's time, before it
  Millis wall{0};
  bool failed = false;      // as it was told
  std::string observation;  // what it was shown
  std::vector<JobSeen> jobs = {};
  AnswerRef from = {};     // the answer that asked for it
  AnswerRef summary = {};  // that stands for older turns since this one, if there is a new one
};
struct KnowledgeUse {  // "knowledge": the agent was told something of a corpus, or of the task's
                       // expert
  std::string by;      // "tool", "http", "context", "oracle"
  std::string query;   // shortened
  std::vector<std::string> passages;  // "notes/boosting.md#3"
};
struct AcpUpdate {   // "acp": what an agent that speaks the Agent Client Protocol says it does
  int round = 1;     // which prompt it works on
  std::string kind;  // "agent_message_chunk", "tool_call", ..., "permission", "stop"
  std::string text;  // shortened
};
struct Graded {  // "graded": verdict.json stands
  std::string verdict;
};

using Event = std::variant<Attempt, SearchNode, Exec, Snapshot, Validation, Outage, Taken, FellBack,
                           Service, ModelCall, GatewayFlag, Failed, Paused, Sealed, Graded, Begun,
                           Forked, Rebuilt, ToolUse, KnowledgeUse, AcpUpdate, Exhausted, Retried,
                           InjectedFault, JobStarted, JobEnded, Layer>;

[[nodiscard]] std::string_view EventName(const Event& event);

// The event's members as one JSON object, keys sorted.
[[nodiscard]] std::string BodyText(const Event& event);
// An error (kIo) where the name is none of those above or a member is missing.
[[nodiscard]] Result<Event> ParseEvent(std::string_view name, std::string_view body,
                                       std::string_view where);

}  // namespace podium::records
