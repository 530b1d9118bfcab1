#include "tests/scoring/property_cases.h"

#include <cmath>
#include <limits>
#include <memory>
#include <numbers>

namespace podium::tests {
namespace {

using Rng = std::mt19937;
using Doubles = std::vector<double>;
using Words = std::vector<std::string>;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kTiny = 2.220446049250313e-16;  // the loss of a clipped certainty

double Unit(Rng& rng) { return std::uniform_real_distribution<double>(0, 1)(rng); }
std::size_t Pick(Rng& rng, std::size_t n) { return rng() % n; }

Doubles Fill(std::size_t rows, const auto& value) {
  Doubles out(rows);
  for (std::size_t i = 0; i < rows; ++i) out[i] = value(i);
  return out;
}

void Add(Frame& frame, std::string name, Doubles values) {
  Column column{.name = std::move(name), .dtype = DType::kFloat64};
  frame.rows = values.size();
  column.floats = std::move(values);
  frame.columns.push_back(std::move(column));
}

void AddWords(Frame& frame, std::string name, const Words& words) {
  if (!frame.owned) frame.owned = std::make_shared<std::vector<std::unique_ptr<std::string>>>();
  Column column{.name = std::move(name), .dtype = DType::kObject};
  frame.rows = words.size();
  for (const std::string& word : words) {
    frame.owned->push_back(std::make_unique<std::string>(word));
    column.cells.push_back(*frame.owned->back());
  }
  frame.columns.push_back(std::move(column));
}

MetricCase Numbers(const Doubles& predicted, const Doubles& truth) {
  MetricCase c;
  Add(c.predicted, "y", predicted);
  Add(c.perfect, "y", truth);
  Add(c.truth, "y", truth);
  c.targets = {"y"};
  return c;
}

MetricCase Texts(const Words& predicted, const Words& truth) {
  MetricCase c;
  AddWords(c.predicted, "y", predicted);
  AddWords(c.perfect, "y", truth);
  AddWords(c.truth, "y", truth);
  c.targets = {"y"};
  return c;
}

// Both classes, half of the guesses near the truth.
Doubles BinaryTruth(Rng& rng, std::size_t rows) {
  return Fill(rows, [&](std::size_t i) { return i < 2 ? double(i) : double(Pick(rng, 2)); });
}

Doubles Probabilities(Rng& rng, const Doubles& truth) {
  return Fill(truth.size(), [&](std::size_t i) {
    return Pick(rng, 4) == 0 ? std::round(Unit(rng) * 4) / 4 : 0.5 * truth[i] + 0.5 * Unit(rng);
  });
}

MetricCase Binary(Rng& rng, std::size_t rows) {
  auto truth = BinaryTruth(rng, rows);
  return Numbers(Probabilities(rng, truth), truth);
}

MetricCase Classes(Rng& rng, std::size_t rows) {
  auto truth = Fill(rows, [&](std::size_t i) { return i < 5 ? double(i) : double(Pick(rng, 5)); });
  auto guess =
      Fill(rows, [&](std::size_t i) { return Pick(rng, 2) ? truth[i] : double(Pick(rng, 5)); });
  return Numbers(guess, truth);
}

MetricCase TopK(Rng& rng, std::size_t rows) {
  MetricCase c = Binary(rng, rows);
  c.params["k"] = 2.0;
  return c;
}

MetricCase Reals(Rng& rng, std::size_t rows) {
  auto truth = Fill(rows, [&](std::size_t) { return 10 + Unit(rng) * 100; });
  auto guess = Fill(rows, [&](std::size_t i) { return truth[i] + Unit(rng) * 10 - 5; });
  return Numbers(guess, truth);
}

// `count` columns of the same kind.
MetricCase Columns(Rng& rng, std::size_t rows, std::size_t count,
                   MetricCase (*one)(Rng&, std::size_t)) {
  MetricCase c;
  for (std::size_t k = 0; k < count; ++k) {
    MetricCase column = one(rng, rows);
    std::string name = "c" + std::to_string(k);
    Add(c.predicted, name, column.predicted.columns[0].floats);
    Add(c.perfect, name, column.perfect.columns[0].floats);
    Add(c.truth, name, column.truth.columns[0].floats);
    c.targets.push_back(name);
  }
  return c;
}

MetricCase BinaryColumns(Rng& rng, std::size_t rows) { return Columns(rng, rows, 3, Binary); }
MetricCase RealColumns(Rng& rng, std::size_t rows) { return Columns(rng, rows, 3, Reals); }

MetricCase Kept(Rng& rng, std::size_t rows) {
  MetricCase c = RealColumns(rng, rows);
  Column keep{.name = "keep", .dtype = DType::kBool};
  for (std::size_t i = 0; i < rows; ++i) keep.bools.push_back(i == 0 || Pick(rng, 2) == 0);
  c.truth.columns.push_back(keep);
  c.params["keep"] = std::string("keep");
  return c;
}

MetricCase Positions(Rng& rng, std::size_t rows) {
  MetricCase c = BinaryColumns(rng, rows);
  auto ids = Fill(rows, [](std::size_t i) { return 1000.0 + static_cast<double>(i); });
  for (Frame* frame : {&c.predicted, &c.perfect, &c.truth}) Add(*frame, "id", ids);
  c.params["id"] = std::string("id");
  return c;
}

// One column a class; rows of predictions add to 1.
MetricCase OneHot(Rng& rng, std::size_t rows) {
  constexpr std::size_t kClasses = 4;
  std::vector<Doubles> truth(kClasses, Doubles(rows));
  std::vector<Doubles> guess(kClasses, Doubles(rows));
  for (std::size_t i = 0; i < rows; ++i) {
    truth[Pick(rng, kClasses)][i] = 1;
    double sum = 0;
    for (auto& column : guess) sum += column[i] = Unit(rng) + 0.01;
    for (auto& column : guess) column[i] /= sum;
  }
  MetricCase c;
  for (std::size_t k = 0; k < kClasses; ++k) {
    std::string name = "c" + std::to_string(k);
    Add(c.predicted, name, guess[k]);
    Add(c.perfect, name, truth[k]);
    Add(c.truth, name, truth[k]);
    c.targets.push_back(name);
  }
  return c;
}

MetricCase Fractures(Rng& rng, std::size_t rows) {
  MetricCase c = Binary(rng, rows / 8 * 8);
  Words ids;
  for (std::size_t i = 0; i < c.truth.rows; ++i) {
    std::string part = i % 8 == 0 ? "patient_overall" : "C" + std::to_string(i % 8);
    ids.push_back("p" + std::to_string(i / 8) + "_" + part);
  }
  AddWords(c.truth, "id", ids);
  c.params["id"] = std::string("id");
  return c;
}

MetricCase Groups(Rng& rng, std::size_t rows) {
  MetricCase c = Reals(rng, rows);
  Words groups;
  for (std::size_t i = 0; i < rows; ++i) groups.push_back("g" + std::to_string(i % 3));
  AddWords(c.truth, "type", groups);
  c.params["group"] = std::string("type");
  c.params["floor"] = 1e-9;
  return c;
}

MetricCase Angles(Rng& rng, std::size_t rows) {
  auto turn = [&](std::size_t) { return Unit(rng) * 2 * std::numbers::pi; };
  auto tilt = [&](std::size_t) { return Unit(rng) * std::numbers::pi; };
  MetricCase c;
  Add(c.predicted, "azimuth", Fill(rows, turn));
  Add(c.predicted, "zenith", Fill(rows, tilt));
  Add(c.truth, "azimuth", Fill(rows, turn));
  Add(c.truth, "zenith", Fill(rows, tilt));
  c.perfect = c.truth;
  c.targets = {"azimuth", "zenith"};
  return c;
}

MetricCase Trips(Rng& rng, std::size_t rows) {
  MetricCase c;
  Words trips;
  for (std::size_t i = 0; i < rows; ++i) trips.push_back("t" + std::to_string(i % 3));
  auto near = [&](std::size_t) { return 37 + Unit(rng) * 0.01; };
  for (Frame* frame : {&c.predicted, &c.truth}) {
    AddWords(*frame, "trip", trips);
    Add(*frame, "lat", Fill(rows, near));
    Add(*frame, "lng", Fill(rows, near));
  }
  c.perfect = c.truth;
  c.targets = {"lat", "lng"};
  c.params["group"] = std::string("trip");
  return c;
}

MetricCase Identities(Rng& rng, std::size_t rows) {
  MetricCase c = Binary(rng, rows);
  Words names;
  for (std::size_t k = 0; k < 3; ++k) {
    names.push_back("identity" + std::to_string(k));
    // The first four rows give every subgroup both classes.
    Add(c.truth, names.back(),
        Fill(rows, [&](std::size_t i) { return i < 4 ? double(i / 2) : double(Pick(rng, 2)); }));
  }
  for (Frame* frame : {&c.truth, &c.perfect}) {
    for (std::size_t i = 0; i < 4; ++i) frame->columns[0].floats[i] = double(i % 2);
  }
  c.params["identities"] = names;
  return c;
}

MetricCase Visits(Rng& rng, std::size_t rows) {
  MetricCase c;
  Words ids;
  Words patients;
  for (std::size_t i = 0; i < rows; ++i) {
    patients.push_back("p" + std::to_string(i / 4));
    ids.push_back(patients.back() + "_" + std::to_string(i % 4));
  }
  auto truth = Fill(rows, [&](std::size_t) { return 2000 + Unit(rng) * 1000; });
  for (Frame* frame : {&c.predicted, &c.perfect, &c.truth}) AddWords(*frame, "id", ids);
  AddWords(c.truth, "patient", patients);
  Add(c.truth, "fvc", truth);
  Add(c.perfect, "fvc", truth);
  Add(c.perfect, "confidence", Doubles(rows, 70));
  Add(c.predicted, "fvc", Fill(rows, [&](std::size_t i) { return truth[i] + Unit(rng) * 400; }));
  Add(c.predicted, "confidence", Fill(rows, [&](std::size_t) { return Unit(rng) * 300; }));
  c.targets = {"fvc", "confidence"};
  c.params["id"] = std::string("id");
  c.params["group"] = std::string("patient");
  return c;
}

std::string RandomText(Rng& rng, std::size_t length, std::string_view alphabet) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += alphabet[Pick(rng, alphabet.size())];
  return text;
}

MetricCase Sentences(Rng& rng, std::size_t rows) {
  Words truth;
  Words guess;
  for (std::size_t i = 0; i < rows; ++i) {
    truth.push_back(RandomText(rng, 1 + Pick(rng, 150), "abc "));
    guess.push_back(RandomText(rng, Pick(rng, 150), "abc "));
  }
  return Texts(guess, truth);
}

// 1 to `most` different words of a small vocabulary.
std::string SomeWords(Rng& rng, std::size_t most) {
  std::string text;
  std::size_t first = Pick(rng, 6);
  std::size_t count = 1 + Pick(rng, most);
  for (std::size_t k = 0; k < count; ++k)
    text += (k ? " " : "") + std::string(1, static_cast<char>('1' + (first + k) % 6));
  return text;
}

MetricCase WordLists(Rng& rng, std::size_t rows) {
  Words truth;
  Words guess;
  for (std::size_t i = 0; i < rows; ++i) {
    truth.push_back(SomeWords(rng, 3));
    guess.push_back(SomeWords(rng, 5));
  }
  MetricCase c = Texts(guess, truth);
  c.params["k"] = 5.0;
  return c;
}

MetricCase Orders(Rng& rng, std::size_t rows) {
  Words truth;
  Words guess;
  for (std::size_t i = 0; i < rows; ++i) {
    Words cells = {"a", "b", "c", "d", "e"};
    std::shuffle(cells.begin(), cells.end(), rng);
    truth.push_back(cells[0] + " " + cells[1] + " " + cells[2] + " " + cells[3]);
    guess.push_back(cells[Pick(rng, 2)] == cells[0]
                        ? truth.back()
                        : cells[2] + " " + cells[0] + " " + cells[3] + " " + cells[1]);
  }
  return Texts(guess, truth);
}

MetricCase Spans(Rng& rng, std::size_t rows) {
  Words truth;
  Words guess;
  for (std::size_t i = 0; i < rows; ++i) {
    std::string span = std::to_string(Pick(rng, 9)) + ":" + std::to_string(9 + Pick(rng, 9));
    truth.push_back(i % 3 == 0 ? "" : i % 3 == 1 ? "YES" : span);
    guess.push_back(Pick(rng, 2) ? truth.back() : Pick(rng, 2) ? "3:4" : "");
  }
  return Texts(guess, truth);
}

MetricCase Boards(Rng& rng, std::size_t rows) {
  MetricCase c;
  // Still lifes (blocks) of which one step changes nothing, so that the start is the answer.
  Add(c.truth, "delta", Doubles(rows, 1));
  std::vector<std::size_t> corner(rows);
  for (auto& at : corner) at = Pick(rng, 20) * 25 + Pick(rng, 20);
  for (std::size_t cell = 0; cell < 625; ++cell) {
    auto block = Fill(rows, [&](std::size_t i) {
      std::size_t d = cell - corner[i];
      return cell >= corner[i] && (d == 0 || d == 1 || d == 25 || d == 26) ? 1.0 : 0.0;
    });
    Add(c.truth, "stop_" + std::to_string(cell), block);
    Add(c.perfect, "start_" + std::to_string(cell), block);
    Add(c.predicted, "start_" + std::to_string(cell),
        Fill(rows, [&](std::size_t) { return Pick(rng, 5) == 0 ? 1.0 : 0.0; }));
  }
  return c;
}

}  // namespace

