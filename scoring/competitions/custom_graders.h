#pragma once

#include "scoring/competitions/custom.h"

namespace podium::scoring {

// Graders of nine mle-bench competitions whose rules no list of checks can say. In compat mode each
// does what mlebench/competitions/<id>/grade.py and the scripts it ships do, defects included; the
// score may be NaN. In strict mode rows have been matched by their ids and what the format does not
// allow is refused. Specifications give the differences.

[[nodiscard]] Graded<double> GradeLyft3d(const CustomInput& in);     // LyftMap3d
[[nodiscard]] Graded<double> GradeSiimCovid(const CustomInput& in);  // SiimMap
// CocoMap40. In compat the far corner of a box is taken for its size and annotation 0 never
// matches; rows of one image may repeat.
[[nodiscard]] Graded<double> GradeVinBigData(const CustomInput& in);
[[nodiscard]] Graded<double> GradeKuzushiji(const CustomInput& in);  // F1 of points in boxes
[[nodiscard]] Graded<double> GradeSalt(const CustomInput& in);       // mean SaltPrecision
[[nodiscard]] Graded<double> GradeHubmap(const CustomInput& in);     // mean Dice, 1 for both empty
[[nodiscard]] Graded<double> GradeContrails(const CustomInput& in);  // Dice of all pixels together
// Mean F0.5. In compat rows must be in the answers' order.
[[nodiscard]] Graded<double> GradeVesuvius(const CustomInput& in);
// 0.4 Dice + 0.6 (1 - ScaledHausdorff). In compat rows are paired by position and a short file is
// graded on the rows that it has.
[[nodiscard]] Graded<double> GradeUwMadison(const CustomInput& in);

}  // namespace podium::scoring
