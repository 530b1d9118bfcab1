#include "harness/cli/live_view.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>

#include "base/deadlines.h"
#include "base/text.h"
#include "harness/report/summary.h"

namespace podium::harness {
namespace {

std::string NodeText(const agents::SearchNode& n) {
  std::string out = "node " + std::to_string(n.id) + " " + n.op + " [" + n.source + "] ";
  if (n.good())
    return out + "validation " + (n.score ? FormatScore(*n.score) : "?") + " in " +
           FormatDuration(n.exec_wall);
  return out + "failed: " + n.fault +
         (n.detail.empty() ? ""
                           : " - " + std::string(Split(n.detail, '\n').front().substr(0, 120)));
}

std::string EndText(const TrialView& t) {
  if (!t.verdict) return t.state + (t.failure.empty() ? "" : ": " + t.failure);
  const records::GradeRecord& v = t.verdict->grade;
  if (v.verdict != "scored") return v.verdict + (v.reason.empty() ? "" : ": " + v.reason);
  std::string out = "score " + FormatScore(*v.score);
  if (v.standing.rank) out += ", place " + PlaceText(v);
  return out + (v.standing.medal != "none" ? ", " + v.standing.medal
                : v.standing.above_median  ? ", above median"
                                           : "");
}

// Lines for a pipe or a log: what happens, and after a minute of silence who is at what.
class PlainView final : public RunObserver {
 public:
  explicit PlainView(std::FILE* out) : out_(out) {}
  void OnMessage(std::string_view text) override { Line("", text); }
  void OnTrialPhase(const TrialId& id, std::string_view phase) override { phases_[id] = phase; }
  void OnNode(const TrialId& id, const agents::SearchNode& n) override {
    Line(id.str(), NodeText(n));
  }
  void OnTrialEnd(const TrialView& t) override {
    phases_.erase(t.id);
    Line(t.id.str(), EndText(t) + "  (" + FormatDuration(t.active) + ")");
  }
  void OnTick() override {
    if (Since(last_) < kSilence) return;
    for (const auto& [id, phase] : phases_) Line(id.str(), phase + " ...");
  }

 private:
  void Line(const std::string& who, std::string_view text) {
    std::string line = "[" + FormatDuration(Since(start_)) + "] " + who +
                       (who.empty() ? "" : ": ") + std::string(text) + "\n";
    std::fputs(line.c_str(), out_);
    std::fflush(out_);
    last_ = SteadyNow();
  }
  std::FILE* out_;
  std::map<TrialId, std::string> phases_;
  SteadyTime start_ = SteadyNow();
  SteadyTime last_ = start_;
};

class TerminalView final : public RunObserver {
 public:
  TerminalView(std::FILE* out, std::size_t trials) : out_(out), total_(trials) {}
  ~TerminalView() override { Erase(); }

  void OnMessage(std::string_view text) override { Above(std::string(text)); }

  void OnTrialPhase(const TrialId& id, std::string_view phase) override {
    Working& w = working_[id];
    if (w.phase.empty()) w.since = SteadyNow();
    w.phase = phase;
    Draw();
  }

  void OnNode(const TrialId& id, const agents::SearchNode& n) override {
    Working& w = working_[id];
    ++w.nodes;
    if (!n.good()) ++w.failed;
    w.last = NodeText(n);
    Draw();
  }

  void OnTick() override { Draw(); }

  void OnTrialEnd(const TrialView& t) override {
    working_.erase(t.id);
    ++ended_;
    Above("\x1b[1m" + t.id.str() + "\x1b[0m  " + EndText(t) + "  (" + FormatDuration(t.active) +
          ")");
  }

 private:
  struct Working {
    SteadyTime since = SteadyNow();
    std::string phase;
    std::string last;
    int nodes = 0;
    int failed = 0;
  };

  static std::size_t Columns() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
  }

  void Erase() {
    if (drawn_ > 0) std::fprintf(out_, "\x1b[%zuF\x1b[J", drawn_);
    drawn_ = 0;
    std::fflush(out_);
  }

  void Above(const std::string& line) {
    Erase();
    std::fputs((line + "\n").c_str(), out_);
    Draw();
  }

  void Put(const std::string& line) {
    std::fputs((line.substr(0, Columns() - 1) + "\n").c_str(), out_);
    ++drawn_;
  }

  void Draw() {
    Erase();
    for (const auto& [id, w] : working_) {
      Put("  " + id.str() + "  " + FormatDuration(Since(w.since)) + "  " + w.phase +
          (w.nodes ? "  (" + std::to_string(w.nodes) + " nodes, " + std::to_string(w.failed) +
                         " failed)"
                   : ""));
      if (!w.last.empty()) Put("      " + w.last);
    }
    Put(std::to_string(ended_) + " of " + std::to_string(total_) + " trials ended here, " +
        FormatDuration(Since(start_)));
    std::fflush(out_);
  }

  std::FILE* out_;
  std::size_t total_;
  std::size_t ended_ = 0;
  std::size_t drawn_ = 0;
  std::map<TrialId, Working> working_;
  SteadyTime start_ = SteadyNow();
};

}  // namespace

std::unique_ptr<RunObserver> MakeLiveView(std::size_t trials, bool to_stderr) {
  std::FILE* out = to_stderr ? stderr : stdout;
  if (::isatty(::fileno(out)) && !std::getenv("CI"))
    return std::make_unique<TerminalView>(out, trials);
  return std::make_unique<PlainView>(out);
}

}  // namespace podium::harness
