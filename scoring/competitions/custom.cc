#include "scoring/competitions/custom.h"

namespace podium::scoring {
namespace {

struct Entry {
  std::string_view name;
  CustomGrader grader;
};

// One line a grader, sorted by name.
constexpr Entry kGraders[] = {
    {"", nullptr},
};

}  // namespace

CustomGrader FindCustomGrader(std::string_view name) {
  for (const Entry& entry : kGraders) {
    if (!name.empty() && entry.name == name) return entry.grader;
  }
  return nullptr;
}

}  // namespace podium::scoring
