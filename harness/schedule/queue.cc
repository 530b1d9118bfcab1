#include "harness/schedule/queue.h"

#include <algorithm>

namespace podium::harness {
namespace {

constexpr int kMostPasses = 50;

}  // namespace

TrialQueue::TrialQueue(const std::vector<const TrialPlan*>& trials,
                       const records::RunControl& control) {
  for (const TrialPlan* trial : trials) waiting_.push_back({.trial = trial});
  Follow(control);
}

void TrialQueue::Ask(Waiting& waiting) const {
  std::string id = waiting.trial->id.str();
  waiting.hold = control_.Of(id);
  auto priority = control_.priority.find(id);
  waiting.priority = priority == control_.priority.end() ? 0 : priority->second;
}

void TrialQueue::Follow(const records::RunControl& control) {
  control_ = control;
  for (auto& waiting : waiting_) Ask(waiting);
  waiting_.sort([](const Waiting& a, const Waiting& b) { return a.priority > b.priority; });
}

void TrialQueue::Begin(const std::function<bool()>& room,
                       const std::function<bool(const TrialPlan&)>& start) {
  SteadyTime now = SteadyNow();
  std::vector<Waiting*> without_place;
  for (auto it = waiting_.begin(); it != waiting_.end() && room();) {
    if (it->hold != records::Hold::kNone || it->not_before > now) {
      ++it;
      continue;
    }
    if (start(*it->trial)) {
      for (Waiting* one : without_place) ++one->passed;
      it = waiting_.erase(it);
      continue;
    }
    if (it->passed >= kMostPasses) return;
    without_place.push_back(&*it);
    ++it;
  }
}

void TrialQueue::Add(Waiting waiting) {
  Ask(waiting);
  auto at = std::ranges::find_if(
      waiting_, [&](const Waiting& other) { return other.priority < waiting.priority; });
  waiting_.insert(at, waiting);
}

void TrialQueue::PutBack(const TrialPlan& trial, SteadyTime not_before, bool failed) {
  Add({.trial = &trial, .not_before = not_before, .failed = failed});
}

bool TrialQueue::MayBegin(bool run_paused) const {
  return std::ranges::any_of(waiting_, [&](const Waiting& waiting) {
    if (waiting.hold == records::Hold::kNone) return true;
    auto own = control_.trials.find(waiting.trial->id.str());
    return run_paused && (own == control_.trials.end() || own->second == records::Hold::kNone);
  });
}

SteadyTime TrialQueue::NextMoment() const {
  SteadyTime now = SteadyNow(), out = Deadline::Never().at();
  for (const auto& waiting : waiting_) {
    if (waiting.hold == records::Hold::kNone && waiting.not_before > now)
      out = std::min(out, waiting.not_before);
  }
  return out;
}

int TrialQueue::failed() const {
  return static_cast<int>(std::ranges::count_if(waiting_, &Waiting::failed));
}

int TrialQueue::held() const {
  return static_cast<int>(std::ranges::count_if(
      waiting_, [](const Waiting& w) { return w.hold != records::Hold::kNone; }));
}

}  // namespace podium::harness
