#include "harness/replay/compare.h"

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/text.h"

namespace podium::harness {
namespace {

constexpr std::size_t kShown = 160;  // bytes of each side
constexpr const char* kAskedAlike =
    "Its models were asked the same and gave the same answers up to here.";
constexpr const char* kBySelf =
    "The program is the same, byte for byte: it does not do the same twice (time of day, threads, "
    "random numbers without a seed).";
constexpr const char* kByJob =
    "Jobs ran in the background: what else saw of their work by then depends on time. What they "
    "printed is compared as far as the record had seen it.";
constexpr const char* kBuilds =
    "Nothing that Podium recorded explains it: another build of Podium decides differently.";

// The text around byte `at`, in one line.
std::string Around(const std::string& text, std::size_t at) {
  std::size_t from = at > kShown / 3 ? at - kShown / 3 : 0;
  std::string out = Printable(text.substr(std::min(from, text.size()), kShown));
  std::ranges::replace(out, '\n', ' ');
  return (from > 0 ? "..." : "") + out + (from + kShown < text.size() ? "..." : "");
}

std::optional<Divergence> Texts(std::string where, const std::string& recorded,
                                const std::string& now, const char* meaning) {
  if (recorded == now) return std::nullopt;
  auto [a, b] = std::ranges::mismatch(recorded, now);
  auto at = static_cast<std::size_t>(a - recorded.begin());
  auto line = 1 + std::count(recorded.begin(), a, '\n');
  bool lines = recorded.find('\n') != std::string::npos || now.find('\n') != std::string::npos;
  if (lines) where += ", line " + std::to_string(line);
  return Divergence{std::move(where), Around(recorded, at), Around(now, at), meaning};
}

template <class T>
std::optional<Divergence> Values(std::string where, const T& recorded, const T& now,
                                 const char* meaning) {
  return Texts(std::move(where), DumpJson(Json(recorded)), DumpJson(Json(now)), meaning);
}

std::string ScoreText(const std::optional<double>& score) {
  return score ? DumpJson(Json(*score)) : "none";
}

std::optional<Divergence> FirstOf(std::initializer_list<std::optional<Divergence>> all) {
  for (const auto& one : all) {
    if (one) return one;
  }
  return std::nullopt;
}

std::optional<Divergence> CompareAllNodes(const std::vector<records::SearchNode>& recorded,
                                          const std::vector<records::SearchNode>& now) {
  for (std::size_t i = 0; i < std::min(recorded.size(), now.size()); ++i) {
    if (auto found = CompareNodes(recorded[i], now[i])) return found;
  }
  return std::nullopt;
}

std::optional<Divergence> CompareCommands(const std::vector<JournalLine>& recorded,
                                          const std::vector<JournalLine>& now) {
  auto before = LastAttempts<records::Exec>(recorded), after = LastAttempts<records::Exec>(now);
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    const auto &a = before[i], &b = after[i];
    std::string where = "command " + std::to_string(i + 1) + " (" + a.command + ")";
    auto found = FirstOf({Texts(where, a.command, b.command, kBuilds),
                          Texts(where + ", its end", a.end, b.end, kBySelf),
                          Values(where + ", its exit code", a.exit_code, b.exit_code, kBySelf),
                          Texts(where + ", what it printed", a.output, b.output, kBySelf)});
    if (found) return found;
  }
  return Values("the number of commands", before.size(), after.size(), kBySelf);
}

// Of a difference at a step: jobs that had begun before it may be why.
const char* MeaningAt(int step, const std::vector<JournalLine>& recorded) {
  for (const auto& job : LastAttempts<records::JobStarted>(recorded)) {
    if (job.step < step) return kByJob;
  }
  return kBySelf;
}

// Where both ended by themselves: the rest is a matter of time.
std::optional<Divergence> CompareJobs(const std::vector<JournalLine>& recorded,
                                      const std::vector<JournalLine>& now) {
  std::map<int, records::JobEnded> again;
  for (const auto& job : LastAttempts<records::JobEnded>(now)) again[job.job] = job;
  for (const auto& job : LastAttempts<records::JobEnded>(recorded)) {
    auto other = again.find(job.job);
    if (other == again.end() || job.end != "exited" || other->second.end != "exited") continue;
    std::string where = "job " + std::to_string(job.job) + ", its exit code";
    if (auto found = Values(where, job.exit_code, other->second.exit_code, kBySelf)) return found;
  }
  return std::nullopt;
}

std::optional<Divergence> CompareTools(const std::vector<JournalLine>& recorded,
                                       const std::vector<JournalLine>& now) {
  auto before = LastAttempts<records::ToolUse>(recorded),
       after = LastAttempts<records::ToolUse>(now);
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    const auto &a = before[i], &b = after[i];
    std::string where =
        "step " + std::to_string(a.step) + (a.tool.empty() ? "" : " (" + a.tool + ")");
    const char* meaning = MeaningAt(a.step, recorded);
    auto found = FirstOf({Texts(where + ", its tool", a.tool, b.tool, kAskedAlike),
                          Texts(where + ", what the model said", a.said, b.said, kAskedAlike),
                          Texts(where + ", its arguments", a.arguments, b.arguments, kAskedAlike),
                          Texts(where + ", its end", a.end, b.end, meaning),
                          Texts(where + ", what it gave", a.observation, b.observation, meaning)});
    if (found) return found;
  }
  return Values("the number of steps", before.size(), after.size(), kBySelf);
}

