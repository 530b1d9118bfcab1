#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "scoring/competitions/custom_graders.h"
#include "scoring/competitions/masks.h"
#include "scoring/metrics/mask_metrics.h"

namespace podium::scoring {
namespace {

using Rows = std::vector<std::size_t>;

// Rows of a slice in order, and the slices of a case and day in order.
struct CaseDays {
  std::map<std::string_view, Rows> slices;
  std::vector<std::vector<const Rows*>> days;
};

Graded<void> CheckOneShape(const Rows& rows, std::size_t first, const ImageSizes& sizes) {
  for (std::size_t row : rows) {
    if (sizes.Height(row) != sizes.Height(first) || sizes.Width(row) != sizes.Width(first))
      return Raised("bad_shape",
                    "row " + std::to_string(row + 1) + ": slices of one day have different sizes");
  }
  return {};
}

// Rows 0 to n - 1 by slice id, and those by the part of it before "_slice_".
Graded<CaseDays> GroupByDay(const Column& ids, std::size_t n, const ImageSizes& sizes) {
  CaseDays out;
  for (std::size_t row = 0; row < n; ++row) {
    auto id = TextCell(ids, row);
    if (!id)
      return Raised("bad_id", "row " + std::to_string(row + 1) + ": the id is missing or not text");
    out.slices[*id].push_back(row);
  }
  std::map<std::string_view, std::size_t> places;
  for (const auto& [id, rows] : out.slices) {
    auto [it, fresh] = places.try_emplace(id.substr(0, id.find("_slice_")), out.days.size());
    if (fresh) out.days.emplace_back();
    auto& day = out.days[it->second];
    day.push_back(&rows);
    GRADED_TRY(CheckOneShape(rows, day.front()->front(), sizes));
  }
  return out;
}

// The masks of a day's slices, joined within a slice. Masks run down, then right.
Volume StackOf(const std::vector<const Rows*>& day, const std::vector<RunMask>& masks,
               const ImageSizes& sizes) {
  std::size_t first = day.front()->front();
  Volume v{day.size(), sizes.Height(first), sizes.Width(first), {}};
  v.set.resize(v.depth * v.height * v.width);
  for (std::size_t z = 0; z < day.size(); ++z) {
    for (std::size_t row : *day[z]) {
      for (const PixelRun& run : masks[row].runs) {
        for (std::uint64_t p = run.begin; p < run.end; ++p)
          v.set[(z * v.height + p % v.height) * v.width + p / v.height] = 1;
      }
    }
  }
  return v;
}

// numpy.nanmean: of what is a number; of nothing, NaN.
class NanMean {
 public:
  void Add(double value) {
    if (std::isnan(value)) return;
    sum_ += value;
    ++count_;
  }
  [[nodiscard]] double value() const { return sum_ / static_cast<double>(count_); }

 private:
  double sum_ = 0;
  std::size_t count_ = 0;
};

struct Masks {
  std::vector<RunMask> submitted;  // of the rows that both files have
  std::vector<RunMask> truth;
};

Graded<Masks> ReadMasks(const CustomInput& in, const ImageSizes& sizes) {
  const Column& cells = *in.submission.Find("predicted");
  GRADED_ASSIGN(const Column* truths, AnswersColumn(in.answers, "predicted"));
  Masks out;
  for (std::size_t row = 0; row < std::min(in.submission.rows, in.answers.rows); ++row) {
    auto text = TextOrEmpty(cells, row);
    if (!text) return MaskIsNoText(row);
    GRADED_ASSIGN(auto mask, SubmittedMask(in, *text, sizes.Pixels(row), row, false));
    out.submitted.push_back(std::move(mask));
  }
  for (std::size_t row = 0; row < in.answers.rows; ++row) {
    GRADED_ASSIGN(auto truth, AnswerMask(TextOrEmpty(*truths, row), sizes.Pixels(row), row));
    out.truth.push_back(std::move(truth));
  }
  return out;
}

}  // namespace

Graded<double> GradeUwMadison(const CustomInput& in) {
  for (const char* name : {"id", "class", "predicted"})
    GRADED_TRY(SubmissionColumn(in.submission, name));
  GRADED_ASSIGN(const Column* true_ids, AnswersColumn(in.answers, "id"));
  GRADED_ASSIGN(auto sizes, SizesOf(in.answers, "image_height", "image_width"));
  GRADED_ASSIGN(auto masks, ReadMasks(in, sizes));
  std::size_t n = masks.submitted.size();
  GRADED_ASSIGN(auto days, GroupByDay(*in.submission.Find("id"), n, sizes));
  GRADED_ASSIGN(auto true_days, GroupByDay(*true_ids, in.answers.rows, sizes));
  NanMean dice;
  NanMean distance;
  constexpr double kSkipped = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t row = 0; row < n; ++row)
    dice.Add(Dice(masks.submitted[row], masks.truth[row], kSkipped));
  for (std::size_t d = 0; d < std::min(days.days.size(), true_days.days.size()); ++d)
    distance.Add(ScaledHausdorff(StackOf(days.days[d], masks.submitted, sizes),
                                 StackOf(true_days.days[d], masks.truth, sizes)));
  return 0.4 * dice.value() + 0.6 * (1 - distance.value());
}

}  // namespace podium::scoring
