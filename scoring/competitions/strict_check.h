#pragma once

#include "scoring/competitions/rules.h"
#include "scoring/competitions/spec.h"

namespace podium::scoring {

// What strict mode asks of every submission (CheckStrictTable). On success the
// submission's rows are those of the answers, in their order.
[[nodiscard]] Graded<void> CheckStrictly(const CompetitionSpec& spec, Tables& tables);

}  // namespace podium::scoring
