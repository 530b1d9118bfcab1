#include "tables/id_texts.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "tables/frame/parse_number.h"
#include "tables/keyed_hash.h"

namespace podium {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr RowIndex kNoRow = static_cast<RowIndex>(-1);

bool HoldsTexts(const Column& column) { return column.dtype == DType::kObject; }

}  // namespace

IdTexts::IdTexts(const Frame& frame, std::span<const std::string> names, std::string_view bytes)
    : rows_(frame.rows) {
  std::vector<const Column*> found;
  std::vector<std::size_t> places;
  for (const std::string& name : names) {
    found.push_back(frame.Find(name));
    places.push_back(static_cast<std::size_t>(found.back() - frame.columns.data()));
  }
  bool texts = std::ranges::all_of(found, [](const Column* c) { return HoldsTexts(*c); });
  if (!texts && !bytes.empty()) {
    ReadAgain(places, bytes);
    return;
  }
  if (!texts) made_.reserve(rows_ * found.size());
  for (const Column* column : found) {
    PackedTexts& cells = columns_.emplace_back();
    if (HoldsTexts(*column)) {
      cells = column->cells;
      continue;
    }
    for (std::size_t row = 0; row < rows_; ++row) {
      bool missing = column->missing(row);
      cells.push_back(missing ? std::string_view() : made_.emplace_back(column->Str(row)));
    }
  }
}

void IdTexts::ReadAgain(std::span<const std::size_t> places, std::string_view bytes) {
  columns_.resize(places.size());
  CsvScanner scanner(bytes, kNone, blocks_);
  std::vector<std::string_view> cells;
  if (scanner.Next(cells) != CsvScanner::Step::kRow) return;  // the header
  for (std::size_t row = 0; row < rows_; ++row) {
    bool more = scanner.Next(cells) == CsvScanner::Step::kRow;
    for (std::size_t i = 0; i < places.size(); ++i) {
      bool there = more && places[i] < cells.size() && !cells[places[i]].empty();
      columns_[i].push_back(there ? cells[places[i]] : std::string_view());
    }
  }
}

bool IdTexts::Missing(std::size_t row) const {
  return std::ranges::any_of(columns_, [&](const auto& cells) { return IsMissing(cells[row]); });
}

std::string IdTexts::Key(std::size_t row, bool by_value) const {
  auto part = [&](const PackedTexts& cells) {
    return by_value ? IdValue(cells[row]) : std::string(cells[row]);
  };
  if (columns_.size() == 1) return part(columns_[0]);
  std::string key;
  for (const PackedTexts& cells : columns_) {
    std::string text = part(cells);
    key += std::to_string(text.size()) + ':' + text;
  }
  return key;
}

std::string IdTexts::Shown(std::size_t row) const {
  std::string out;
  for (const PackedTexts& cells : columns_) {
    if (!out.empty()) out += ", ";
    std::string_view text = cells[row];
    out += "'" + Printable(text.substr(0, 60)) + (text.size() > 60 ? "...'" : "'");
  }
  return out;
}

std::string IdValue(std::string_view text) {
  constexpr double kExact = 9007199254740992;  // 2^53
  std::int64_t whole = 0;
  if (ParseInt64(text, whole) == ParseState::kOk) return std::to_string(whole);
  double number = 0;
  if (!ParsePandasDouble(text, number) || std::abs(number) >= kExact || std::isnan(number))
    return std::string(text);
  if (number == std::trunc(number)) return std::to_string(static_cast<std::int64_t>(number));
  return PythonFloat(number);
}

namespace {

using OrdinalOf = std::unordered_map<std::string, std::size_t, KeyedTextHash>;

// The distinct ids of the answers, numbered as they first occur.
struct KnownIds {
  explicit KnownIds(const IdTexts& answers) {
    by_text.reserve(answers.rows());
    for (std::size_t row = 0; row < answers.rows(); ++row) {
      if (by_text.emplace(answers.Key(row, false), first_rows.size()).second)
        first_rows.push_back(row);
    }
  }
  // Ids by value; none where two of them have the same.
  [[nodiscard]] std::optional<OrdinalOf> ByValue(const IdTexts& answers) const {
    OrdinalOf out;
    out.reserve(first_rows.size());
    for (std::size_t i = 0; i < first_rows.size(); ++i) {
      if (!out.emplace(answers.Key(first_rows[i], true), i).second) return std::nullopt;
    }
    return out;
  }

  OrdinalOf by_text;
  std::vector<std::size_t> first_rows;
};

void Note(std::optional<std::size_t>& first, std::size_t row) {
  first = std::min(first.value_or(row), row);
}

// Where rows of the submission go; a place is taken once.
class Places {
 public:
  Places(std::size_t count, IdMatching& out) : out_(out) { out.rows.assign(count, kNoRow); }

  // False where the id is not among those.
  bool Put(const OrdinalOf& ids, const std::string& key, std::size_t row) {
    auto found = ids.find(key);
    if (found == ids.end()) return false;
    RowIndex& place = out_.rows[found->second];
    if (place == kNoRow) {
      place = static_cast<RowIndex>(row);
    } else {
      Note(out_.repeated, row);
    }
    return true;
  }

 private:
  IdMatching& out_;
};

void PlaceStrangers(const IdTexts& submission, const IdTexts& answers, const KnownIds& known,
                    const std::vector<std::size_t>& strangers, Places& places, IdMatching& out) {
  if (strangers.empty()) return;
  std::optional<OrdinalOf> values = known.ByValue(answers);
  // As many foreign ids are remembered as an honest file may have.
  std::size_t most = 2 * known.first_rows.size() + 1024;
  std::unordered_set<std::string, KeyedTextHash> extra;
  for (std::size_t row : strangers) {
    if (out.repeated) return;
    if (values && places.Put(*values, submission.Key(row, true), row)) continue;
    if (extra.size() < most && !extra.insert(submission.Key(row, values.has_value())).second)
      Note(out.repeated, row);
    Note(out.extra, row);
    ++out.extra_count;
  }
}

}  // namespace

IdMatching MatchIds(const IdTexts& submission, const IdTexts& answers) {
  IdMatching out;
  KnownIds known(answers);
  Places places(known.first_rows.size(), out);
  std::vector<std::size_t> strangers;
  for (std::size_t row = 0; row < submission.rows() && !out.repeated; ++row) {
    if (submission.Missing(row)) {
      out.empty = row;
      return out;
    }
    if (!places.Put(known.by_text, submission.Key(row, false), row)) {
      strangers.push_back(row);
    }
  }
  if (out.repeated) return out;
  PlaceStrangers(submission, answers, known, strangers, places, out);
  for (std::size_t i = 0; i < out.rows.size(); ++i) {
    if (out.rows[i] != kNoRow) continue;
    Note(out.missing, known.first_rows[i]);
    ++out.missing_count;
  }
  return out;
}

}  // namespace podium
