// Why a trial stands as it does, and what it prints.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <thread>

#include "base/deadlines.h"
#include "base/foreign_folder.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/report/why.h"
#include "harness/store/find_trial.h"
#include "harness/store/lease.h"

namespace podium::harness {
namespace {

struct Asked {
  std::string trial;
  bool json = false, follow = false;
};

Result<ForeignFolder> FolderOf(const FoundTrial& at) {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(at.run_dir));
  auto folder = run.Folder(RunFolder::NameOf(at.id));
  if (folder || folder.error().code != ErrorCode::kNotFound) return folder;
  return Fail(ErrorCode::kNotFound,
              at.id.str() + " of run '" + at.run_dir.filename().string() + "' has not begun yet");
}

Result<Exit> DoWhy(const Asked& asked) {
  PODIUM_ASSIGN(auto at, FindTrial(asked.trial));
  PODIUM_ASSIGN(auto folder, FolderOf(at));
  auto lines = ReadJournal(folder);
  if (!lines && lines.error().code != ErrorCode::kNotFound) return tl::unexpected(lines.error());
  TrialView view = ReadTrial(folder.path(), at.id, SystemClock());
  Why why =
      ExplainTrial(view, lines ? *lines : std::vector<JournalLine>(), SystemClock().WallNow());
  std::cout << (asked.json ? WhyJson(why, view) : WhyText(why));
  return Exit::kOk;
}

// Prints what a trial prints: the files of logs/, and what its nodes and tools gave.
class Tail {
 public:
  explicit Tail(const ForeignFolder& trial) : trial_(trial) {}

  // What is new since the last call.
  Status Print() {
    PODIUM_TRY(PrintFiles());
    return PrintEvents();
  }

 private:
  Status PrintFiles() {
    auto logs = trial_.Folder("logs");
    if (!logs) return {};
    PODIUM_ASSIGN(auto files, logs->List());
    for (const auto& file : files) {
      std::uint64_t& at = printed_[file.name];
      if (file.folder || file.bytes <= at) continue;
      PODIUM_ASSIGN(auto fd, logs->OpenFile(file.name, std::uint64_t{1} << 40));
      Head(file.name);
      char piece[1 << 16];
      for (ssize_t n = 0; (n = ::pread(fd.get(), piece, sizeof piece, static_cast<off_t>(at))) > 0;
           at += static_cast<std::uint64_t>(n))
        std::cout << Printable(std::string_view(piece, static_cast<std::size_t>(n)));
    }
    std::cout.flush();
    return {};
  }

  Status PrintEvents() {
    auto lines = ReadJournal(trial_);
    if (!lines && lines.error().code == ErrorCode::kNotFound) return {};
    if (!lines) return tl::unexpected(lines.error());
    for (; events_ < lines->size(); ++events_) PrintEvent((*lines)[events_]);
    std::cout.flush();
    return {};
  }

  void PrintEvent(const JournalLine& line) {
    if (const auto* node = std::get_if<records::SearchNode>(&line.event)) {
      Head("node " + std::to_string(node->id));
      std::cout << Printable(node->output) << "\n";
    }
    if (const auto* use = std::get_if<records::ToolUse>(&line.event)) {
      Head("step " + std::to_string(use->step) + " " + use->tool);
      std::cout << Printable(use->observation) << "\n";
    }
  }

  void Head(const std::string& name) {
    if (name != last_) std::cout << (last_.empty() ? "" : "\n") << "==> " << name << " <==\n";
    last_ = name;
  }

  const ForeignFolder& trial_;
  std::map<std::string, std::uint64_t> printed_;  // bytes of each file
  std::size_t events_ = 0;
  std::string last_;
};

Result<Exit> DoLogs(const Asked& asked) {
  PODIUM_ASSIGN(auto at, FindTrial(asked.trial));
  PODIUM_ASSIGN(auto folder, FolderOf(at));
  Tail tail(folder);
  // A trial that nobody works on prints nothing more.
  for (;;) {
    bool lives = !LeaseOwner(folder.path(), SystemClock()).empty();
    PODIUM_TRY(tail.Print());
    if (!asked.follow || !lives) return Exit::kOk;
    std::this_thread::sleep_for(kFollowPoll);
  }
}

}  // namespace

void AddWhyVerbs(CLI::App& app, Exit& exit) {
  constexpr const char* kTrial =
      "TASK/AGENT/sSEED of the newest run, RUN/TASK/AGENT/sSEED, the trial's folder, or a run that "
      "has one trial";
  auto asked = std::make_shared<Asked>();
  auto* why = app.add_subcommand(
      "why", "Why a trial stands as it does: what happened, which limits it met, what to do");
  why->add_option("trial", asked->trial, kTrial);
  why->add_flag("--json", asked->json, "Print JSON (podium-why/1)");
  why->callback(Wrap(exit, [asked] { return DoWhy(*asked); }));
  auto* logs = app.add_subcommand("logs", "What a trial's programs print");
  logs->add_option("trial", asked->trial, kTrial);
  logs->add_flag("-f,--follow", asked->follow, "Go on while the trial is worked on");
  logs->callback(Wrap(exit, [asked] { return DoLogs(*asked); }));
}

}  // namespace podium::harness
