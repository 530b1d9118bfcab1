#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "scoring/metrics/box.h"
#include "scoring/metrics/detection_metrics.h"
#include "scoring/metrics/polygon.h"

namespace podium::scoring {
namespace {

template <class T>
std::string Code(const Graded<T>& graded) {
  if (graded) return "ok";
  const char* kinds[] = {"refused", "raised", "task"};
  return std::string(kinds[static_cast<int>(graded.error().kind)]) + " " + graded.error().code;
}

TEST(BoxTest, StringsAreCutAsTheirGradersCutThem) {
  EXPECT_EQ(Code(ParseLabeledBoxes(" a 1 0  0 1 1 ")), "ok");
  EXPECT_EQ(Code(ParseLabeledBoxes("")), "ok");
  EXPECT_EQ(Code(ParseLabeledBoxes("a 1 0 0 1")), "raised malformed_boxes");
  EXPECT_EQ(Code(ParseLabeledBoxes("a x 0 0 1")), "refused not_a_number");  // found before the end
  EXPECT_EQ(Code(ParseClassBoxes("3.7 1 0 0 1 1")), "ok");
  EXPECT_EQ(ParseClassBoxes("-3.7 1 0 0 1 1")->front().category, -3);
  EXPECT_EQ(Code(ParseClassBoxes("3 1 0 0  1 1")), "raised not_a_number");
  EXPECT_EQ(Code(ParseClassBoxes("")), "raised not_a_number");
  EXPECT_EQ(Code(ParseClassBoxes("nan 1 0 0 1 1")), "raised not_finite");
  EXPECT_EQ(Code(ParseLabeledPoints("a 1 nan")), "ok");
  EXPECT_EQ(Code(ParseLabeledPoints("a 1 2 ")), "refused malformed_points");
  EXPECT_EQ(Code(ParseLabeledPoints("a x 2")), "raised not_a_number");
  EXPECT_EQ(Code(ParseBoxes3d("  ")), "ok");
  EXPECT_EQ(ParseBoxes3d("1 2 3 4 5 6 7 8 car")->front().label, "car");
  EXPECT_EQ(Code(ParseBoxes3d("1 2 3 4 5 6 7 8 car ")), "refused malformed_boxes");
  EXPECT_EQ(Code(ParseBoxes3d("1 2 x 4 5 6 7 8 car")), "raised not_a_number");
}

TEST(BoxTest, OverlapsByHand) {
  EXPECT_DOUBLE_EQ(CornerIou({0, 0, 2, 2}, {1, 1, 3, 3}), 1.0 / 7);
  EXPECT_EQ(CornerIou({0, 0, 1, 1}, {1, 0, 2, 1}), 0);
  EXPECT_EQ(CornerIou({0, 0, 0, 0}, {0, 0, 0, 0}), 0);
  EXPECT_DOUBLE_EQ(SizeIou({0, 0, 2, 2}, {1, 1, 2, 2}), 1.0 / 7);
  EXPECT_EQ(SizeIou({0, 0, 1, 1}, {5, 5, 1, 1}), 0);
}

TEST(PolygonTest, OverlapDoesNotDependOnOrderPlaceOrWay) {
  Polygon square = {{0, 0}, {2, 0}, {2, 2}, {0, 2}};
  Polygon diamond = {{1, -0.5}, {2.5, 1}, {1, 2.5}, {-0.5, 1}};
  // The square loses its corners: four triangles with legs of half a unit.
  EXPECT_NEAR(ConvexOverlap(square, diamond), 4 - 4 * 0.125, 1e-12);
  EXPECT_NEAR(ConvexOverlap(diamond, square), 3.5, 1e-12);
  Polygon back(diamond.rbegin(), diamond.rend());
  EXPECT_NEAR(ConvexOverlap(square, back), 3.5, 1e-12);
  for (auto* p : {&square, &diamond})
    for (Point& point : *p) point = {point.x + 1e6, point.y - 1e6};
  EXPECT_NEAR(ConvexOverlap(square, diamond), 3.5, 1e-9);
  EXPECT_EQ(ConvexOverlap(square, {{0, 0}, {1, 1}}), 0);
  EXPECT_EQ(ConvexOverlap(square, {{NAN, 0}, {1, 1}, {0, 1}}), 0);
  EXPECT_NEAR(ConvexOverlap(square, square), 4, 1e-9);
}

Box3d Car(double x, double yaw) { return {"car", 1, {x, 0, 0}, {2, 4, 1}, yaw}; }

TEST(PolygonTest, BoxesOnTheGround) {
  EXPECT_NEAR(Iou3d(Car(0, 0.3), Car(0, 0.3)), 1, 1e-12);
  EXPECT_NEAR(Iou3d(Car(0, 0), Car(0, std::numbers::pi)), 1, 1e-12);  // half a turn
  EXPECT_NEAR(Iou3d(Car(0, 0), Car(0, std::numbers::pi / 2)), 4.0 / 12, 1e-12);
  EXPECT_NEAR(Iou3d(Car(0, 0), Car(2, 0)), 4.0 / 12, 1e-12);  // the length lies along x
  Box3d raised = Car(0, 0);
  raised.centre[2] = 0.2;
  EXPECT_NEAR(Iou3d(Car(0, 0), raised), 0.8 / 1.2, 1e-12);
  Box3d flat = Car(0, 0);
  flat.size[2] = 0;
  EXPECT_EQ(Code(CheckBox3d(flat)), "raised bad_box");
  EXPECT_EQ(Code(CheckBox3d(Car(NAN, 0))), "raised not_finite");
  EXPECT_EQ(Code(CheckBox3d(Car(INFINITY, 0))), "raised bad_box");
  EXPECT_EQ(Code(CheckBox3d(Car(5, 1))), "ok");
}

TEST(LyftMap3dTest, MatchesPerClassAndThreshold) {
  Box3d near = Car(0, 0);
  near.centre[2] = 0.2;  // IoU 2/3: four of the ten thresholds
  std::vector<Sample3d> samples = {{{Car(0, 0)}, {near}}};
  EXPECT_DOUBLE_EQ(*LyftMap3d(samples), 0.4);
  Box3d bus = Car(9, 0);
  bus.label = "bus";
  samples[0].predicted.push_back(bus);  // a class that the truth lacks
  EXPECT_DOUBLE_EQ(*LyftMap3d(samples), 0.4);
  samples[0].truth.push_back(bus);
  EXPECT_DOUBLE_EQ(*LyftMap3d(samples), 0.7);
  samples.push_back({{Car(0, 0)}, {}});
  EXPECT_DOUBLE_EQ(*LyftMap3d(samples), 0.35);
  samples[1].predicted = {Car(NAN, 0)};
  EXPECT_EQ(Code(LyftMap3d(samples)), "raised not_finite");
}

TEST(SiimMapTest, UnmatchedTruthIsAHitOfConfidenceZero) {
  LabeledBox box{"opacity", 0.9, {0, 0, 10, 10}};
  LabeledBox off{"opacity", 0.5, {50, 50, 60, 60}};
  // Ranked: hit at 0.9 (precision 1), then a miss at 0.5, then the two zeros tie (1 hit of 2).
  std::vector<SampleBoxes> samples = {{{box}, {box, off}}, {{box}, {}}, {{}, {}}};
  EXPECT_DOUBLE_EQ(*SiimMap(samples), 0.5 * 1 + 0.5 * 0.5);
  samples = {{{box}, {box}}};
  EXPECT_EQ(Code(SiimMap(samples)), "raised undefined_metric");
  samples = {{{box}, {box}}, {{}, {}}};
  EXPECT_EQ(*SiimMap(samples), 1);
  samples[0].predicted[0].confidence = INFINITY;
  EXPECT_EQ(Code(SiimMap(samples)), "raised not_finite");
}

// The annotation numbered 0 never counts as matched, so a perfect answer for one box scores 0, and
// the same box as number 1 scores 1.
TEST(CocoMap40Test, NumberZeroIsNoMatch) {
  CocoTruth truth{0, 3, {0, 0, 10, 10}, 100};
  CocoDetection hit{0, 3, 0.9, {0, 0, 10, 10}, 100};
  CocoDetection other{0, 8, 0.9, {0, 0, 1, 1}, 1};
  std::vector<CocoTruth> truths = {truth};
  std::vector<CocoDetection> found = {other, hit};
  EXPECT_EQ(CocoMap40(truths, found, 1), 0);
  EXPECT_NEAR(CocoMap40(truths, found, 1, 1), 1, 1e-12);  // numbered from 1
  truths = {{0, 9, {0, 0, 5, 5}, -1}, truth};  // number 0 outside the range of areas: not counted
  EXPECT_NEAR(CocoMap40(truths, found, 1), 1, 1e-12);
  EXPECT_EQ(CocoMap40({}, found, 1), -1);
}

TEST(KuzushijiTest, PointsMustLieStrictlyInside) {
  std::vector<LabeledRect> truth = {{"a", 0, 0, 10, 10}, {"a", 0, 0, 10, 10}};
  std::vector<LabeledPoint> points = {{"a", 10, 5}, {"b", 5, 5}, {"a", 5, 5}};
  PageCounts counts = MatchPage(truth, points);
  EXPECT_EQ(counts.hits, 1u);
  EXPECT_EQ(counts.missed, 1u);
  EXPECT_EQ(counts.false_points, 2u);
  EXPECT_DOUBLE_EQ(F1(counts), 2.0 / 5);
  EXPECT_EQ(F1({}), 0);
}

}  // namespace
}  // namespace podium::scoring
