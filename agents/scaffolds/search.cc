#include "agents/scaffolds/search.h"

#include <cmath>

#include "agents/operators/read_score.h"
#include "agents/scaffolds/step_times.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kOutputHead = 6000;
constexpr std::size_t kOutputTail = 6000;

class Search final : public Scaffold {
 public:
  Search(std::unique_ptr<Policy> policy, std::unique_ptr<Proposer> proposer, Selection selection)
      : policy_(std::move(policy)), proposer_(std::move(proposer)), selection_(selection) {}

  Task<Result<AgentOutcome>> Run(TrialContext& context) override {
    context_ = &context;
    times_.emplace(context, [this] { return proposer_->outage(); });
    nodes_ = context.nodes;
    auto preview = MakePreview(context.task.public_dir);
    if (!preview) co_return tl::unexpected(preview.error());
    preview_ = std::move(*preview);
    context.outage = [this] { return proposer_->outage(); };
    for (;;) {
      auto next =
          policy_->Next({nodes_, context.task.lower_is_better, context.seed, context.max_nodes});
      if (!next) co_return Outcome("node_budget");
      if (context.stop.draining()) co_return Paused();
      if (auto end = times_->Ended(nodes_.size())) co_return Outcome(*end);
      auto more = co_await Step(*next);
      if (!more) co_return tl::unexpected(more.error());
      if (!*more) co_return Outcome(times_->Ended(nodes_.size()).value_or(stopped_by_));
      if (nodes_.back().end == "init_gone" || nodes_.back().fault == "sandbox_spoilt")
        co_return Outcome(nodes_.back().fault);  // nothing runs in there any more
    }
  }

 private:
  // One node. False when the proposer has nothing left or no time is left to run anything.
  Task<Result<bool>> Step(NextStep next) {
    SearchNode node;
    node.id = static_cast<int>(nodes_.size());
    node.parents = std::move(next.parents);
    node.op = std::move(next.op);
    Phase("proposing", node);
    ProposalRequest request = MakeRequest(node);
    auto proposal = co_await proposer_->Propose(std::move(request), Until());
    if (!proposal) co_return tl::unexpected(proposal.error());
    if (proposal->exhausted) {
      stopped_by_ = proposal->end;
      co_return false;
    }
    if (times_->Ended(nodes_.size())) co_return false;
    node.source = proposal->source;
    node.plan = proposal->plan;
    node.code = proposal->code;
    node.tokens = proposal->tokens;
    node.fault = proposal->fault;
    node.detail = proposal->detail;
    if (node.fault.empty()) {
      auto ran = co_await RunNode(node);
      if (!ran) co_return tl::unexpected(ran.error());
    }
    auto recorded = co_await context_->events.Append(node);
    if (!recorded) co_return tl::unexpected(recorded.error());
    nodes_.push_back(node);
    context_->on_node(nodes_.back());
    co_return true;
  }

  [[nodiscard]] Deadline Until() const { return times_->Until(nodes_.size()); }

  ProposalRequest MakeRequest(const SearchNode& node) const {
    ProposalRequest request;
    request.op = node.op;
    request.node_id = node.id;
    request.parents = node.parents;
    request.nodes = &nodes_;
    request.task = &context_->task;
    request.preview = &preview_;
    request.seed = context_->seed;
    request.exec_limit = context_->exec_limit;
    request.nodes_left = context_->max_nodes - node.id;
    return request;
  }

