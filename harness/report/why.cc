#include "harness/report/why.h"

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/text.h"
#include "harness/store/lease.h"

namespace podium::harness {
namespace {

// What a code means, and what a person can do about it.
struct Meaning {
  std::string_view code, words, advice;
};

constexpr Meaning kAgentEnds[] = {
    {"finished", "it said that it was done", ""},
    {"node_budget", "it had tried as many nodes as it may", "More nodes: --nodes N."},
    {"model_budget", "what was left of its budget for models did not hold the next call",
     "A larger budget.requests, budget.tokens or budget.usd."},
    {"time_limit", "its working time was over", "More time: --wall '2 h' (budget.wall)."},
    {"memory_limit", "it needed more memory than limits.memory",
     "More memory: --set limits.memory='8 GiB'."},
    {"pid_limit", "it started more processes than limits.pids", "More: --set limits.pids=2048."},
    {"disk_limit", "it wrote more than limits.disk", "More disk: --set limits.disk='20 GiB'."},
    {"init_gone", "it brought down its sandbox's first process", ""},
    {"sandbox_spoilt", "what one of its programs did kept all later ones from running", ""},
    {"agent_fault", "what it left or brought stood in the way", ""},
    {"acp_failed", "it did not answer by its protocol", "Its output is in logs/."},
    {"paused", "it was stopped", "`podium resume` goes on."}};

constexpr Meaning kReasons[] = {
    {"missing", "there was no file at the submission's place",
     "Look at what its programs printed: `podium trace`."},
    {"symlink", "the file was a link, which is never followed", ""},
    {"hard_link", "the file had a second name", ""},
    {"not_regular", "what lay there is no file", ""},
    {"empty", "the file held no rows", ""},
    {"too_large", "the file was larger than one may be", ""},
    {"sparse", "the file was mostly holes", ""},
    {"bad_csv", "the file is not comma-separated values", ""},
    {"wrong_columns", "its columns are not those of sample_submission.csv", ""},
    {"bad_id", "an id is none of the sample submission's", ""},
    {"duplicate_id", "an id is there twice", ""},
    {"missing_ids", "ids of the sample submission are missing", ""},
    {"extra_ids", "there are ids that the sample submission does not have", ""},
    {"not_a_number", "a cell holds text where a number belongs", ""},
    {"not_finite", "a cell holds NaN or infinity", ""},
    {"out_of_range", "a value lies outside of the task's range", ""},
    {"bad_leaderboard", "the task's board cannot be ranked on",
     "The task is at fault, not the agent: `podium tasks show` checks its board."},
    {"grader_crashed", "the grader ended by a signal",
     "The task or Podium is at fault; please report it with the submission."},
    {"bad_answers", "the task's answers cannot be read", "The task is at fault."},
    {"metric_failed", "the metric cannot be computed", "The task is at fault."}};

constexpr Meaning kFailures[] = {
    {"io", "a file or system call of the host failed", "Look at podium.log and the host's disk."},
    {"timeout", "the host did not answer in time", "Is the host overloaded? Fewer --jobs."},
    {"unavailable", "the host or a provider did not serve it",
     "`podium doctor`, `podium models check`."},
    {"sandbox", "the sandbox could not be made or broke",
     "`podium doctor`, `podium sandbox test`."},
    {"model", "a model's server refused or answered nonsense", "`podium models check MODEL`."},
    {"grader", "the grading process failed", "Look at podium.log."},
    {"internal", "a bug in Podium", "Please report it with podium.log."}};

template <std::size_t N>
const Meaning* Find(const Meaning (&table)[N], std::string_view code) {
  auto found = std::ranges::find(table, code, &Meaning::code);
  return found == std::end(table) ? nullptr : &*found;
}

template <std::size_t N>
std::string Words(const Meaning (&table)[N], const std::string& code) {
  const Meaning* meaning = Find(table, code);
  return meaning ? code + ": " + std::string(meaning->words) : code;
}

std::string First(const std::string& text, std::size_t most) {
  std::string line = Printable(text.substr(0, text.find('\n')));
  return line.size() <= most ? line : line.substr(0, most - 3) + "...";
}

// The journal's events that a person asks about; the others are steps of the agent.
class Story {
 public:
  explicit Story(Why& out) : out_(out) {}

  void Take(const JournalLine& line) {
    std::visit([&](const auto& event) { Look(line, event); }, line.event);
  }

