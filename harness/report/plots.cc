#include "harness/report/plots.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "agents/scaffolds/policy.h"
#include "base/foreign_folder.h"
#include "base/text.h"
#include "tables/board.h"

namespace podium::harness {
namespace {

constexpr double kWidth = 720;
constexpr double kLane = 14;  // height of a line of text

std::string N(double v) { return FormatScore(v, 1); }

std::string Line(double x1, double y1, double x2, double y2, std::string_view css) {
  return "<line x1='" + N(x1) + "' y1='" + N(y1) + "' x2='" + N(x2) + "' y2='" + N(y2) +
         "' class='" + std::string(css) + "'/>";
}
std::string Words(double x, double y, std::string_view css, std::string_view anchor,
                  std::string_view text) {
  return "<text x='" + N(x) + "' y='" + N(y) + "' class='" + std::string(css) + "' text-anchor='" +
         std::string(anchor) + "'>" + Escape(text) + "</text>";
}
std::string Svg(double height, const std::string& label, const std::string& body) {
  return "<svg viewBox='0 0 " + N(kWidth) + " " + N(height) + "' role='img' aria-label='" +
         Escape(label) + "'>" + body + "</svg>";
}

// Maps scores to x so that better is to the right; what lies outside is held at the edge.
struct Axis {
  double worst = 0, best = 1, left = 20, right = kWidth - 20;
  [[nodiscard]] double X(double score) const {
    double t = best == worst ? 0.5 : (score - worst) / (best - worst);
    return left + std::clamp(t, 0.0, 1.0) * (right - left);
  }
};

double Quantile(std::vector<std::pair<double, int>> rows, double q, int total) {
  std::ranges::sort(rows);
  double seen = 0;
  for (const auto& [score, count] : rows) {
    seen += count;
    if (seen >= q * total) return score;
  }
  return rows.back().first;
}

Axis BoardAxis(const BoardScores& board, const records::GradeRecord& v,
               const std::vector<BoardMark>& marks) {
  int n = board.total();
  auto [low, high] = std::ranges::minmax_element(board.rows, {}, &std::pair<double, int>::first);
  Axis axis;
  axis.best = v.lower_is_better ? low->first : high->first;
  axis.worst = Quantile(board.rows, v.lower_is_better ? 0.95 : 0.05, n);
  for (const auto& m : marks) {
    if (v.lower_is_better ? m.score < axis.best : m.score > axis.best) axis.best = m.score;
  }
  if (axis.best == axis.worst) axis.worst += v.lower_is_better ? 1e-9 : -1e-9;
  return axis;
}

std::string Bars(const BoardScores& board, const Axis& axis, double top, double base) {
  constexpr int kBins = 60;
  std::vector<int> bins(kBins, 0);
  double step = (axis.right - axis.left) / kBins;
  for (const auto& [score, count] : board.rows) {
    int bin = std::clamp(static_cast<int>((axis.X(score) - axis.left) / step), 0, kBins - 1);
    bins[static_cast<std::size_t>(bin)] += count;
  }
  int most = std::max(1, *std::ranges::max_element(bins));
  std::string out;
  for (int i = 0; i < kBins; ++i) {
    int count = bins[static_cast<std::size_t>(i)];
    if (count == 0) continue;
    double height = std::max(1.5, (base - top) * std::sqrt(static_cast<double>(count) / most));
    out += "<rect x='" + N(axis.left + i * step) + "' y='" + N(base - height) + "' width='" +
           N(step - 1) + "' height='" + N(height) + "' class='bar'><title>" +
           std::to_string(count) + (i == 0 ? " at or below the left edge" : "") + "</title></rect>";
  }
  return out;
}

std::string MedalLines(const records::GradeRecord& v, const Axis& axis, double base) {
  std::string out;
  if (!v.board) return out;
  const records::MedalLines& lines = v.board->lines;
  struct Mark {
    double at;
    const char* css;
    const char* name;
  };
  // Gold is outermost and its name stands highest, left of its line; the lines further in begin
  // below it, so that no name crosses a line.
  double y = 10;
  for (const Mark& m :
       {Mark{lines.gold, "gold", "gold"}, Mark{lines.silver, "silver", "silver"},
        Mark{lines.bronze, "bronze", "bronze"}, Mark{lines.median, "median", "median"}}) {
    if (!std::isfinite(m.at)) continue;
    double x = axis.X(m.at);
    bool left = x > 130;
    out += Line(x, y - 8, x, base, m.css) +
           Words(left ? x - 4 : x + 4, y, std::string("tag ") + m.css, left ? "end" : "start",
                 std::string(m.name) + " " + FormatScore(m.at));
    y += kLane;
  }
  return out;
}

int Depth(const std::vector<agents::SearchNode>& nodes, std::size_t i) {
  int depth = 0;
  for (int p = nodes[i].parent(); p >= 0; p = nodes[static_cast<std::size_t>(p)].parent()) ++depth;
  return depth;
}

std::string NodeTitle(const agents::SearchNode& n) {
  std::string out = "node " + std::to_string(n.id) + ", " + n.op + ", " + n.source;
  return out + (n.good() && n.score ? ": " + FormatScore(*n.score) : ": " + n.fault);
}

}  // namespace

std::string Escape(std::string_view text) {
  std::string out;
  for (char c : Printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

int BoardScores::total() const {
  int n = 0;
  for (const auto& [score, count] : rows) n += count;
  return n;
}

BoardScores ReadBoard(const std::filesystem::path& csv) {
  BoardScores out;
  auto folder = ForeignFolder::Open(csv.parent_path());
  auto text =
      folder ? folder->Read(csv.filename().string(), 64 << 20) : tl::unexpected(folder.error());
  if (!text) return out;
  auto board = podium::ReadBoard(*text);
  if (!board) return out;
  for (double score : board->scores) {
    if (std::isnan(score)) continue;
    bool same = !out.rows.empty() && out.rows.back().first == score;
    if (same) ++out.rows.back().second;
    if (!same) out.rows.emplace_back(score, 1);
  }
  return out;
}

std::string BoardPlot(const BoardScores& board, const records::GradeRecord& lines,
                      const std::vector<BoardMark>& marks) {
  if (board.rows.empty()) return "<p class='note'>The board is not in the run's folder.</p>";
  Axis axis = BoardAxis(board, lines, marks);
  double top = 5 * kLane, base = top + 106;
  double below = base + 44;
  std::string body = Bars(board, axis, top, base) +
                     Line(axis.left, base, axis.right, base, "axis") +
                     MedalLines(lines, axis, base);
  body += Words(axis.left, base + 14, "tick", "start", FormatScore(axis.worst) + " and worse") +
          Words(axis.right, base + 14, "tick", "end", FormatScore(axis.best) + " (better)");
  for (const auto& m : marks) {
    double x = axis.X(m.score);
    body += "<path d='M" + N(x) + " " + N(base + 18) + " l-6 11 l12 0 z' class='mark'/>" +
            Line(x, base + 29, x, below - 8, "stem");
    bool right = x > kWidth / 2;
    body += Words(right ? x - 8 : x + 8, below, "tag mark", right ? "end" : "start",
                  m.label + " " + FormatScore(m.score));
    below += 16;
  }
  return Svg(below, "distribution of the board", body);
}

std::string TreePlot(const TrialView& trial, bool lower_is_better) {
  const auto& nodes = trial.nodes;
  if (nodes.empty()) return "";
  int best = agents::BestNode(nodes, lower_is_better);
  std::map<int, int> in_row;
  std::vector<std::pair<double, double>> at(nodes.size());
  int deepest = 0;
  double step = std::min(60.0, (kWidth - 60) / static_cast<double>(nodes.size()));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    int depth = Depth(nodes, i);
    deepest = std::max(deepest, depth);
    at[i] = {36 + step * static_cast<double>(i), 22 + 38.0 * depth};
  }
  std::string edges, circles;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto& n = nodes[i];
    if (n.parent() >= 0) {
      auto [px, py] = at[static_cast<std::size_t>(n.parent())];
      edges += Line(px, py, at[i].first, at[i].second, "edge");
    }
    for (std::size_t k = 1; k < n.parents.size(); ++k) {
      auto [px, py] = at[static_cast<std::size_t>(n.parents[k])];
      edges += Line(px, py, at[i].first, at[i].second, "edge crossed");
    }
    std::string css = n.good() ? "good" : "bad";
    if (static_cast<int>(i) == best) css += " best";
    circles += "<circle cx='" + N(at[i].first) + "' cy='" + N(at[i].second) + "' r='9' class='" +
               css + "'><title>" + Escape(NodeTitle(n)) + "</title></circle>";
    circles += Words(at[i].first, at[i].second + 3.5, n.good() ? "id" : "id badid", "middle",
                     std::to_string(n.id));
  }
  return Svg(44 + 38.0 * deepest, "search tree", edges + circles);
}

namespace {

// A plot of values over working time, the greatest value on top.
struct TimeFrame {
  double low = 0, high = 1, end = 1;
  [[nodiscard]] double X(double t) const { return 90 + t / end * (kWidth - 120); }
  [[nodiscard]] double Y(double v) const {
    return 16 + (high - v) / std::max(high - low, 1e-12) * 88;
  }
  [[nodiscard]] std::string Axes(const std::string& top, const std::string& bottom,
                                 const std::string& what) const {
    return Line(90, 112, kWidth - 20, 112, "axis") + Line(90, 10, 90, 112, "axis") +
           Words(84, Y(high) + 4, "tick", "end", top) +
           Words(84, Y(low) + 4, "tick", "end", bottom) +
           Words(kWidth - 20, 128, "tick", "end",
                 FormatDuration(Millis(static_cast<std::int64_t>(end)))) +
           Words(90, 128, "tick", "start", what);
  }
};

struct BoardLine {
  const char* name;
  double at;
};

// Those that lie within one and a half times the scores' own range of them: a line far away would
// press all scores together.
std::vector<BoardLine> NearLines(const TrialView& trial, double low, double high) {
  std::vector<BoardLine> out;
  if (!trial.verdict || !trial.verdict->grade.board) return out;
  const records::MedalLines& lines = trial.verdict->grade.board->lines;
  double room = 1.5 * std::max(high - low, 0.02 * std::max(std::abs(high), std::abs(low)));
  for (const BoardLine& line :
       {BoardLine{"gold", lines.gold}, BoardLine{"silver", lines.silver},
        BoardLine{"bronze", lines.bronze}, BoardLine{"median", lines.median}}) {
    if (std::isfinite(line.at) && line.at >= low - room && line.at <= high + room)
      out.push_back(line);
  }
  return out;
}

// A line that goes on until the next point and then steps.
template <class Points, class Value>
std::string Steps(const Points& points, const TimeFrame& frame, const Value& value) {
  std::string path;
  for (const auto& point : points) {
    auto [t, v] = value(point);
    path += path.empty() ? "M" + N(frame.X(t)) + " " + N(frame.Y(v))
                         : " H" + N(frame.X(t)) + " V" + N(frame.Y(v));
  }
  return path;
}

}  // namespace

std::string TimePlot(const TrialView& trial, bool lower_is_better) {
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < trial.nodes.size() && i < trial.node_times.size(); ++i) {
    if (trial.nodes[i].good() && trial.nodes[i].score)
      points.emplace_back(static_cast<double>(trial.node_times[i].count()), *trial.nodes[i].score);
  }
  if (points.empty()) return "";
  auto [low, high] = std::ranges::minmax_element(points, {}, &std::pair<double, double>::second);
  TimeFrame frame{low->second, high->second, std::max(points.back().first, 1.0)};
  auto lines = NearLines(trial, low->second, high->second);
  for (const BoardLine& line : lines) {
    frame.low = std::min(frame.low, line.at);
    frame.high = std::max(frame.high, line.at);
  }
  std::string body = frame.Axes(
      FormatScore(frame.high), FormatScore(frame.low),
      lower_is_better ? "validation score, lower is better" : "validation score, higher is better");
  for (const BoardLine& line : lines) {
    double y = frame.Y(line.at);
    body += Line(90, y, kWidth - 20, y, std::string("dashed ") + line.name) +
            Words(kWidth - 22, y - 3, std::string("tag ") + line.name, "end",
                  std::string(line.name) + " " + FormatScore(line.at));
  }
  double best = points.front().second;
  std::string path = Steps(points, frame, [&](const auto& point) {
    best = lower_is_better ? std::min(best, point.second) : std::max(best, point.second);
    return std::pair(point.first, best);
  });
  for (const auto& [t, s] : points)
    body += "<circle cx='" + N(frame.X(t)) + "' cy='" + N(frame.Y(s)) + "' r='4' class='good'/>";
  body += "<path d='" + path + "' class='bestline'/>";
  return Svg(134, "validation score over working time", body);
}

