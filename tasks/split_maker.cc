#include "tasks/split_maker.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <vector>

#include "base/csv.h"
#include "base/files.h"
#include "base/json.h"
#include "tasks/split_rows.h"

namespace podium::tasks {
namespace {

// A line but for its id.
struct Around {
  std::string before, after;
  [[nodiscard]] std::string With(const std::string& id) const { return before + id + after + "\n"; }
};

Around AroundId(const std::vector<std::string>& cells, std::optional<std::size_t> id) {
  Around out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::string& side = id && i > *id ? out.after : out.before;
    if (i > 0) side += ',';
    if (i != id) side += CsvCell(cells[i]);
  }
  return out;
}

// A row that an agent has to answer.
struct Asked {
  SplitPart part = SplitPart::kTest;
  std::string own_id;   // of a test row
  Around features;      // in the test table's order
  Around answer;        // of a held row
  std::uint64_t order;  // by which rows are mixed
};

std::uint64_t Number(const std::string& hash) {
  return std::strtoull(hash.substr(0, 16).c_str(), nullptr, 16);
}

class SplitMaker {
 public:
  SplitMaker(const TaskPackage& task, const PreparedTask& prepared, fs::path out)
      : task_(task), spec_(*task.split), prepared_(prepared), out_(std::move(out)) {}

  Status Make() {
    for (const char* dir :
         {"agent", "search/public", "search/private", "choice/public", "choice/private", "private"})
      PODIUM_TRY(MakeDirs(out_ / dir));
    PODIUM_TRY(CopyOthers());
    PODIUM_TRY(ReadHeads());
    PODIUM_ASSIGN(parts_, AssignParts(task_, prepared_.public_dir / spec_.table));
    PODIUM_TRY(SplitTraining());
    PODIUM_TRY(AddTest());
    std::ranges::sort(asked_, {}, &Asked::order);
    PODIUM_TRY(WriteAsked());
    return WriteMark();
  }

 private:
  // All but the three tables that change.
  Status CopyOthers() {
    std::error_code ec;
    for (fs::recursive_directory_iterator it(prepared_.public_dir, ec), end; !ec && it != end;
         it.increment(ec)) {
      fs::path name = it->path().lexically_relative(prepared_.public_dir);
      if (it->is_directory()) {
        PODIUM_TRY(MakeDirs(out_ / "agent" / name));
        continue;
      }
      bool changes = name == spec_.table || name == spec_.test || name == "sample_submission.csv";
      if (!changes) PODIUM_TRY(CopyFileAtomic(it->path(), out_ / "agent" / name));
    }
    if (!ec) return {};
    return Fail(ErrorCode::kIo,
                "cannot list " + prepared_.public_dir.string() + ": " + ec.message());
  }

  Result<std::vector<std::string>> HeadOf(const fs::path& file) const {
    PODIUM_ASSIGN(auto rows, SplitRows::Open(task_, file));
    return rows.names();
  }

  Status ReadHeads() {
    PODIUM_ASSIGN(test_head_, HeadOf(prepared_.public_dir / spec_.test));
    PODIUM_ASSIGN(answer_head_, HeadOf(prepared_.private_dir / "answers.csv"));
    PODIUM_ASSIGN(auto sample, SplitRows::Open(task_, prepared_.sample_submission()));
    sample_head_ = sample.names();
    std::vector<std::string_view> cells;
    PODIUM_ASSIGN(bool more, sample.Next(cells));
    if (!more) return UnfitForSplit(task_, "sample_submission.csv has no rows");
    sample_row_.assign(cells.begin(), cells.end());
    for (const auto* head : {&test_head_, &answer_head_, &sample_head_}) {
      if (!IdIn(*head))
        return UnfitForSplit(task_, "the id column '" + spec_.id + "' is not in all of " +
                                        spec_.test + ", the answers and sample_submission.csv");
    }
    return {};
  }

  // The training table's column that stands for one of another table; nothing: the id's place.
  Result<std::optional<std::size_t>> Source(const SplitRows& train, const std::string& name) const {
    if (name == spec_.id) return std::nullopt;
    if (auto at = train.Find(name)) return at;
    if (spec_.target.empty())
      return UnfitForSplit(task_, spec_.table + " has no column '" + name +
                                      "', and no `target` says what it is there");
    PODIUM_ASSIGN(auto at, train.Need(spec_.target));
    return std::optional(at);
  }

  Result<std::vector<std::optional<std::size_t>>> Sources(
      const SplitRows& train, const std::vector<std::string>& names) const {
    std::vector<std::optional<std::size_t>> out;
    for (const auto& name : names) {
      PODIUM_ASSIGN(auto source, Source(train, name));
      out.push_back(source);
    }
    return out;
  }

  static std::vector<std::string> Taken(const std::vector<std::string_view>& cells,
                                        const std::vector<std::optional<std::size_t>>& sources) {
    std::vector<std::string> out;
    for (const auto& source : sources) out.emplace_back(source ? cells[*source] : "");
    return out;
  }