 private:
  template <class T>
  void Look(const JournalLine&, const T&) {}
  void Look(const JournalLine& line, const records::Attempt& e) {
    Say(line, "attempt " + std::to_string(++attempts_) + " began, with " +
                  FormatDuration(std::max(Millis(0), e.wall - e.used)) + " of working time");
  }
  void Look(const JournalLine& line, const records::Failed& e) {
    Say(line, "the attempt failed, " + Words(kFailures, e.code) + " (" + First(e.message, 300) +
                  ")" + (e.host.empty() ? "" : "; it used up none of its attempts"));
  }
  void Look(const JournalLine& line, const records::Exhausted& e) {
    Say(line, "infrastructure had failed " + std::to_string(e.failures) +
                  " times: that is the trial's end");
  }
  void Look(const JournalLine& line, const records::Retried& e) {
    Say(line, "somebody allowed more attempts" + (e.why.empty() ? "" : ": " + First(e.why, 200)));
  }
  void Look(const JournalLine& line, const records::Paused&) { Say(line, "it was stopped"); }
  void Look(const JournalLine& line, const records::FellBack& e) {
    Say(line, "its last valid file stands in for the final one (" + e.to + ")");
  }
  void Look(const JournalLine& line, const records::Sealed& e) {
    Say(line, "the agent ended, " + Words(kAgentEnds, e.agent.end) +
                  (e.agent.detail.empty() ? "" : " (" + First(e.agent.detail, 300) + ")"));
    Say(line, "its submission was taken: " + std::string(HandOverText(e.hand_over.status)) +
                  (e.hand_over.reason.empty() ? "" : ", " + Words(kReasons, e.hand_over.reason)));
  }
  void Look(const JournalLine& line, const records::Graded& e) {
    Say(line, "it was graded: " + e.verdict);
  }
  void Say(const JournalLine& line, const std::string& text) {
    std::string time = line.time.substr(0, 19);
    std::ranges::replace(time, 'T', ' ');
    out_.happened.push_back(time + "  " + text);
  }

