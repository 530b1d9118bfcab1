#pragma once

#include <memory>

#include "agents/layer_keeper.h"
#include "agents/proposer.h"
#include "agents/scaffolds/policy.h"

namespace podium::agents {

struct SearchSettings {
  LayerPolicy layers = LayerPolicy::kNone;
  Selection selection = Selection::kBest;
  int top_k = 3;                 // of selection top-k and ensemble
  double ensemble_share = 0.1;   // of the trial's time, kept for the ensemble
  bool place_feedback = false;   // a node is told its place on the leaderboard
  bool hidden_feedback = false;  // a node's score is that on hidden rows (TrialContext::hidden)
};

// Asks the policy what to do next and the proposer for a program, runs it, judges it, and hands in
// the node that it chooses in the end. Every finished node is in the journal before the next
// begins, and its file is outside the sandbox. Where the trial has several sandboxes, each is a
// worker's, and they do so at the same time.
[[nodiscard]] std::unique_ptr<Scaffold> MakeSearch(std::unique_ptr<Policy> policy,
                                                   std::unique_ptr<Proposer> proposer,
                                                   SearchSettings settings = {});

}  // namespace podium::agents
