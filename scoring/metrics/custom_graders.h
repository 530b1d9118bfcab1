#pragma once

#include "scoring/fault.h"
#include "scoring/frame/frame.h"

namespace podium::scoring {

// Whole graders of nine mle-bench competitions whose rules no table of columns can say: each takes
// both files as read and does what mlebench/competitions/<id>/grade.py (and the scripts it ships)
// does, its defects included. Scores are not rounded; they may be NaN.

// 3d-object-detection-for-autonomous-vehicles: LyftMap3d.
[[nodiscard]] Graded<double> GradeLyft3d(const Frame& submission, const Frame& answers);
// siim-covid19-detection: SiimMap.
[[nodiscard]] Graded<double> GradeSiimCovid(const Frame& submission, const Frame& answers);
// vinbigdata-chest-xray-abnormalities-detection: CocoMap40 on boxes whose far corner is taken for
// their size. Rows of one image may repeat.
[[nodiscard]] Graded<double> GradeVinBigData(const Frame& submission, const Frame& answers);
// kuzushiji-recognition: F1 of points in boxes.
[[nodiscard]] Graded<double> GradeKuzushiji(const Frame& submission, const Frame& answers);
// tgs-salt-identification-challenge: mean SaltPrecision of 101 x 101 masks.
[[nodiscard]] Graded<double> GradeSalt(const Frame& submission, const Frame& answers);
// hubmap-kidney-segmentation: mean Dice, 1 where both masks are empty.
[[nodiscard]] Graded<double> GradeHubmap(const Frame& submission, const Frame& answers);
// google-research-identify-contrails-reduce-global-warming: Dice of all pixels together.
[[nodiscard]] Graded<double> GradeContrails(const Frame& submission, const Frame& answers);
// vesuvius-challenge-ink-detection: mean F0.5; rows must be in the answers' order.
[[nodiscard]] Graded<double> GradeVesuvius(const Frame& submission, const Frame& answers);
// uw-madison-gi-tract-image-segmentation: 0.4 Dice + 0.6 (1 - ScaledHausdorff). Rows are paired by
// position and a short file is graded on the rows that it has.
[[nodiscard]] Graded<double> GradeUwMadison(const Frame& submission, const Frame& answers);

}  // namespace podium::scoring
