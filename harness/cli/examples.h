#pragma once

#include <CLI/CLI.hpp>

namespace podium::harness {

// Gives each verb below `app` its own examples under its --help, where it would otherwise show
// those of the whole program.
void AddExamples(CLI::App& app);

}  // namespace podium::harness