std::string SpentPlot(const TrialView& trial) {
  if (trial.spent_by.empty()) return "";
  const SpentBy& last = trial.spent_by.back();
  double end = std::max(1.0, static_cast<double>(std::max(last.at, trial.active).count()));
  TimeFrame tokens{0, std::max(1.0, static_cast<double>(last.tokens)), end};
  bool priced = last.cost.pico > 0;
  std::string what =
      "tokens" + std::string(priced ? ", and dollars (dashed): " + last.cost.Text() : "");
  std::string body = tokens.Axes(std::to_string(last.tokens), "0", what);
  auto at = [](const SpentBy& by) { return static_cast<double>(by.at.count()); };
  std::string path = Steps(trial.spent_by, tokens, [&](const SpentBy& by) {
    return std::pair(at(by), static_cast<double>(by.tokens));
  });
  body += "<path d='" + path + "' class='bestline'/>";
  if (priced) {
    TimeFrame dollars{0, static_cast<double>(last.cost.pico), end};
    path = Steps(trial.spent_by, dollars, [&](const SpentBy& by) {
      return std::pair(at(by), static_cast<double>(by.cost.pico));
    });
    body += "<path d='" + path + "' class='bestline crossed'/>";
  }
  return Svg(134, "tokens over working time", body);
}

}  // namespace podium::harness
