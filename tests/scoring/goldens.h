#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace podium::tests {

// Expected values computed by mle-bench itself; they lie beside a developer's checkout and are not
// shipped, so a test that needs them skips where this folder is missing.
// goldens/ in $PODIUM_SHARED, else in ../shared seen from the source tree.
[[nodiscard]] std::filesystem::path GoldenDir();

// The rows of a tab-separated file under GoldenDir(), the header first; no rows if it is not there.
[[nodiscard]] std::vector<std::vector<std::string>> GoldenTable(const std::filesystem::path& name);

}  // namespace podium::tests
