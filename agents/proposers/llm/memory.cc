#include "agents/proposers/llm/memory.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace podium::agents {
namespace {

// Its program did well until its file was looked at.
bool FailedByShape(const SearchNode& n) {
  bool later = n.fault == "no_score" || n.fault == "leak";
  return !n.submission_digest.empty() && !n.fault.empty() && !later;
}

std::string Line(const SearchNode& n, Memory memory, Feedback feedback, bool tells_shape) {
  std::string out = "- " + n.plan.substr(0, 300);
  if (memory == Memory::kPlansOnly || feedback == Feedback::kNone) return out + "\n";
  if (!n.good()) return out + " -> failed: " + FaultText(n, tells_shape, 200) + "\n";
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

std::string FaultText(const SearchNode& node, bool tells_shape, std::size_t most) {
  if (!tells_shape && FailedByShape(node)) return "its submission does not count";
  return node.fault + (node.detail.empty() ? "" : " (" + node.detail.substr(0, most) + ")");
}

std::string MemoryText(const ProposalRequest& r, Memory memory, Feedback feedback, bool tells_shape,
                       std::size_t max_bytes) {
  std::set<int> ancestors = Ancestors(r);
  std::string out;
  for (std::size_t i = 0; i < r.nodes->size(); ++i) {
    const SearchNode& node = (*r.nodes)[i];
    if (Remembers(r, memory, node, static_cast<int>(i), ancestors))
      out += Line(node, memory, feedback, tells_shape);
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
