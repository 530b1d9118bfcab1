// tensorflow2-question-answering: predicted spans, "<start>:<end>", YES, NO or nothing, against the
// valid answers of the same row (written as words: "290:302 YES").

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "scoring/metrics/inputs.h"
#include "scoring/metrics/metrics.h"

namespace podium::scoring {
namespace {

// A span in canonical form, YES, NO or empty.
Graded<std::string> ReadGuess(std::string_view cell, std::size_t row) {
  std::string_view text = StripBlanks(cell);
  std::string place = "row " + std::to_string(row + 1) + ": ";
  if (std::ranges::count(text, ':') == 1) {
    std::size_t cut = text.find(':');
    auto start = PythonInt(text.substr(0, cut));
    auto end = PythonInt(text.substr(cut + 1));
    if (start && end) return *start + ":" + *end;
    return Raised("not_an_integer", place + "a span whose ends are not whole numbers");
  }
  if (text.empty() || text == "YES" || text == "NO") return std::string(text);
  return Refused("bad_answer_format",
                 place + "'" + Printable(text.substr(0, 60)) + "' is no span, YES or NO");
}

}  // namespace

// params.score: "accuracy" counts rows where a prediction is right or rightly absent
// (scikit-learn's micro F1 of two classes, as MLE-bench calls it); "f1" (default) is 2 TP / (2 TP +
// FP + FN) with a wrong span as false positive and a missing one as false negative (Kaggle).
Graded<double> SpanF1(const MetricInput& in) {
  GRADED_ASSIGN(const Column* predicted, in.Predicted());
  GRADED_ASSIGN(const Column* truth, in.Truth());
  GRADED_ASSIGN(auto guesses, TextCells(*predicted, Side::kSubmission));
  GRADED_ASSIGN(auto answers, TextCells(*truth, Side::kAnswers));
  double hits = 0;
  double absent = 0;
  double wrong = 0;
  double missed = 0;
  for (std::size_t row = 0; row < answers.size(); ++row) {
    GRADED_ASSIGN(auto guess, ReadGuess(guesses[row], row));
    auto valid = SplitWords(answers[row]);
    if (guess.empty()) {
      ++(valid.empty() ? absent : missed);
    } else {
      ++(std::ranges::find(valid, guess) != valid.end() ? hits : wrong);
    }
  }
  double rows = hits + absent + wrong + missed;
  if (rows == 0) return TaskFault("bad_answers", "the answers have no rows");
  if (in.TextParamOr("score", "f1") == "accuracy") return (hits + absent) / rows;
  double total = 2 * hits + wrong + missed;
  return total == 0 ? 1.0 : 2 * hits / total;
}

}  // namespace podium::scoring
