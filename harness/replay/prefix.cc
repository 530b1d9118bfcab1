#include "harness/replay/prefix.h"

#include <algorithm>
#include <map>

#include "agents/layer_keeper.h"
#include "agents/models/record_store.h"
#include "base/digest.h"
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

// What is copied of a layer or an answer is looked at first.
Status CopyLayer(const fs::path& from, const fs::path& to, const records::Layer& layer) {
  std::string name = agents::LayerFile(layer.step);
  PODIUM_TRY(MakeDirs((to / name).parent_path()));
  PODIUM_TRY(CopyFileAtomic(from / name, to / name));
  PODIUM_ASSIGN(auto digest, DigestFile(to / name));
  if (digest.hex() == layer.digest) return {};
  return Fail(ErrorCode::kDigest,
              (from / name).string() + " is not the layer that was kept: its digest is " +
                  digest.hex().substr(0, 16) + ", the journal has " + layer.digest.substr(0, 16));
}

Status CopyAnswer(const RecordedTrial& parent, const fs::path& to, const records::AnswerRef& kept) {
  if (kept.record.empty()) return {};
  PODIUM_TRY(agents::RecordStore(parent.record_dir()).Check(kept.record, kept.answer));
  PODIUM_TRY(MakeDirs(to));
  for (const auto& name : agents::RecordStore::FilesOf(kept.record))
    PODIUM_TRY(CopyFileAtomic(parent.record_dir() / name, to / name));
  return {};
}

Status CopyFiles(const RecordedTrial& parent, int count, const fs::path& trial_dir) {
  for (std::size_t i = 0; i < parent.view.nodes.size() && static_cast<int>(i) < count; ++i) {
    for (const char* folder : {"code", "snapshots"})
      PODIUM_TRY(CopyOfNode(parent.view.dir / folder, trial_dir / folder, static_cast<int>(i)));
  }
  for (const auto& use : StepsOf(parent.lines)) {
    if (use.step >= count) continue;
    PODIUM_TRY(CopyAnswer(parent, trial_dir / "llm", use.from));
    PODIUM_TRY(CopyAnswer(parent, trial_dir / "llm", use.summary));
  }
  for (const auto& layer : LayersFor(parent, count))
    PODIUM_TRY(CopyLayer(parent.view.dir, trial_dir, layer));
  return {};
}

// The working time by the end of the first steps: what was left before the next.
Millis WorkedBy(const RecordedTrial& parent, int count) {
  auto at = static_cast<std::size_t>(count);
  if (!parent.view.nodes.empty()) return parent.view.node_times[at - 1];
  auto steps = StepsOf(parent.lines);
  Millis wall = parent.plan.cells.empty() ? Millis(0) : parent.plan.cells.front().wall;
  if (at < steps.size() && wall > steps[at].left) return wall - steps[at].left;
  return parent.view.active;
}

// Each node or step, and behind it its layer.
std::vector<records::Event> EventsOf(const RecordedTrial& parent, int count) {
  std::vector<records::Event> out;
  auto layers = LayersFor(parent, count);
  auto add_layer = [&](int step) {
    auto it = std::ranges::find(layers, step, &records::Layer::step);
    if (it != layers.end()) out.emplace_back(*it);
  };
  for (const auto& node : parent.view.nodes) {
    if (node.id >= count) break;
    out.emplace_back(node);
    add_layer(node.id);
  }
  auto jobs = JobsOf(parent.lines);
  for (const auto& use : StepsOf(parent.lines)) {
    if (use.step >= count) break;
    for (const auto& job : jobs) {
      if (job.step == use.step) out.emplace_back(job);
    }
    out.emplace_back(use);
    add_layer(use.step);
  }
  return out;
}

Status WriteJournal(const RecordedTrial& parent, const records::Forked& from,
                    const fs::path& file) {
  PODIUM_ASSIGN(auto journal, Journal::Open(file, SystemClock()));
  PODIUM_TRY(journal.Record(records::Attempt{}));
  PODIUM_TRY(journal.Record(from));
  int count = static_cast<int>(from.step);
  for (auto& event : EventsOf(parent, count)) PODIUM_TRY(journal.Record(std::move(event)));
  return journal.Record(records::Paused{.worked = WorkedBy(parent, count)});
}

bool Same(const records::Forked& a, const records::Forked& b) {
  return a.run == b.run && a.trial == b.trial && a.step == b.step && a.journal == b.journal;
}

// Whether one search worked on several nodes at the same time, each in a workspace of its own.
bool HasWorkers(const RecordedTrial& parent) {
  return std::ranges::any_of(parent.lines, [](const auto& line) {
    return std::holds_alternative<records::Begun>(line.event);
  });
}

}  // namespace

std::vector<records::Layer> LayersFor(const RecordedTrial& parent, int steps) {
  std::map<int, records::Layer> all, out;
  for (const auto& layer : parent.view.layers) {
    std::error_code ec;
    bool sound = layer.step >= 0 && layer.step < steps && layer.below < layer.step;
    if (sound && fs::exists(parent.view.dir / agents::LayerFile(layer.step), ec))
      all[layer.step] = layer;
  }
  auto add_chain = [&](int step) {
    std::map<int, records::Layer> chain;
    for (; step >= 0; step = chain[step].below) {
      if (!all.contains(step)) return false;
      chain[step] = all[step];
    }
    out.merge(chain);
    return true;
  };
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (add_chain(it->first) && !HasWorkers(parent)) break;
  }
  std::vector<records::Layer> list;
  for (auto& [step, layer] : out) list.push_back(std::move(layer));
  return list;
}

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
  PODIUM_TRY(CopyFiles(parent, static_cast<int>(from.step), trial_dir));
  // Last: it says that the rest is there.
  fs::path whole = trial_dir / "journal.new";
  fs::remove(whole, ec);
  PODIUM_TRY(WriteJournal(parent, from, whole));
  fs::rename(whole, journal, ec);
  if (ec) return FailErrno(ErrorCode::kIo, "cannot write " + journal.string(), ec.value());
  return {};
}

}  // namespace podium::harness
