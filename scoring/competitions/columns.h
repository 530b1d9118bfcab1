#pragma once

#include "scoring/competitions/rules.h"

// Rules that change columns or add them up (rules.cc has the others). Changes apply to both tables
// where both have the column.
namespace podium::scoring {

// fillna(""), or fillna("-") where how is "dash": missing cells of text become "", and so does a
// column without any value. A column of numbers stays one.
[[nodiscard]] Graded<void> FillEmpty(const Rule& rule, Tables& tables);
// fillna(0), in the submission.
[[nodiscard]] Graded<void> FillZero(const Rule& rule, Tables& tables);
// astype(str): "1", "1.0", "True", "nan"; how "empty": missing cells become ""
// instead; how "text": a column of numbers stays one (numpy.asarray of a list of str and NaN).
[[nodiscard]] Graded<void> AsText(const Rule& rule, Tables& tables);
// Whether a cell of a column of Python bools is True.
[[nodiscard]] bool ParsePythonBool(std::string_view cell);
// [int(cell) for cell in column]: fractions are cut; text that is no whole number raises.
[[nodiscard]] Graded<void> AsInt(const Rule& rule, Tables& tables);
// int of a whole number, or of the first word of a text; a column of floats raises.
[[nodiscard]] Graded<void> AsClassId(const Rule& rule, Tables& tables);
// columns: from, to. In the submission; raises where `to` is there already.
[[nodiscard]] Graded<void> RenameColumn(const Rule& rule, Tables& tables);

// Each row's numbers add to 1. how: "isclose" (|sum - 1| <= 1e-6 + 1e-5), "round5" (Python's round
// to 5 decimals), "round6" (NumPy's to 6), "all" (every column but the id: numbers from 0 to 1,
// |sum - 1|
// <= 1e-8 + 1e-5; raises). columns ["*"]: all but the first. Missing cells add nothing; text
// raises.
[[nodiscard]] Graded<void> HasRowSums(const Rule& rule, Tables& tables);

// Cells are masks as pairs of start and length; how "dash": or "-".
[[nodiscard]] Graded<void> HasRunLengths(const Rule& rule, Tables& tables);

}  // namespace podium::scoring