  Task<Status> RunNode(SearchNode& node) {
    Phase("running", node);
    auto program = co_await PutProgram(node);
    if (!program) co_return AgentsOr(node, program.error());
    auto cleared = co_await Clear(node);
    if (!cleared) co_return AgentsOr(node, cleared.error());
    if (!node.fault.empty()) co_return Status{};
    sandbox::ExecSpec spec;
    spec.argv = {"python3", *program};
    spec.env = {{"PODIUM_SEED", std::to_string(context_->seed)},
                {"TIME_LIMIT_SECS", std::to_string(context_->exec_limit.count() / 1000)},
                {"PODIUM_OUT", context_->task.submission_path}};
    Deadline until = times_->RunUntil(nodes_.size());
    auto result = co_await context_->sandbox.Exec(std::move(spec), until);
    if (!result) co_return AgentsOr(node, result.error());
    node.end = std::string(sandbox::ExecEndText(result->end));
    node.exit_code = result->exit_code;
    node.exec_wall = times_->Ran(nodes_.size(), result->wall);
    node.output = HeadTail(Printable(result->output), kOutputHead, kOutputTail);
    auto judged = co_await Judge(node, *result);
    if (!judged) co_return judged;
    co_return co_await PutAway(node);
  }

  // What an earlier program did to the sandbox is the search's own affair; anything else is the
  // host's.
  static Status AgentsOr(SearchNode& node, const Error& error) {
    if (!sandbox::CausedByAgent(error)) return tl::unexpected(error);
    node.fault = "sandbox_spoilt";
    node.detail = error.message;
    return {};
  }

  // The program's place inside, where no earlier one can stand in its way.
  Task<Result<std::string>> PutProgram(const SearchNode& node) {
    std::string name = "node_" + std::to_string(node.id) + ".py";
    auto save = [file = context_->trial_dir / "code" / name, &node] {
      return WriteFileAtomic(file, node.code);
    };
    auto saved = co_await context_->reactor.Blocking(std::move(save));
    if (!saved) co_return tl::unexpected(saved.error());
    std::string program = sandbox::kGuardedFolder + name;
    Deadline control = Deadline::In(kStepTime);
    auto put = co_await context_->sandbox.PutFile(program, node.code, 0644, control);
    if (!put) co_return tl::unexpected(put.error());
    co_return program;
  }

  // A node must not be credited with the file an earlier one left.
  Task<Status> Clear(SearchNode& node) {
    sandbox::ExecSpec spec;
    spec.argv = {"/bin/sh", "-c",
                 "chmod u+rwx \"${1%/*}\"; rm -rf \"$1\"; [ ! -e \"$1\" ] && [ ! -L \"$1\" ]",
                 "clear", context_->task.submission_path};
    Deadline control = Deadline::In(kStepTime);
    auto result = co_await context_->sandbox.Exec(std::move(spec), control);
    if (!result) co_return tl::unexpected(result.error());
    if (result->end == sandbox::ExecEnd::kExited && result->exit_code == 0) co_return Status{};
    node.fault = "stale_submission";
    node.detail = "the file that an earlier program left could not be removed: " +
                  HeadTail(Printable(result->output), 200, 200);
    co_return Status{};
  }

  // Decides whether the node counts: it ended by itself, its file has the right shape, and it
  // printed a finite score.
  Task<Status> Judge(SearchNode& node, const sandbox::ExecResult& result) {
    if (result.end != sandbox::ExecEnd::kExited || result.exit_code != 0) {
      node.fault = result.end == sandbox::ExecEnd::kExited
                       ? "exit_" + std::to_string(result.exit_code)
                       : node.end;
      node.detail = FailureLine(node.output);
      co_return Status{};
    }
    fs::path kept = Kept(node.id);
    Deadline control = Deadline::In(kTransferTime);
    auto taken = co_await context_->sandbox.TakeFile(context_->task.submission_path, kept,
                                                     context_->submission_cap_bytes, control);
    if (!taken) co_return tl::unexpected(taken.error());
    if (taken->fault != sandbox::TakeFault::kNone) {
      node.fault = taken->fault == sandbox::TakeFault::kMissing
                       ? "no_submission"
                       : std::string(TakeFaultText(taken->fault));
      node.detail = taken->detail;
      co_return Status{};
    }
    node.submission_digest = taken->digest.hex();
    auto check = [this, kept] { return CheckFileShape(kept, context_->check_shape); };
    auto shape = co_await context_->reactor.Blocking(std::move(check), Pool::kTransfer);
    if (!shape) co_return tl::unexpected(shape.error());
    if (!shape->valid) {
      node.fault = shape->reason;
      node.detail = shape->message;
      co_return Status{};
    }
    co_return co_await FindScore(node, result.output);
  }