// How often each request was answered. What was asked after a search's last node came to nothing.
std::map<std::string, std::string> Asked(const std::vector<JournalLine>& lines) {
  std::map<std::string, std::string> out, open;
  bool search = std::ranges::any_of(
      lines, [](const auto& l) { return std::holds_alternative<records::SearchNode>(l.event); });
  for (const auto& line : lines) {
    if (std::holds_alternative<records::SearchNode>(line.event)) out.merge(open);
    const auto* call = std::get_if<records::ModelCall>(&line.event);
    if (call && call->end == "ok") open.emplace(call->digest, call->model);
  }
  if (!search) out.merge(open);
  return out;
}

std::optional<Divergence> CompareRequests(const std::vector<JournalLine>& recorded,
                                          const std::vector<JournalLine>& now) {
  auto before = Asked(recorded), after = Asked(now);
  for (const auto& [digest, model] : before) {
    if (!after.contains(digest))
      return Divergence{"the requests to models", "model '" + model + "' was asked " + digest,
                        "not asked", kBySelf};
  }
  for (const auto& [digest, model] : after) {
    if (!before.contains(digest))
      return Divergence{"the requests to models", "not asked",
                        "model '" + model + "' is asked " + digest, kBySelf};
  }
  return std::nullopt;
}

// Faults that were made on purpose: of what request, at which attempt, which.
std::vector<std::string> Injected(const std::vector<JournalLine>& lines) {
  std::vector<std::string> out;
  for (const auto& fault : LastAttempts<records::InjectedFault>(lines))
    out.push_back("request " + std::to_string(fault.number) + ", attempt " +
                  std::to_string(fault.attempt) + ": " + fault.kind);
  std::ranges::sort(out);
  return out;
}

// Of a search they follow from its steps, and those after its last node came to nothing.
std::optional<Divergence> CompareFaults(const std::vector<JournalLine>& recorded,
                                        const std::vector<JournalLine>& now) {
  auto is_node = [](const JournalLine& l) {
    return std::holds_alternative<records::SearchNode>(l.event);
  };
  if (std::ranges::any_of(recorded, is_node)) return std::nullopt;
  return Texts("the injected faults", Join(Injected(recorded), "\n"), Join(Injected(now), "\n"),
               kBySelf);
}

