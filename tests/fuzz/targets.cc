#include "tests/fuzz/targets.h"

#include <zlib.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/csv.h"
#include "scoring/boards/mle_bench_board.h"
#include "scoring/metrics/box.h"
#include "scoring/metrics/detection_metrics.h"
#include "scoring/metrics/mask_metrics.h"
#include "scoring/metrics/polygon.h"
#include "scoring/metrics/rle.h"
#include "tables/board.h"
#include "tables/frame/read_csv.h"
#include "tables/frame/unpack.h"
#include "tests/fuzz/require.h"

namespace podium::fuzz {
namespace {

using namespace podium::scoring;

void RequireSame(const Column& a, const Column& b) {
  Require(a.name == b.name && a.dtype == b.dtype && a.size() == b.size(), "columns are alike");
  Require(a.python_bools == b.python_bools, "columns are both of bools or not");
  for (std::size_t row = 0; row < a.size(); ++row)
    Require(a.missing(row) == b.missing(row) && a.Str(row) == b.Str(row), "cells are equal");
}

// Several threads read what one reads.
void ReadInParts(std::string_view bytes) {
  ReadCsvOptions options;
  auto whole = ReadPandasCsv(bytes, options);
  options.part_bytes = 8;
  auto parts = ReadPandasCsv(bytes, options);
  Require(whole.has_value() == parts.has_value(), "both read the table or neither");
  if (!whole) return Require(whole.error().code == parts.error().code, "faults are the same");
  Require(whole->rows == parts->rows, "both have all rows");
  Require(whole->columns.size() == parts->columns.size(), "both have all columns");
  for (std::size_t c = 0; c < whole->columns.size(); ++c)
    RequireSame(whole->columns[c], parts->columns[c]);
}

void ReadFrames(std::string_view bytes) {
  for (bool ragged : {true, false}) {
    ReadCsvOptions options;
    options.max_columns = 1000;
    options.max_cells = 1 << 20;
    options.ragged = options.repeated_names = ragged;
    auto frame = ReadPandasCsv(bytes, options);
    if (!frame) continue;
    for (const Column& column : frame->columns) {
      Require(column.size() == frame->rows, "a column is as long as the frame");
      Require(column.CountMissing() <= frame->rows, "no more missing cells than rows");
      if (frame->rows > 0) (void)column.Str(frame->rows - 1);
    }
  }
}

void CheckMask(const RunMask& mask) {
  std::uint64_t last = 0;
  for (const PixelRun& run : mask.runs) {
    Require(run.begin < run.end && run.end <= mask.pixels, "a run lies in the image");
    Require(run.begin >= last, "runs are sorted and disjoint");
    last = run.end;
  }
  Require(CountCommon(mask, mask) == mask.Count(), "a mask shares all its pixels with itself");
  Require(Dice(mask, mask, 1) == 1, "Dice of a mask with itself");
}

// Corners of two polygons: the bytes as doubles, five points each at most.
std::pair<scoring::Polygon, scoring::Polygon> TwoPolygons(std::string_view bytes) {
  scoring::Polygon out[2];
  for (std::size_t i = 0; i + 16 <= bytes.size() && i < 160; i += 16) {
    Point p;
    std::memcpy(&p.x, bytes.data() + i, 8);
    std::memcpy(&p.y, bytes.data() + i + 8, 8);
    out[i / 16 % 2].push_back(p);
  }
  return {out[0], out[1]};
}

// gzip's form of some bytes, at a level of compression that the bytes choose.
std::string Gzip(std::string_view bytes) {
  z_stream stream{};
  int level = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]) % 10;
  Require(deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK,
          "zlib starts");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  Require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib packs");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

void Csv(std::string_view bytes) {
  ReadFrames(bytes);
  ReadInParts(bytes);
  CsvReader reader(bytes, {.max_columns = 1000, .max_cell_bytes = 1 << 16});
  std::vector<std::string_view> cells;
  for (;;) {
    auto more = reader.Next(cells);
    if (!more || !*more) break;
    Require(cells.size() <= 1000 && !cells.empty(), "a row has cells, and no more than allowed");
  }
  // Counts can ask for ten million entries a row; a board of that kind is tried elsewhere.
  if (bytes.find("count") != std::string_view::npos) return;
  auto board = ReadBoard(bytes);
  if (board) {
    auto ranked = MleBenchBoard::From(board->scores);
    Require(ranked.has_value(), "a board that was read has rows");
    (void)ranked->Rank(0.5);
  }
}

void Rle(std::string_view bytes) {
  auto [first, second] = Halves(bytes);
  for (std::uint64_t pixels : {0ull, 1ull, 10201ull, ~0ull >> 2}) {
    auto a = DecodeRle(first, pixels);
    auto b = DecodeRle(second, pixels);
    if (a) CheckMask(*a);
    auto strict = DecodeRleStrictly(first, pixels);
    Require(!strict || (a && a->Count() == strict->Count()), "strict takes less, and the same");
    if (!a || !b) continue;
    std::uint64_t common = CountCommon(*a, *b);
    Require(common == CountCommon(*b, *a), "what is shared does not depend on the order");
    Require(common <= std::min(a->Count(), b->Count()), "no more is shared than there is");
    double precision = SaltPrecision(*a, *b);
    Require(precision >= 0 && precision <= 1, "a precision is a share");
    (void)MaskFHalf(*a, *b);
  }
}

void Box(std::string_view bytes) {
  if (bytes.size() > 4096) return;  // pairs of boxes grow with the square
  auto [first, second] = Halves(bytes);
  auto truth = ParseLabeledBoxes(first);
  auto predicted = ParseLabeledBoxes(second);
  if (truth && predicted) {
    std::vector<SampleBoxes> samples = {{*truth, *predicted}, {*predicted, *truth}, {{}, {}}};
    auto score = SiimMap(std::move(samples));
    Require(!score || (*score >= 0 && *score <= 1 + 1e-9), "an average precision is a share");
  }
  auto classes = ParseClassBoxes(first);
  if (classes) {
    std::vector<CocoTruth> truths;
    std::vector<CocoDetection> detections;
    for (const ClassBox& b : *classes) {
      truths.push_back(
          {0, static_cast<std::int64_t>(std::abs(b.category) < 1e9 ? b.category : 0), b.box, 1});
      detections.push_back({0, b.category, b.score, b.box, 1});
    }
    double score = CocoMap40(truths, detections, 1);
    Require(score == -1 || (score >= 0 && score <= 1), "an average precision is a share");
  }
  auto points = ParseLabeledPoints(first);
  if (points) {
    std::vector<LabeledRect> rects = {{"a", 0, 0, 10, 10}};
    PageCounts counts = MatchPage(rects, *points);
    Require(counts.hits + counts.false_points == points->size(), "every point counts once");
  }
}

void Polygon(std::string_view bytes) {
  auto [a, b] = TwoPolygons(bytes);
  Require(!(ConvexOverlap(a, b) < 0), "an area is not negative");
  if (bytes.size() > 4096) return;
  auto [first, second] = Halves(bytes);
  auto truth = ParseBoxes3d(first);
  auto predicted = ParseBoxes3d(second);
  if (!truth || !predicted) return;
  for (const auto* boxes : {&*truth, &*predicted}) {
    for (const Box3d& box : *boxes) {
      if (!CheckBox3d(box)) return;
      double iou = Iou3d(box, box);
      Require(!(iou < 0 || iou > 1), "an intersection over union is a share");
    }
  }
  std::vector<Sample3d> samples = {{*truth, *predicted}};
  (void)LyftMap3d(samples);
}

void Unpack(std::string_view bytes) {
  constexpr UnpackLimits kLimits{.max_bytes = 1 << 20, .max_ratio = 250, .free_bytes = 1 << 14};
  auto out = podium::Unpack(bytes, kLimits);
  if (out) {
    Require(out->size() <= kLimits.max_bytes, "no more comes out than the bound");
    Require(out->size() <= kLimits.free_bytes || out->size() / kLimits.max_ratio <= bytes.size(),
            "nor more than its ratio");
    Require(!IsPacked(*out), "what comes out is not packed again");
  }
  if (bytes.size() > kLimits.max_bytes) return;
  auto again = podium::Unpack(Gzip(bytes));
  Require(again ? *again == bytes : IsPacked(bytes), "what was packed comes out again");
}

}  // namespace podium::fuzz