const std::vector<MetricProperties>& AllProperties() {
  using Labels = MetricProperties::Labels;
  static const double kLaplaceBest = -std::log(std::numbers::sqrt2 * 70);
  static const std::vector<MetricProperties> all = {
      {"accuracy", Classes, 1, 0, Combine::kMean, true, Labels::kAnyNames},
      {"angular_error", Angles, 0, std::numbers::pi, Combine::kMean},
      {"error_rate", Classes, 0, 1, Combine::kMean, true, Labels::kAnyNames},
      {"f1_macro", Classes, 1, 0, Combine::kNone, true, Labels::kAnyNames},
      {"fracture_log_loss", Fractures, 0, kNone, Combine::kNone, false},
      {"group_log_mae", Groups, std::log(1e-9), kNone},
      {"haversine_quantiles", Trips, 0, kNone, Combine::kNone, false},
      {"jigsaw_bias", Identities, 1, 0},
      {"kendall_order", Orders, 1, -1, Combine::kMean},
      {"kl_divergence", OneHot, 0, kNone, Combine::kMean},
      {"laplace_likelihood", Visits, kLaplaceBest, kNone, Combine::kNone, false},
      {"levenshtein_mean", Sentences, 0, kNone, Combine::kMean},
      {"life_forward_mae", Boards, 0, 1, Combine::kMean},
      {"log_loss", OneHot, kTiny, kNone, Combine::kMean},
      {"log_loss_binary", Binary, kTiny, kNone, Combine::kMean},
      {"lwlrap", BinaryColumns, 1, 0},
      {"mae", Reals, 0, kNone, Combine::kMean},
      {"mae_rounded", Reals, 0, kNone},
      {"map_at_k", WordLists, 1, 0, Combine::kMean},
      {"masked_mcrmse", Kept, 0, kNone},
      {"matthews_correlation", Classes, 1, -1, Combine::kNone, true, Labels::kAnyNames},
      {"mcrmse", RealColumns, 0, kNone},
      {"pearson", Reals, 1, -1},
      {"probabilistic_f1", Binary, 1, 0},
      {"quadratic_weighted_kappa", Classes, 1, -1, Combine::kNone, true, Labels::kSameOrder},
      {"rmse", Reals, 0, kNone, Combine::kMeanSquare},
      {"rmsle_mean", RealColumns, 0, kNone},
      {"roc_auc", Binary, 1, 0},
      {"roc_auc_by_position", Positions, 1, 0},
      {"roc_auc_mean", BinaryColumns, 1, 0},
      {"sequence_error_rate", WordLists, 0, kNone},
      {"span_f1", Spans, 1, 0},
      {"spearman_mean", RealColumns, 1, -1},
      {"tag_f1_mean", WordLists, 1, 0, Combine::kMean},
      {"tag_f1_micro", WordLists, 1, 0},
      {"top_k_hits", TopK, 2, 0, Combine::kNone, false},
      {"weighted_auc", Binary, 1, 0},
      {"word_jaccard", WordLists, 1, 0, Combine::kMean},
  };
  return all;
}

}  // namespace podium::tests
