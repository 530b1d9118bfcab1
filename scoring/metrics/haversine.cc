// smartphone-decimeter-2022: mean over trips of the mean of the median and the 95th percentile of
// the distances in metres between the positions of both tables, paired in the order of their rows.

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

constexpr double kRadiusMetres = 6'371'000;

double Radians(double degrees) { return degrees * (std::numbers::pi / 180); }

// The haversine formula on a sphere.
double Distance(double lat1, double lng1, double lat2, double lng2) {
  double lat = std::sin((Radians(lat2) - Radians(lat1)) / 2);
  double lng = std::sin((Radians(lng2) - Radians(lng1)) / 2);
  double a = lat * lat + std::cos(Radians(lat1)) * std::cos(Radians(lat2)) * lng * lng;
  return 2 * kRadiusMetres * std::asin(std::sqrt(a));
}

// numpy.quantile's linear interpolation; NaN where a value is.
double Quantile(const std::vector<double>& sorted, double q) {
  double place = q * static_cast<double>(sorted.size() - 1);
  auto low = static_cast<std::size_t>(place);
  std::size_t high = std::min(low + 1, sorted.size() - 1);
  double t = place - static_cast<double>(low);
  double step = sorted[high] - sorted[low];
  return t >= 0.5 ? sorted[high] - step * (1 - t) : sorted[low] + step * t;
}

double TripScore(std::vector<double> distances) {
  for (double d : distances) {
    if (std::isnan(d)) return d;
  }
  std::ranges::sort(distances);
  return (Quantile(distances, 0.5) + Quantile(distances, 0.95)) / 2;
}

using RowsByTrip = std::map<std::string, std::vector<std::size_t>>;

RowsByTrip GroupRows(const Column& trips) {
  RowsByTrip groups;
  for (std::size_t row = 0; row < trips.size(); ++row) {
    if (!trips.missing(row)) groups[trips.Str(row)].push_back(row);
  }
  return groups;
}

struct Track {
  NumberView lat;
  NumberView lng;
};

Graded<Track> TrackOf(const MetricInput& in, Side side) {
  bool answers = side == Side::kAnswers;
  GRADED_ASSIGN(const Column* lat, answers ? in.Truth(0) : in.Predicted(0));
  GRADED_ASSIGN(const Column* lng, answers ? in.Truth(1) : in.Predicted(1));
  Track track;
  GRADED_ASSIGN(track.lat, AnyNumbers(*lat, side));
  GRADED_ASSIGN(track.lng, AnyNumbers(*lng, side));
  return track;
}

}  // namespace

// Targets: latitude, longitude in degrees. params.group: the trip's column. Pairs rows itself.
Graded<double> HaversineQuantiles(const MetricInput& in) {
  GRADED_ASSIGN(auto group, in.TextParam("group"));
  GRADED_ASSIGN(const Column* true_trips, in.AnswerColumn(group));
  GRADED_ASSIGN(const Column* trips, in.SubmissionColumn(group));
  RowsByTrip predicted = GroupRows(*trips);
  GRADED_ASSIGN(auto p, TrackOf(in, Side::kSubmission));
  GRADED_ASSIGN(auto t, TrackOf(in, Side::kAnswers));
  std::vector<double> scores;
  for (const auto& [trip, rows] : GroupRows(*true_trips)) {
    const auto& mine = predicted[trip];
    if (mine.size() != rows.size())
      return Refused("row_count", "trip '" + Printable(trip) + "': " + std::to_string(mine.size()) +
                                      " rows, expected " + std::to_string(rows.size()));
    std::vector<double> distances(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      distances[i] = Distance(p.lat[mine[i]], p.lng[mine[i]], t.lat[rows[i]], t.lng[rows[i]]);
    scores.push_back(TripScore(std::move(distances)));
  }
  if (scores.empty()) return TaskFault("bad_answers", "the answers have no trip");
  return NumpyMean(scores);
}

}  // namespace podium::scoring
