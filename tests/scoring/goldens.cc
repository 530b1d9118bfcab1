#include "tests/scoring/goldens.h"

#include <cstdlib>

#include "base/files.h"
#include "base/text.h"

namespace podium::tests {

std::filesystem::path GoldenDir() {
  if (const char* set = std::getenv("PODIUM_GOLDENS")) return set;
  return std::filesystem::path(PODIUM_SOURCE_DIR).parent_path() / "shared" / "goldens";
}

std::vector<std::vector<std::string>> GoldenTable(const std::filesystem::path& name) {
  auto text = ReadFile(GoldenDir() / name);
  std::vector<std::vector<std::string>> rows;
  if (!text) return rows;
  for (std::string_view line : Split(*text, '\n')) {
    if (line.empty()) continue;
    auto cells = Split(line, '\t');
    rows.emplace_back(cells.begin(), cells.end());
  }
  return rows;
}

}  // namespace podium::tests
