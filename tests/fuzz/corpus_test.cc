#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "tests/fuzz/targets.h"

namespace podium::fuzz {
namespace {

// Every committed input of the fuzz targets, findings of earlier runs among them.
TEST(FuzzCorpusTest, EveryInputHoldsTheInvariants) {
  for (const Target& target : kTargets) {
    std::filesystem::path dir =
        std::filesystem::path(PODIUM_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
    int inputs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir)) {
      target.run(*ReadFile(entry.path()));
      ++inputs;
    }
    EXPECT_GE(inputs, 5) << target.name;
  }
}

}  // namespace
}  // namespace podium::fuzz
