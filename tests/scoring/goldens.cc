#include "tests/scoring/goldens.h"

#include <cstdlib>

#include "base/files.h"
#include "base/text.h"

namespace podium::tests {

std::filesystem::path GoldenDir() {
  const char* shared = std::getenv("PODIUM_SHARED");
  std::filesystem::path beside = std::filesystem::path(PODIUM_SOURCE_DIR).parent_path() / "shared";
  return (shared ? std::filesystem::path(shared) : beside) / "goldens";
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
