#include "agents/proposers/llm/memory.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace podium::agents {
namespace {

std::string Line(const SearchNode& n, Memory memory, Feedback feedback) {
  std::string out = "- " + n.plan.substr(0, 300);
  if (memory == Memory::kPlansOnly || feedback == Feedback::kNone) return out + "\n";
  if (!n.good())
    return out + " -> failed: " + n.fault +
           (n.detail.empty() ? "" : " (" + n.detail.substr(0, 200) + ")") + "\n";
  if (feedback == Feedback::kOwn && n.score) out += " -> validation score " + FormatScore(*n.score);
  if (feedback == Feedback::kOwn && !n.place.empty()) out += ", leaderboard " + n.place;
  return out + "\n";
}

// From the parents upwards; a debug step stops below the last ancestor that counts.
std::set<int> Ancestors(const ProposalRequest& r) {
  std::set<int> out;
  for (int i = r.parents.empty() ? -1 : r.parents.front(); i >= 0;) {
    const SearchNode& node = (*r.nodes)[static_cast<std::size_t>(i)];
    if (r.op == kDebug && node.good()) break;
    out.insert(i);
    i = node.parent();
  }
  return out;
}

bool Remembers(const ProposalRequest& r, Memory memory, const SearchNode& node, int index,
               const std::set<int>& ancestors) {
  bool counts = node.good() && node.score.has_value();
  if (memory == Memory::kSibling) return node.parents == r.parents;
  if (memory == Memory::kAncestral) return ancestors.contains(index);
  if (r.op == kDebug || memory == Memory::kNone) return false;
  return counts || memory == Memory::kIncludeFailures;
}

}  // namespace

std::string MemoryText(const ProposalRequest& r, Memory memory, Feedback feedback,
                       std::size_t max_bytes) {
  std::set<int> ancestors = Ancestors(r);
  std::string out;
  for (std::size_t i = 0; i < r.nodes->size(); ++i) {
    const SearchNode& node = (*r.nodes)[i];
    if (Remembers(r, memory, node, static_cast<int>(i), ancestors))
      out += Line(node, memory, feedback);
  }
  if (out.size() > max_bytes) out = out.substr(out.size() - max_bytes);
  return out.empty() ? "" : "\n# Solutions so far\n" + out;
}

std::string ComplexityCue(const ProposalRequest& r) {
  auto siblings =
      std::ranges::count_if(*r.nodes, [&](const SearchNode& n) { return n.parents == r.parents; });
  if (siblings < 2) return "Keep it simple: the least that can work, quick to run.\n";
  if (siblings < 4) return "An ordinary solution is wanted, with usual features and care.\n";
  return "Simple ways have been tried: be elaborate now, where it pays in the score.\n";
}

}  // namespace podium::agents
