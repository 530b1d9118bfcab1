#include "agents/scaffolds/workbench.h"

#include <cmath>

#include "agents/operators/read_score.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kOutputHead = 6000;
constexpr std::size_t kOutputTail = 6000;

void Add(TokenUsage& total, const TokenUsage& more) {
  total.prompt += more.prompt;
  total.completion += more.completion;
  total.calls += more.calls;
  total.wait += more.wait;
}

}  // namespace

Status AgentsOr(SearchNode& node, const Error& error) {
  if (!sandbox::CausedByAgent(error)) return tl::unexpected(error);
  node.fault = "sandbox_spoilt";
  node.detail = error.message;
  return {};
}

bool IsSandboxLost(const SearchNode& node) {
  return node.end == "init_gone" || node.fault == "sandbox_spoilt";
}

Task<Status> Workbench::Run(SearchNode& node) {
  auto result = co_await Execute(node, times_.RunUntil(node.step));
  if (!result) co_return AgentsOr(node, result.error());
  if (!node.fault.empty()) co_return Status{};
  PODIUM_CO_TRY(co_await Judge(node, *result));
  PODIUM_CO_TRY(co_await CheckLeak(node));
  co_return co_await FindPlace(node);
}

Task<Status> Workbench::FindPlace(SearchNode& node) {
  if (!node.good() || !context_.place) co_return Status{};
  auto place = co_await context_.place(files_.Submission(node.step));
  if (!place) co_return tl::unexpected(place.error());
  node.place = std::move(*place);
  co_return Status{};
}

// A program that knows what it cannot know does not count.
Task<Status> Workbench::CheckLeak(SearchNode& node) {
  if (!node.good()) co_return Status{};
  auto reading = co_await proposer_.FindLeak(node, context_.task, times_.Until(node.step));
  if (!reading) co_return tl::unexpected(reading.error());
  Add(node.tokens, reading->tokens);
  if (reading->leak.empty()) co_return Status{};
  node.fault = "leak";
  node.detail = std::move(reading->leak);
  co_return Status{};
}

// A program that was cut is cut at the same time; another may take longer than it did.
Task<Status> Workbench::RunAgain(SearchNode& node) {
  bool cut = node.end == sandbox::ExecEndText(sandbox::ExecEnd::kTimeLimit);
  Deadline until = Deadline::In(cut ? node.exec_wall : kSlowerMachine * context_.exec_limit);
  auto result = co_await Execute(node, until);
  auto forget = [file = files_.Program(node.step)]() -> Status {
    std::error_code ec;
    fs::remove(file, ec);  // the node's own lies there already
    return {};
  };
  PODIUM_CO_TRY(co_await context_.reactor.Blocking(std::move(forget)));
  if (!result) co_return AgentsOr(node, result.error());
  co_return Status{};
}

// Without a result in it where the node has a fault before anything ran.
Task<Result<sandbox::ExecResult>> Workbench::Execute(SearchNode& node, Deadline until) {
  auto program = co_await PutProgram(node);
  if (!program) co_return tl::unexpected(program.error());
  PODIUM_CO_TRY(co_await Clear(node));
  if (!node.fault.empty()) co_return sandbox::ExecResult{};
  sandbox::ExecSpec spec;
  spec.argv = {"python3", *program};
  spec.env = {{"PODIUM_SEED", std::to_string(context_.seed)},
              {"TIME_LIMIT_SECS", std::to_string(context_.exec_limit.count() / 1000)},
              {"PODIUM_OUT", context_.task.submission_path}};
  auto result = co_await box_.Exec(std::move(spec), until);
  if (!result) co_return tl::unexpected(result.error());
  node.end = std::string(sandbox::ExecEndText(result->end));
  node.exit_code = result->exit_code;
  node.exec_wall = times_.Ran(node.step, result->wall);
  node.output = HeadTail(Printable(result->output), kOutputHead, kOutputTail);
  co_return std::move(*result);
}

// The program's place inside, where no earlier one can stand in its way.
Task<Result<std::string>> Workbench::PutProgram(const SearchNode& node) {
  auto save = [file = files_.Program(node.step), &node] {
    return WriteFileAtomic(file, node.code);
  };
  auto saved = co_await context_.reactor.Blocking(std::move(save));
  if (!saved) co_return tl::unexpected(saved.error());
  std::string program = sandbox::kGuardedFolder + ("node_" + std::to_string(node.step) + ".py");
  Deadline control = Deadline::In(kStepTime);
  auto put = co_await box_.PutFile(program, node.code, 0644, control);
  if (!put) co_return tl::unexpected(put.error());
  co_return program;
}