std::optional<Divergence> CompareSeals(const records::Sealed& a, const records::Sealed& b) {
  return FirstOf(
      {Texts("how the agent ended", a.agent.end, b.agent.end, kBySelf),
       Texts("how the agent ended, in words", a.agent.detail, b.agent.detail, kBySelf),
       Texts("the hand-over", std::string(records::HandOverText(a.hand_over.status)),
             std::string(records::HandOverText(b.hand_over.status)), kBySelf),
       Texts("the hand-over's reason", a.hand_over.reason, b.hand_over.reason, kBySelf),
       Values("the valid validations", a.validations.valid, b.validations.valid, kBySelf),
       Values("the invalid validations", a.validations.invalid, b.validations.invalid, kBySelf)});
}

// A program learns of a miss as a refusal, and goes on.
std::optional<Divergence> CompareMisses(const std::vector<JournalLine>& now) {
  std::string what;
  if (const auto* failed = LastOf<records::Failed>(now);
      failed && failed->code == CodeText(ErrorCode::kReplay))
    what = failed->message;
  for (const auto& flag : LastAttempts<records::GatewayFlag>(now)) {
    if (flag.code == "replay_miss" && what.empty()) what = flag.detail;
  }
  if (what.empty()) return std::nullopt;
  return Divergence{"a request to a model", "not in the record", what,
                    "What is asked follows from what came before: the agent does not do the same "
                    "twice, or this build asks otherwise."};
}

}  // namespace

std::string Divergence::Text() const {
  return "differs at " + where + "\n  recorded: " + recorded + "\n  now:      " + now + "\n  " +
         meaning;
}

std::optional<Divergence> CompareNodes(const records::SearchNode& a, const records::SearchNode& b) {
  std::string node = "node " + std::to_string(a.id);
  return FirstOf(
      {Texts(node + ", its operator", a.op, b.op, kBuilds),
       Values(node + ", its place in the order", a.step, b.step, kBuilds),
       Values(node + ", its parents", a.parents, b.parents, kBuilds),
       Texts(node + ", where it is from", a.source, b.source, kBuilds),
       Texts(node + ", its plan", a.plan, b.plan, kAskedAlike),
       Texts(node + ", its program", a.code, b.code, kAskedAlike),
       Texts(node + ", how its program ended", a.end, b.end, kBySelf),
       Values(node + ", its program's exit code", a.exit_code, b.exit_code, kBySelf),
       Texts(node + ", what its program printed", a.output, b.output, kBySelf),
       Texts(node + ", its validation score", ScoreText(a.score), ScoreText(b.score), kBySelf),
       Texts(node + ", its submission", a.submission_digest, b.submission_digest, kBySelf),
       Texts(node + ", why it does not count", a.fault, b.fault, kBySelf)});
}

std::optional<Divergence> CompareTrials(const RecordedTrial& recorded,
                                        const std::vector<JournalLine>& now_lines,
                                        const TrialView& now) {
  if (auto found = CompareAllNodes(recorded.view.nodes, now.nodes)) return found;
  if (auto found = CompareMisses(now_lines)) return found;
  if (!now.verdict) return std::nullopt;
  if (auto found =
          Values("the number of nodes", recorded.view.nodes.size(), now.nodes.size(), kBuilds))
    return found;
  if (auto found = CompareCommands(recorded.lines, now_lines)) return found;
  if (auto found = CompareTools(recorded.lines, now_lines)) return found;
  if (auto found = CompareJobs(recorded.lines, now_lines)) return found;
  if (auto found = CompareRequests(recorded.lines, now_lines)) return found;
  if (auto found = CompareFaults(recorded.lines, now_lines)) return found;
  const auto* sealed = LastOf<records::Sealed>(recorded.lines);
  const auto* again = LastOf<records::Sealed>(now_lines);
  if (sealed && again) {
    if (auto found = CompareSeals(*sealed, *again)) return found;
  }
  return Texts("the verdict's grade", records::ToText(recorded.view.verdict->grade),
               records::ToText(now.verdict->grade),
               "Agent and submission came to the same: the grader or the task differs.");
}

}  // namespace podium::harness
