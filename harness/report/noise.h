#pragma once

#include <string>
#include <vector>

#include "harness/store/run_folder.h"

namespace podium::harness {

// What a trial met of its host that says nothing of its agent: attempts that infrastructure failed,
// a tenth or more of its time in which the host's memory or disks kept processes waiting or half of
// it in which its cores did, outages as long as a tenth of its work; five seconds at least. Empty
// where it met none of it.
[[nodiscard]] std::vector<std::string> NoiseOf(const TrialView& trial);

// "Infra noise: 3 of 60 trials (cpu_pressure 2, attempts 1). Without them any medal: 10/57 ...,
// with them: 12/60 ..."; "" where no trial met any.
[[nodiscard]] std::string NoiseText(const RunView& run);

}  // namespace podium::harness
