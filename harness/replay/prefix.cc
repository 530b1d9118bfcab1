#include "harness/replay/prefix.h"

#include "base/files.h"
#include "base/foreign_folder.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

// "node_3.py" and "node_3.csv" of a node that is taken over.
Status CopyOfNode(const fs::path& from, const fs::path& to, int node) {
  std::error_code ec;
  if (!fs::is_directory(from, ec)) return {};
  PODIUM_TRY(MakeDirs(to));
  std::string stem = "node_" + std::to_string(node) + ".";
  PODIUM_ASSIGN(auto folder, ForeignFolder::Open(from));
  PODIUM_ASSIGN(auto entries, folder.List());
  for (const auto& entry : entries) {
    if (!entry.folder && entry.name.starts_with(stem))
      PODIUM_TRY(CopyFileAtomic(from / entry.name, to / entry.name));
  }
  return {};
}

Status WriteJournal(const RecordedTrial& parent, const records::Forked& from,
                    const fs::path& file) {
  PODIUM_ASSIGN(auto journal, Journal::Open(file, SystemClock()));
  PODIUM_TRY(journal.Record(records::Attempt{}));
  PODIUM_TRY(journal.Record(from));
  auto nodes = static_cast<std::size_t>(from.step);
  for (std::size_t i = 0; i < nodes; ++i) PODIUM_TRY(journal.Record(parent.view.nodes[i]));
  return journal.Record(records::Paused{.worked = parent.view.node_times[nodes - 1]});
}

bool Same(const records::Forked& a, const records::Forked& b) {
  return a.run == b.run && a.trial == b.trial && a.step == b.step && a.journal == b.journal;
}

}  // namespace

Status BeginWithNodesOf(const RecordedTrial& parent, const records::Forked& from,
                        const fs::path& trial_dir) {
  fs::path journal = trial_dir / "journal.jsonl";
  std::error_code ec;
  if (fs::exists(journal, ec)) {
    PODIUM_ASSIGN(auto lines, ReadJournal(journal));
    const auto* before = LastOf<records::Forked>(lines);
    if (before && Same(*before, from)) return {};
    return Fail(ErrorCode::kConfig,
                trial_dir.string() + " is another trial already: give the new run another --name");
  }
  for (int node = 0; node < from.step; ++node) {
    for (const char* folder : {"code", "snapshots"})
      PODIUM_TRY(CopyOfNode(parent.view.dir / folder, trial_dir / folder, node));
  }
  // Last: it says that the rest is there.
  fs::path whole = trial_dir / "journal.new";
  fs::remove(whole, ec);
  PODIUM_TRY(WriteJournal(parent, from, whole));
  fs::rename(whole, journal, ec);
  if (ec) return FailErrno(ErrorCode::kIo, "cannot write " + journal.string(), ec.value());
  return {};
}

}  // namespace podium::harness