  // Only a file that may still be handed in is kept, and of those no more than the sandbox's disk
  // could hold.
  Task<Status> PutAway(const SearchNode& node) {
    auto job = [this, node] { return Prune(node); };
    co_return co_await context_->reactor.Blocking(std::move(job), Pool::kTransfer);
  }

  // Blocks.
  Status Prune(const SearchNode& newest) const {
    bool may_be_handed_in = newest.good() || newest.fault == "no_score";
    std::error_code ec;
    if (!may_be_handed_in) fs::remove(Kept(newest.id), ec);
    std::vector<SearchNode> all = nodes_;
    all.push_back(newest);
    int chosen = ChosenNode(all, context_->task.lower_is_better, selection_);
    std::uint64_t sum = chosen < 0 ? 0 : fs::file_size(Kept(chosen), ec);
    if (ec) sum = 0;
    for (int id = newest.id; id >= 0; --id) {
      auto bytes = fs::file_size(Kept(id), ec);
      if (ec || id == chosen) continue;
      if (sum + bytes <= context_->kept_cap_bytes) {
        sum += bytes;
      } else {
        fs::remove(Kept(id), ec);
      }
    }
    return {};
  }

  [[nodiscard]] fs::path Kept(int id) const {
    return context_->trial_dir / "snapshots" / ("node_" + std::to_string(id) + ".csv");
  }

  // `printed` is all that is at hand of the output; the node keeps its head and tail.
  Task<Status> FindScore(SearchNode& node, const std::string& printed) {
    node.score = ScoreFromOutput(printed);
    if (!node.score) {
      auto reading = co_await proposer_->ReadScore(node, context_->task, Until());
      if (!reading) co_return tl::unexpected(reading.error());
      node.score = reading->score;
      node.tokens.prompt += reading->tokens.prompt;
      node.tokens.completion += reading->tokens.completion;
      node.tokens.calls += reading->tokens.calls;
      node.tokens.wait += reading->tokens.wait;
    }
    if (!node.score || !std::isfinite(*node.score)) {
      node.score.reset();
      node.fault = "no_score";
      node.detail = "the program printed no finite validation score";
    }
    co_return Status{};
  }

  void Phase(std::string_view what, const SearchNode& node) const {
    std::string text =
        std::string(what) + " node " + std::to_string(node.id) + " (" + node.op + ")";
    context_->on_phase(text);
  }

  static AgentOutcome Paused() {
    AgentOutcome outcome;
    outcome.end = "paused";
    return outcome;
  }

  AgentOutcome Outcome(std::string end) const {
    AgentOutcome outcome;
    outcome.end = std::move(end);
    int chosen = ChosenNode(nodes_, context_->task.lower_is_better, selection_);
    if (chosen < 0) {
      outcome.detail = "no node left a submission of the right shape";
      return outcome;
    }
    const SearchNode& node = nodes_[static_cast<std::size_t>(chosen)];
    outcome.submission = Kept(node.id);
    outcome.submission_digest = node.submission_digest;
    outcome.detail = "node " + std::to_string(node.id) +
                     (node.score ? ", validation score " + FormatScore(*node.score) : "");
    return outcome;
  }

  std::unique_ptr<Policy> policy_;
  std::unique_ptr<Proposer> proposer_;
  Selection selection_;
  TrialContext* context_ = nullptr;
  std::optional<StepTimes> times_;  // once it runs
  std::vector<SearchNode> nodes_;
  DataPreview preview_;
  std::string stopped_by_ = "finished";  // where the proposer had nothing left
};

}  // namespace

std::unique_ptr<Scaffold> MakeSearch(std::unique_ptr<Policy> policy,
                                     std::unique_ptr<Proposer> proposer, Selection selection) {
  return std::make_unique<Search>(std::move(policy), std::move(proposer), selection);
}

}  // namespace podium::agents