  Status SplitTraining() {
    PODIUM_ASSIGN(auto rows, SplitRows::Open(task_, prepared_.public_dir / spec_.table));
    for (const auto& name : test_head_) {
      if (name == spec_.target)
        return UnfitForSplit(task_, spec_.test + " has the target '" + name + "' itself");
      if (name != spec_.id) PODIUM_TRY(rows.Need(name));
    }
    PODIUM_ASSIGN(auto features, Sources(rows, test_head_));
    PODIUM_ASSIGN(auto answers, Sources(rows, answer_head_));
    std::string kept = SplitLine(rows.names());
    std::vector<std::string_view> cells;
    for (std::size_t row = 0;; ++row) {
      PODIUM_ASSIGN(bool more, rows.Next(cells));
      if (!more) break;
      if (parts_[row] == SplitPart::kTrain) {
        kept += SplitLine({cells.begin(), cells.end()});
        continue;
      }
      asked_.push_back({parts_[row], "", AroundId(Taken(cells, features), IdIn(test_head_)),
                        AroundId(Taken(cells, answers), IdIn(answer_head_)),
                        Number(SplitHash("mix held", task_, std::to_string(row)))});
    }
    return WriteFileAtomic(out_ / "agent" / spec_.table, kept);
  }

  Status AddTest() {
    PODIUM_ASSIGN(auto rows, SplitRows::Open(task_, prepared_.public_dir / spec_.test));
    PODIUM_ASSIGN(std::size_t id, rows.Need(spec_.id));
    std::vector<std::string_view> cells;
    for (std::size_t row = 0;; ++row) {
      PODIUM_ASSIGN(bool more, rows.Next(cells));
      if (!more) return {};
      Asked asked{.part = SplitPart::kTest,
                  .own_id = std::string(cells[id]),
                  .features = AroundId({cells.begin(), cells.end()}, id),
                  .answer = {},
                  .order = Number(SplitHash("mix test", task_, std::to_string(row)))};
      asked_.push_back(std::move(asked));
    }
  }

  // Ids are places in the mixed order, from 1: neither says where a row is from.
  Status WriteAsked() {
    std::string test = SplitLine(test_head_), sample = SplitLine(sample_head_), ids;
    std::map<SplitPart, std::string> answers = {{SplitPart::kSearch, SplitLine(answer_head_)},
                                                {SplitPart::kChoice, SplitLine(answer_head_)}};
    std::map<SplitPart, std::string> samples = {{SplitPart::kSearch, sample},
                                                {SplitPart::kChoice, sample}};
    Around sample_row = AroundId(sample_row_, IdIn(sample_head_));
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      const Asked& asked = asked_[i];
      std::string id = std::to_string(i + 1);
      test += asked.features.With(id);
      sample += sample_row.With(id);
      ids += std::string(1, static_cast<char>(asked.part)) + "," + CsvCell(asked.own_id) + "\n";
      if (asked.part == SplitPart::kTest) continue;
      ++held_[asked.part];
      answers[asked.part] += asked.answer.With(id);
      samples[asked.part] += sample_row.With(id);
    }
    PODIUM_TRY(WriteFileAtomic(out_ / "agent" / spec_.test, test));
    PODIUM_TRY(WriteFileAtomic(out_ / "agent" / "sample_submission.csv", sample));
    PODIUM_TRY(WriteFileAtomic(out_ / "private" / kSplitIds, ids, 0600));
    PODIUM_TRY(WritePart("search", samples[SplitPart::kSearch], answers[SplitPart::kSearch]));
    return WritePart("choice", samples[SplitPart::kChoice], answers[SplitPart::kChoice]);
  }

  [[nodiscard]] std::optional<std::size_t> IdIn(const std::vector<std::string>& head) const {
    auto at = std::ranges::find(head, spec_.id);
    if (at == head.end()) return std::nullopt;
    return static_cast<std::size_t>(at - head.begin());
  }

  Status WritePart(const fs::path& part, const std::string& sample, const std::string& answers) {
    PODIUM_TRY(WriteFileAtomic(out_ / part / "public" / "sample_submission.csv", sample));
    return WriteFileAtomic(out_ / part / "private" / "answers.csv", answers, 0600);
  }

  Status WriteMark() {
    std::error_code ec;
    for (const char* dir : {"private", "search", "choice"})
      fs::permissions(out_ / dir, fs::perms::owner_all, ec);
    if (ec) return Fail(ErrorCode::kIo, "cannot set the modes in " + out_.string());
    std::string rows;
    for (SplitPart part : parts_) rows += static_cast<char>(part);
    Json mark = {{"schema", "podium-split/1"},
                 {"digest", Digest::Of(rows).hex()},
                 {"search_rows", held_[SplitPart::kSearch]},
                 {"choice_rows", held_[SplitPart::kChoice]}};
    return WriteFileAtomic(out_ / kSplitMark, DumpJson(mark) + "\n");
  }

  const TaskPackage& task_;
  const SplitSpec& spec_;
  const PreparedTask& prepared_;
  fs::path out_;
  std::vector<std::string> test_head_, answer_head_, sample_head_, sample_row_;
  std::vector<SplitPart> parts_;
  std::vector<Asked> asked_;
  std::map<SplitPart, std::size_t> held_;
};

}  // namespace

Status MakeSplit(const TaskPackage& task, const PreparedTask& prepared, const fs::path& out) {
  return SplitMaker(task, prepared, out).Make();
}

}  // namespace podium::tasks
