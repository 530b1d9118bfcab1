#pragma once

#include <filesystem>
#include <string>

namespace podium::harness {

// Why people are told something of a run.
enum class NotifyEvent {
  kEnded,    // "ended": nobody works on it any more, or all has ended
  kTrouble,  // "trouble": a host that can run nothing, a trial that infrastructure fails too often,
             // a budget that is used up
};

// Runs the user's command (setting notify.command) by /bin/sh with PODIUM_EVENT, PODIUM_RUN,
// PODIUM_RUN_DIR and PODIUM_TEXT beside this process's own environment, for a minute at most. What
// it prints and how it ends is logged and changes nothing. Does nothing where there is no command.
// Blocks.
void Notify(const std::string& command, NotifyEvent event, const std::filesystem::path& run_dir,
            const std::string& text);

}  // namespace podium::harness
