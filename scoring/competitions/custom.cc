#include "scoring/competitions/custom.h"

#include "scoring/competitions/custom_graders.h"

namespace podium::scoring {
namespace {

struct Entry {
  std::string_view name;
  CustomGrader grader;
};

// One line a grader, sorted by name.
constexpr Entry kGraders[] = {
    {"coco_map40", GradeVinBigData},    {"contrail_dice", GradeContrails},
    {"dice_hausdorff", GradeUwMadison}, {"dice_mean", GradeHubmap},
    {"ink_f_half", GradeVesuvius},      {"kuzushiji_f1", GradeKuzushiji},
    {"lyft_map3d", GradeLyft3d},        {"salt_precision", GradeSalt},
    {"siim_map", GradeSiimCovid},
};

}  // namespace

CustomGrader FindCustomGrader(std::string_view name) {
  for (const Entry& entry : kGraders) {
    if (entry.name == name) return entry.grader;
  }
  return nullptr;
}

}  // namespace podium::scoring
