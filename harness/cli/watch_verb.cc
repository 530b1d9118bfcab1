// A run as it goes.
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <thread>

#include "base/deadlines.h"
#include "base/text.h"
#include "harness/cli/cli.h"
#include "harness/report/board.h"
#include "harness/report/outcomes.h"
#include "harness/store/control.h"

namespace podium::harness {
namespace {

constexpr std::size_t kRowsOfPipe = 20;

struct Screen {
  bool watched = false;
  std::size_t rows = kRowsOfPipe, columns = 0;
};

Screen ThisScreen() {
  winsize size{};
  Screen out;
  out.watched = ::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  if (!out.watched) return out;
  // Two tables and what stands around them.
  out.rows = std::max<std::size_t>(3, size.ws_row > 14 ? (size.ws_row - 12U) / 2 : 3);
  out.columns = size.ws_col;
  return out;
}

// Lines that do not wrap.
std::string Cut(const std::string& text, std::size_t columns) {
  std::string out;
  for (auto line : Split(text, '\n')) out += std::string(line.substr(0, columns)) + "\n";
  return out;
}

// Whether something may still change by itself.
bool GoesOn(const RunView& run) {
  return CountOutcomes(run).open() > 0 && !WorkersOf(run.dir, SystemClock()).empty();
}

Result<Exit> DoWatch(const std::string& name) {
  PODIUM_ASSIGN(auto dir, FindRun(name));
  for (;;) {
    PODIUM_ASSIGN(auto run, ReadRun(dir, SystemClock()));
    Screen screen = ThisScreen();
    std::string text = BoardText(run, SystemClock().WallNow(), screen.rows);
    if (screen.watched) text = "\x1b[H\x1b[J" + Cut(text, screen.columns);
    std::cout << text << std::flush;
    if (!screen.watched || !GoesOn(run)) return Exit::kOk;
    std::this_thread::sleep_for(kWatchPoll);
  }
}

}  // namespace

void AddWatchVerb(CLI::App& app, Exit& exit) {
  auto name = std::make_shared<std::string>();
  auto* verb = app.add_subcommand(
      "watch", "A run as it goes: trials, workers, spending, forecast; once where piped");
  verb->add_option("run", *name, "Name or folder of the run; the newest when left out");
  verb->callback(Wrap(exit, [name] { return DoWatch(*name); }));
}

}  // namespace podium::harness