// A node must not be credited with the file an earlier one left.
Task<Status> Workbench::Clear(SearchNode& node) {
  sandbox::ExecSpec spec;
  spec.argv = {"/bin/sh", "-c",
               "chmod u+rwx \"${1%/*}\"; rm -rf \"$1\"; [ ! -e \"$1\" ] && [ ! -L \"$1\" ]",
               "clear", context_.task.submission_path};
  Deadline control = Deadline::In(kStepTime);
  auto result = co_await box_.Exec(std::move(spec), control);
  if (!result) co_return tl::unexpected(result.error());
  if (result->end == sandbox::ExecEnd::kExited && result->exit_code == 0) co_return Status{};
  node.fault = "stale_submission";
  node.detail = "the file that an earlier program left could not be removed: " +
                HeadTail(Printable(result->output), 200, 200);
  co_return Status{};
}

// Decides whether the node counts: it ended by itself, its file has the right shape, and it
// printed a finite score.
Task<Status> Workbench::Judge(SearchNode& node, const sandbox::ExecResult& result) {
  if (result.end != sandbox::ExecEnd::kExited || result.exit_code != 0) {
    node.fault = result.end == sandbox::ExecEnd::kExited
                     ? "exit_" + std::to_string(result.exit_code)
                     : node.end;
    node.detail = FailureLine(node.output);
    co_return Status{};
  }
  fs::path kept = files_.Submission(node.step);
  Deadline control = Deadline::In(kTransferTime);
  auto taken = co_await box_.TakeFile(context_.task.submission_path, kept,
                                      context_.submission_cap_bytes, control);
  if (!taken) co_return tl::unexpected(taken.error());
  if (taken->fault != sandbox::TakeFault::kNone) {
    node.fault = taken->fault == sandbox::TakeFault::kMissing
                     ? "no_submission"
                     : std::string(TakeFaultText(taken->fault));
    node.detail = taken->detail;
    co_return Status{};
  }
  node.submission_digest = taken->digest.hex();
  PODIUM_CO_TRY(co_await CheckShape(node));
  if (!node.fault.empty()) co_return Status{};
  if (context_.hidden) PODIUM_CO_TRY(co_await GradeHidden(node, result.output));
  if (!node.fault.empty() || node.score) co_return Status{};
  co_return co_await FindScore(node, result.output);
}

Task<Status> Workbench::CheckShape(SearchNode& node) {
  auto check = [this, file = files_.Submission(node.step)] {
    return CheckFileShape(file, context_.check_shape);
  };
  auto shape = co_await context_.reactor.Blocking(std::move(check), Pool::kTransfer);
  if (!shape) co_return tl::unexpected(shape.error());
  if (shape->valid) co_return Status{};
  node.fault = shape->reason;
  node.detail = shape->message;
  co_return Status{};
}

// The file keeps its test rows alone. Where the search goes by the hidden ones, what the program
// printed is kept for a reader.
Task<Status> Workbench::GradeHidden(SearchNode& node, const std::string& printed) {
  auto scores = co_await context_.hidden(files_.Submission(node.step));
  if (!scores) co_return tl::unexpected(scores.error());
  node.fault = std::move(scores->fault);
  node.detail = std::move(scores->detail);
  if (!node.fault.empty()) co_return Status{};
  node.submission_digest = scores->submission.hex();
  node.choice_score = scores->choice;
  if (!hidden_feedback_) co_return Status{};
  node.own_score = ScoreFromOutput(printed);
  node.score = scores->search;
  co_return Status{};
}

// `printed` is all that is at hand of the output; the node keeps its head and tail.
Task<Status> Workbench::FindScore(SearchNode& node, const std::string& printed) {
  node.score = ScoreFromOutput(printed);
  if (!node.score) {
    auto reading = co_await proposer_.ReadScore(node, context_.task, times_.Until(node.step));
    if (!reading) co_return tl::unexpected(reading.error());
    node.score = reading->score;
    Add(node.tokens, reading->tokens);
  }
  if (!node.score || !std::isfinite(*node.score)) {
    node.score.reset();
    node.fault = "no_score";
    node.detail = "the program printed no finite validation score";
  }
  co_return Status{};
}

}  // namespace podium::agents