  Why& out_;
  int attempts_ = 0;
};

std::string Times(std::int64_t n, const std::string& one) {
  return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
}

void MetNodes(const TrialView& trial, Why& out) {
  if (trial.nodes.empty()) return;
  std::map<std::string, int> faults;
  int good = 0;
  for (const auto& node : trial.nodes) {
    good += node.good();
    if (!node.good()) ++faults[node.fault];
  }
  std::string text = std::to_string(good) + " of " +
                     Times(static_cast<std::int64_t>(trial.nodes.size()), "node") + " count";
  for (const auto& [fault, n] : faults) text += ", " + std::to_string(n) + " " + fault;
  out.met.push_back(std::move(text));
}

void MetEvents(const std::vector<JournalLine>& lines, Why& out) {
  Millis waited{0};
  std::string why;
  std::int64_t outages = 0, calls = 0;
  std::map<std::string, std::int64_t> flags, ends;
  for (const auto& line : lines) {
    if (const auto* outage = std::get_if<records::Outage>(&line.event)) {
      waited += outage->waited;
      ++outages;
      why = outage->why;
    }
    if (const auto* flag = std::get_if<records::GatewayFlag>(&line.event))
      flags[flag->code] += std::max<std::int64_t>(1, flag->count);
    if (const auto* call = std::get_if<records::ModelCall>(&line.event)) {
      ++calls;
      if (call->end != "ok" && !call->end.empty()) ++ends[call->end];
    }
  }
  if (outages > 0)
    out.met.push_back("it waited " + FormatDuration(waited) + " in " + Times(outages, "pause") +
                      " that are no working time, the last for: " + First(why, 200));
  if (calls > 0) {
    std::string text = Times(calls, "call") + " of models";
    for (const auto& [end, n] : ends) text += ", " + std::to_string(n) + " " + end;
    out.met.push_back(text);
  }
  for (const auto& [code, n] : flags)
    out.met.push_back("flag " + code + (n > 1 ? " (" + std::to_string(n) + " times)" : ""));
}

void MetValidations(const TrialView& trial, Why& out) {
  if (!trial.verdict) return;
  const records::Validations& v = trial.verdict->validations;
  if (v.valid + v.invalid + v.refused == 0) return;
  out.met.push_back("the agent asked " + Times(v.valid + v.invalid + v.refused, "time") +
                    " whether its file has the right shape: " + std::to_string(v.valid) +
                    " valid, " + std::to_string(v.invalid) + " invalid, " +
                    std::to_string(v.refused) + " refused");
}

template <std::size_t N>
void Advise(const Meaning (&table)[N], const std::string& code, Why& out) {
  const Meaning* meaning = Find(table, code);
  if (meaning && !meaning->advice.empty()) out.advice.emplace_back(meaning->advice);
}

std::string Headline(const TrialView& trial) {
  auto outcome = trial.outcome();
  std::string out =
      trial.id.str() + ": " + (outcome ? std::string(records::OutcomeText(*outcome)) : trial.state);
  if (!trial.verdict) return out + (trial.failure.empty() ? "" : ", " + First(trial.failure, 300));
  const records::GradeRecord& grade = trial.verdict->grade;
  if (grade.score) return out + " " + FormatScore(*grade.score) + ", medal " + grade.standing.medal;
  return out + ", " + grade.verdict +
         (grade.reason.empty() ? "" : ", " + Words(kReasons, grade.reason)) +
         (grade.detail.empty() ? "" : " (" + First(grade.detail, 300) + ")");
}

Millis Ago(const std::string& iso, WallTime now) {
  return std::max(Millis(0), std::chrono::duration_cast<Millis>(now - ParseIsoTime(iso)));
}

// A trial that is worked on: whether it does something.
void Silence(const TrialView& trial, const std::vector<JournalLine>& lines, WallTime now,
             Why& out) {
  if (trial.state != "running" || lines.empty()) return;
  const JournalLine* call = nullptr;
  for (const auto& line : lines) {
    if (std::holds_alternative<records::ModelCall>(line.event)) call = &line;
  }
  std::string text = "worked on by " + LeaseOwner(trial.dir, SystemClock()) + "; its last event (" +
                     std::string(records::EventName(lines.back().event)) + ") is " +
                     FormatDuration(Ago(lines.back().time, now)) + " old";
  if (call) text += ", the last answer of a model " + FormatDuration(Ago(call->time, now));
  out.met.push_back(std::move(text));
  if (!trial.in_work.empty())
    out.met.push_back("in work: " + Times(static_cast<std::int64_t>(trial.in_work.size()), "node"));
}

void AdviseOpen(const TrialView& trial, Why& out) {
  if (trial.exhausted) {
    Advise(kFailures, trial.reason, out);
    out.advice.emplace_back("Once that is mended: `podium retry RUN " + trial.id.str() +
                            " --why TEXT`.");
  } else if (trial.state == "failed") {
    Advise(kFailures, trial.reason, out);
    out.advice.emplace_back("The same command, or `podium resume`, tries it again.");
  } else if (trial.state == "paused" || trial.state == "pending") {
    out.advice.emplace_back("The same command, or `podium resume`, goes on with it.");
  }
}

}  // namespace

Why ExplainTrial(const TrialView& trial, const std::vector<JournalLine>& lines, WallTime now) {
  Why out;
  out.headline = Headline(trial);
  Story story(out);
  for (const auto& line : lines) story.Take(line);
  MetNodes(trial, out);
  MetEvents(lines, out);
  MetValidations(trial, out);
  Silence(trial, lines, now, out);
  if (!trial.verdict) {
    AdviseOpen(trial, out);
    return out;
  }
  if (trial.verdict->grade.verdict == "scored") return out;
  Advise(kReasons, trial.verdict->grade.reason, out);
  Advise(kAgentEnds, trial.verdict->agent.end, out);
  if (trial.outcome() == records::Outcome::kAgentFailed)
    out.advice.emplace_back(
        "It is a result and is not tried again; another seed is another trial "
        "(--seeds N).");
  return out;
}

std::string WhyText(const Why& why) {
  std::string out = why.headline + "\n";
  auto part = [&out](const char* title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    out += std::string("\n") + title + "\n";
    for (const auto& line : lines) out += "  " + line + "\n";
  };
  part("What happened", why.happened);
  part("What it met", why.met);
  part("What to do", why.advice);
  return out;
}

std::string WhyJson(const Why& why, const TrialView& trial) {
  auto outcome = trial.outcome();
  Json out = {{"schema", "podium-why/1"}, {"trial", trial.id.str()},  {"state", trial.state},
              {"headline", why.headline}, {"happened", why.happened}, {"met", why.met},
              {"advice", why.advice}};
  out["outcome"] = outcome ? Json(std::string(records::OutcomeText(*outcome))) : Json();
  return DumpJson(out, 2) + "\n";
}

}  // namespace podium::harness
