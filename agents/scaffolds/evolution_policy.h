#pragma once

#include <memory>

#include "agents/scaffolds/policy.h"

namespace podium::agents {

// In AIRA's terms.
struct EvolutionSettings {
  int per_generation = 5;  // individuals on each island
  int generations = 100;
  double crossover_prob = 0.5;
  int crossover_from = 2;  // generation; the drafts are generation 0
  int max_debug_depth = 10;
  int islands = 1;
  int island_size = 500;  // members; the worst leave
  double migration_prob = 0;
};

// An evolutionary search (AIRA, arXiv 2507.02554). Generation 0 are drafts; then each individual
// is, with probability crossover_prob from generation crossover_from on and where its island has
// two members, the crossover of two of them, else the improvement of one; an empty island drafts. A
// parent is drawn by the softmax, at temperature 1, of the members' scores scaled to 0..1 over all
// scores so far. A failed individual is debugged until its chain is too long. It joins its island
// if it counts and, after generation 0, is no worse than the members' mean. After a generation each
// island's best goes to the next island with probability migration_prob. Nobody waits for a
// generation: an individual belongs to that in which it began, joins when it has settled, and meets
// the members of that moment; there is migration whenever so many more have settled.
[[nodiscard]] std::unique_ptr<Policy> MakeEvolutionPolicy(EvolutionSettings settings);

}  // namespace podium::agents
