#pragma once

#include <string>

#include "base/file_in_pieces.h"
#include "harness/store/run_folder.h"

namespace podium::harness {

// One self-contained page (no script, no link to anywhere): medal table, every score on its board,
// search tree and score over time of each trial, programs and their output. Whatever an agent wrote
// is escaped.
void ReportHtml(const RunView& run, const Sink& out);
[[nodiscard]] std::string ReportHtml(const RunView& run);

}  // namespace podium::harness
