#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/http/address.h"
#include "base/result.h"

namespace podium::agents {

// Variables of a program's environment as its configuration writes them: in a value, `${NAME}` and
// `${{ secrets.NAME }}` stand for the host's variable of that name. What they stand for is known
// while the program runs and is never written down.
using EnvironmentPairs = std::vector<std::pair<std::string, std::string>>;

struct ResolvedEnvironment {
  EnvironmentPairs variables;
  std::vector<std::string> secrets;  // what the references stand for
};

// An error (kUsage) names the variable that the host does not have, and what to do.
[[nodiscard]] Result<ResolvedEnvironment> Resolve(const EnvironmentPairs& configured,
                                                  const Variables& host = EnvironmentVariable);

// Which variables of the host are asked for, each once; what cannot be read is left to Resolve.
[[nodiscard]] std::vector<std::string> ReferencedNames(const EnvironmentPairs& configured);

}  // namespace podium::agents
