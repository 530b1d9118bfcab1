#include "scoring/boards/mle_bench_catalogue.h"

#include "base/files.h"
#include "base/text.h"
#include "tables/pandas_number.h"

namespace podium::scoring {
namespace {

constexpr std::size_t kColumns = 12;

Result<MleBenchCompetition> ReadRow(const std::vector<std::string_view>& cells) {
  if (cells.size() != kColumns) return Fail(ErrorCode::kInternal, "expected 12 columns");
  MleBenchCompetition out;
  out.id = cells[0];
  out.split = cells[1];
  out.systemcard = cells[2] == "yes";
  out.lower_is_better = cells[3] == "lower";
  out.rows_source = cells[5];
  out.lines_source = cells[10];
  out.kind = cells[11];
  double rows = 0;
  double* numbers[] = {&rows, &out.lines.gold, &out.lines.silver, &out.lines.bronze,
                       &out.lines.median};
  constexpr std::size_t kPlaces[] = {4, 6, 7, 8, 9};
  for (std::size_t i = 0; i < std::size(kPlaces); ++i) {
    auto value = PandasDefaultNumber(cells[kPlaces[i]]);
    if (!value)
      return Fail(ErrorCode::kInternal, "'" + std::string(cells[kPlaces[i]]) + "' is no number");
    *numbers[i] = *value;
  }
  out.board_rows = static_cast<std::size_t>(rows);
  return out;
}

bool InSplit(const MleBenchCompetition& c, std::string_view split) {
  if (split == "split75") return c.split != "dev";
  if (split == "systemcard") return c.systemcard;
  return c.split == split;
}

}  // namespace

Result<std::vector<MleBenchCompetition>> ReadMleBenchCatalogue(std::string_view tsv) {
  std::vector<MleBenchCompetition> out;
  std::size_t line = 0;
  for (std::string_view text : Split(tsv, '\n')) {
    if (++line == 1 || text.empty()) continue;
    auto row = ReadRow(Split(text, '\t'));
    if (!row)
      return Fail(ErrorCode::kInternal,
                  "mle_bench.tsv:" + std::to_string(line) + ": " + row.error().message);
    out.push_back(std::move(*row));
  }
  return out;
}

Result<std::vector<MleBenchCompetition>> MleBenchCatalogue() {
  PODIUM_ASSIGN(auto text, ReadFile(ShareDir() / "scoring" / "boards" / "mle_bench.tsv", 1 << 20));
  return ReadMleBenchCatalogue(text);
}

Result<std::vector<std::string>> MleBenchSplit(std::string_view name) {
  if (name == "lite") name = "low";
  if (name == "all") name = "split75";
  PODIUM_ASSIGN(auto all, MleBenchCatalogue());
  std::vector<std::string> ids;
  for (const auto& c : all) {
    if (InSplit(c, name)) ids.push_back(c.id);
  }
  if (!ids.empty()) return ids;
  const std::vector<std::string> known = {"low", "medium",     "high", "split75",
                                          "dev", "systemcard", "lite", "all"};
  return Fail(ErrorCode::kNotFound, "no split '" + Printable(name) + "'." + Suggest(name, known) +
                                        " Splits: " + Join(known, ", ") + ".");
}

}  // namespace podium::scoring
