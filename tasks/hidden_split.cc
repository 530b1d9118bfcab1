#include "tasks/hidden_split.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "base/csv.h"
#include "base/deadlines.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::tasks {
namespace {

constexpr const char* kMark = "split.json";
constexpr const char* kIds = "ids.csv";  // of the mixed rows: part, and the test row's own id

enum class Part : char { kTrain = 'r', kTest = 't', kSearch = 's', kChoice = 'c' };

// A number that depends on the text alone and on nothing else.
std::string Hash(std::string_view purpose, const TaskPackage& task, std::string_view text) {
  return Digest::Of(std::string(purpose) + "\n" + task.id.str() + "\n" + std::string(text))
      .hex()
      .substr(0, 24);
}

tl::unexpected<Error> Unfit(const TaskPackage& task, const std::string& why) {
  return Fail(ErrorCode::kConfig, (task.dir / "task.yaml").string() + ": split: " + why);
}

// A table of the task's, read row by row.
class Rows {
 public:
  static Result<Rows> Open(const TaskPackage& task, const fs::path& file) {
    Rows out(task);
    PODIUM_ASSIGN(auto text, ReadFile(file));
    out.text_ = std::make_unique<std::string>(std::move(text));
    out.reader_.emplace(*out.text_);
    std::vector<std::string_view> cells;
    PODIUM_ASSIGN(bool more, out.reader_->Next(cells));
    if (!more) return Unfit(task, file.filename().string() + " is empty");
    out.names_.assign(cells.begin(), cells.end());
    out.file_ = file.filename().string();
    return out;
  }

  Result<bool> Next(std::vector<std::string_view>& cells) {
    PODIUM_ASSIGN(bool more, reader_->Next(cells));
    if (more && cells.size() != names_.size())
      return Unfit(*task_, file_ + ":" + std::to_string(reader_->line()) + " has " +
                               std::to_string(cells.size()) + " cells, its header " +
                               std::to_string(names_.size()));
    return more;
  }

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::optional<std::size_t> Find(std::string_view name) const {
    auto at = std::ranges::find(names_, name);
    if (at == names_.end()) return std::nullopt;
    return static_cast<std::size_t>(at - names_.begin());
  }
  [[nodiscard]] Result<std::size_t> Need(std::string_view name) const {
    if (auto at = Find(name)) return *at;
    return Unfit(*task_,
                 file_ + " has no column '" + std::string(name) + "'." + Suggest(name, names_));
  }

 private:
  explicit Rows(const TaskPackage& task) : task_(&task) {}
  const TaskPackage* task_;
  std::string file_;
  std::unique_ptr<std::string> text_;
  std::optional<CsvReader> reader_;
  std::vector<std::string> names_;
};

std::string Line(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) out += (i ? "," : "") + CsvCell(cells[i]);
  return out + "\n";
}

// What a group is, or a time, of each row; the row's own number where neither is asked for.
Result<std::vector<std::string>> Keys(const TaskPackage& task, const fs::path& table) {
  const SplitSpec& spec = *task.split;
  PODIUM_ASSIGN(auto rows, Rows::Open(task, table));
  std::optional<std::size_t> column;
  if (!spec.group.empty() || !spec.time.empty()) {
    PODIUM_ASSIGN(column, rows.Need(spec.group.empty() ? spec.time : spec.group));
  }
  std::vector<std::string> out;
  std::vector<std::string_view> cells;
  for (;;) {
    PODIUM_ASSIGN(bool more, rows.Next(cells));
    if (!more) return out;
    out.push_back(column ? std::string(cells[*column]) : std::to_string(out.size()));
  }
}

bool LaterTime(const std::string& a, const std::string& b) {
  char* end_a = nullptr;
  char* end_b = nullptr;
  double x = std::strtod(a.c_str(), &end_a), y = std::strtod(b.c_str(), &end_b);
  bool numbers = !a.empty() && !b.empty() && *end_a == 0 && *end_b == 0;
  return numbers ? x > y : a > b;
}

// Held keys, the first to be held first.
std::vector<std::string> InOrder(const TaskPackage& task, const std::vector<std::string>& keys) {
  std::set<std::string> distinct(keys.begin(), keys.end());
  std::vector<std::string> out(distinct.begin(), distinct.end());
  if (!task.split->time.empty()) {
    std::ranges::stable_sort(out, LaterTime);
    return out;
  }
  std::map<std::string, std::string> hash;
  for (const auto& key : out) hash[key] = Hash("hold", task, key);
  std::ranges::sort(out, {}, [&](const std::string& key) { return hash[key]; });
  return out;
}

// Each row's part. Rows of one key stay together; keys go to the two held parts in turn.
Result<std::vector<Part>> Assign(const TaskPackage& task, const std::vector<std::string>& keys) {
  auto wanted = static_cast<std::size_t>(
      std::llround(task.split->fraction * static_cast<double>(keys.size())));
  std::map<std::string, std::size_t> count;
  for (const auto& key : keys) ++count[key];
  std::map<std::string, Part> part_of;
  std::size_t held[2] = {0, 0};
  for (const auto& key : InOrder(task, keys)) {
    if (held[0] + held[1] >= wanted) break;
    bool choice = held[1] < held[0];
    part_of[key] = choice ? Part::kChoice : Part::kSearch;
    held[choice ? 1 : 0] += count[key];
  }
  if (held[0] == 0 || held[1] == 0 || held[0] + held[1] >= keys.size())
    return Unfit(task, "fraction " + FormatDouble(task.split->fraction) + " of " +
                           std::to_string(keys.size()) + " rows of " + task.split->table +
                           " leaves nothing for training, search or choice");
  std::vector<Part> out;
  for (const auto& key : keys) {
    auto at = part_of.find(key);
    out.push_back(at == part_of.end() ? Part::kTrain : at->second);
  }
  return out;
}

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
  Part part = Part::kTest;
  std::string own_id;   // of a test row
  Around features;      // in the test table's order
  Around answer;        // of a held row
  std::uint64_t order;  // by which rows are mixed
};

std::uint64_t Number(const std::string& hash) {
  return std::strtoull(hash.substr(0, 16).c_str(), nullptr, 16);
}

class Maker {
 public:
  Maker(const TaskPackage& task, const PreparedTask& prepared, fs::path out)
      : task_(task), spec_(*task.split), prepared_(prepared), out_(std::move(out)) {}

  Status Make() {
    for (const char* dir :
         {"agent", "search/public", "search/private", "choice/public", "choice/private", "private"})
      PODIUM_TRY(MakeDirs(out_ / dir));
    PODIUM_TRY(CopyOthers());
    PODIUM_TRY(ReadHeads());
    PODIUM_ASSIGN(auto keys, Keys(task_, prepared_.public_dir / spec_.table));
    PODIUM_ASSIGN(parts_, Assign(task_, keys));
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
    PODIUM_ASSIGN(auto rows, Rows::Open(task_, file));
    return rows.names();
  }

  Status ReadHeads() {
    PODIUM_ASSIGN(test_head_, HeadOf(prepared_.public_dir / spec_.test));
    PODIUM_ASSIGN(answer_head_, HeadOf(prepared_.private_dir / "answers.csv"));
    PODIUM_ASSIGN(auto sample, Rows::Open(task_, prepared_.sample_submission()));
    sample_head_ = sample.names();
    std::vector<std::string_view> cells;
    PODIUM_ASSIGN(bool more, sample.Next(cells));
    if (!more) return Unfit(task_, "sample_submission.csv has no rows");
    sample_row_.assign(cells.begin(), cells.end());
    for (const auto* head : {&test_head_, &answer_head_, &sample_head_}) {
      if (!IdIn(*head))
        return Unfit(task_, "the id column '" + spec_.id + "' is not in all of " + spec_.test +
                                ", the answers and sample_submission.csv");
    }
    return {};
  }

  // The training table's column that stands for one of another table; nothing: the id's place.
  Result<std::optional<std::size_t>> Source(const Rows& train, const std::string& name) const {
    if (name == spec_.id) return std::nullopt;
    if (auto at = train.Find(name)) return at;
    if (spec_.target.empty())
      return Unfit(task_, spec_.table + " has no column '" + name +
                              "', and no `target` says what it is there");
    PODIUM_ASSIGN(auto at, train.Need(spec_.target));
    return std::optional(at);
  }

  Result<std::vector<std::optional<std::size_t>>> Sources(
      const Rows& train, const std::vector<std::string>& names) const {
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
    PODIUM_ASSIGN(auto rows, Rows::Open(task_, prepared_.public_dir / spec_.table));
    for (const auto& name : test_head_) {
      if (name == spec_.target)
        return Unfit(task_, spec_.test + " has the target '" + name + "' itself");
      if (name != spec_.id) PODIUM_TRY(rows.Need(name));
    }
    PODIUM_ASSIGN(auto features, Sources(rows, test_head_));
    PODIUM_ASSIGN(auto answers, Sources(rows, answer_head_));
    std::string kept = Line(rows.names());
    std::vector<std::string_view> cells;
    for (std::size_t row = 0;; ++row) {
      PODIUM_ASSIGN(bool more, rows.Next(cells));
      if (!more) break;
      if (parts_[row] == Part::kTrain) {
        kept += Line({cells.begin(), cells.end()});
        continue;
      }
      asked_.push_back({parts_[row], "", AroundId(Taken(cells, features), IdIn(test_head_)),
                        AroundId(Taken(cells, answers), IdIn(answer_head_)),
                        Number(Hash("mix held", task_, std::to_string(row)))});
    }
    return WriteFileAtomic(out_ / "agent" / spec_.table, kept);
  }

  Status AddTest() {
    PODIUM_ASSIGN(auto rows, Rows::Open(task_, prepared_.public_dir / spec_.test));
    PODIUM_ASSIGN(std::size_t id, rows.Need(spec_.id));
    std::vector<std::string_view> cells;
    for (std::size_t row = 0;; ++row) {
      PODIUM_ASSIGN(bool more, rows.Next(cells));
      if (!more) return {};
      Asked asked{.part = Part::kTest,
                  .own_id = std::string(cells[id]),
                  .features = AroundId({cells.begin(), cells.end()}, id),
                  .answer = {},
                  .order = Number(Hash("mix test", task_, std::to_string(row)))};
      asked_.push_back(std::move(asked));
    }
  }

  // Ids are places in the mixed order, from 1: neither says where a row is from.
  Status WriteAsked() {
    std::string test = Line(test_head_), sample = Line(sample_head_), ids;
    std::map<Part, std::string> answers = {{Part::kSearch, Line(answer_head_)},
                                           {Part::kChoice, Line(answer_head_)}};
    std::map<Part, std::string> samples = {{Part::kSearch, sample}, {Part::kChoice, sample}};
    Around sample_row = AroundId(sample_row_, IdIn(sample_head_));
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      const Asked& asked = asked_[i];
      std::string id = std::to_string(i + 1);
      test += asked.features.With(id);
      sample += sample_row.With(id);
      ids += std::string(1, static_cast<char>(asked.part)) + "," + CsvCell(asked.own_id) + "\n";
      if (asked.part == Part::kTest) continue;
      ++held_[asked.part];
      answers[asked.part] += asked.answer.With(id);
      samples[asked.part] += sample_row.With(id);
    }
    PODIUM_TRY(WriteFileAtomic(out_ / "agent" / spec_.test, test));
    PODIUM_TRY(WriteFileAtomic(out_ / "agent" / "sample_submission.csv", sample));
    PODIUM_TRY(WriteFileAtomic(out_ / "private" / kIds, ids, 0600));
    PODIUM_TRY(WritePart("search", samples[Part::kSearch], answers[Part::kSearch]));
    return WritePart("choice", samples[Part::kChoice], answers[Part::kChoice]);
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
    for (Part part : parts_) rows += static_cast<char>(part);
    Json mark = {{"schema", "podium-split/1"},
                 {"digest", Digest::Of(rows).hex()},
                 {"search_rows", held_[Part::kSearch]},
                 {"choice_rows", held_[Part::kChoice]}};
    return WriteFileAtomic(out_ / kMark, DumpJson(mark) + "\n");
  }

  const TaskPackage& task_;
  const SplitSpec& spec_;
  const PreparedTask& prepared_;
  fs::path out_;
  std::vector<std::string> test_head_, answer_head_, sample_head_, sample_row_;
  std::vector<Part> parts_;
  std::vector<Asked> asked_;
  std::map<Part, std::size_t> held_;
};

HeldPart PartAt(const TaskPackage& task, const PreparedTask& prepared, const fs::path& dir,
                std::size_t rows) {
  HeldPart out{task, {}, rows};
  for (const auto& [name, share] : task.split->params_per_row)
    out.task.grader.params[name] =
        std::max<std::int64_t>(1, std::llround(share * static_cast<double>(rows)));
  out.prepared.public_dir = dir / "public";
  out.prepared.private_dir = dir / "private";
  out.prepared.board_file = prepared.board_file;  // no grading goes without; its places say nothing
  out.prepared.task_digest = task.digest;
  return out;
}

Result<HiddenSplit> SplitAt(const TaskPackage& task, const PreparedTask& prepared,
                            const fs::path& dir) {
  PODIUM_ASSIGN(auto text, ReadFile(dir / kMark, 1 << 20));
  PODIUM_ASSIGN(auto mark, ParseJson(text, (dir / kMark).string()));
  HiddenSplit out;
  out.agent.public_dir = dir / "agent";
  out.agent.private_dir = dir / "private";
  out.agent.task_digest = task.digest;
  out.search = PartAt(task, prepared, dir / "search", JsonOr<std::size_t>(mark, "search_rows", 0));
  out.choice = PartAt(task, prepared, dir / "choice", JsonOr<std::size_t>(mark, "choice_rows", 0));
  PODIUM_ASSIGN(out.digest, Digest::Parse(JsonOr<std::string>(mark, "digest", "")));
  return out;
}

// By what it was made with: another word in task.yaml makes another.
fs::path SplitDir(const TaskPackage& task, const PreparedTask& prepared) {
  const SplitSpec& s = *task.split;
  std::string all = s.table + "\n" + s.test + "\n" + s.id + "\n" + s.target + "\n" +
                    FormatDouble(s.fraction) + "\n" + s.group + "\n" + s.time + "\n" +
                    task.digest.hex();
  return prepared.public_dir.parent_path().string() + "-split-" +
         Digest::Of(all).hex().substr(0, 8);
}

}  // namespace

Status CheckSplittable(const TaskPackage& task) {
  if (!task.split)
    return Fail(ErrorCode::kConfig,
                (task.dir / "task.yaml").string() + ": task '" + task.id.str() +
                    "' does not say how its training rows can be split, so none can be hidden from "
                    "an agent: leave search.feedback and search.selection at something else than "
                    "hidden, or give it `split: {table: train.csv, id: id, target: COLUMN, "
                    "fraction: 0.2}` (docs/agents.md)");
  if (!task.grader.competition.empty())
    return Unfit(task, "a competition's own grader cannot grade a part of the training rows");
  return {};
}

Result<HiddenSplit> PrepareHiddenSplit(const TaskPackage& task, const PreparedTask& prepared,
                                       Deadline deadline) {
  PODIUM_TRY(CheckSplittable(task));
  fs::path dir = SplitDir(task, prepared);
  std::optional<FileLock> lock;
  for (;;) {
    PODIUM_ASSIGN(lock, FileLock::TryTake(dir.string() + ".lock"));
    if (lock) break;
    if (deadline.expired())
      return Fail(ErrorCode::kTimeout, "another process makes " + dir.string());
    std::this_thread::sleep_for(kPreparePoll);
  }
  std::error_code ec;
  if (fs::exists(dir / kMark, ec)) return SplitAt(task, prepared, dir);
  fs::path part = dir.string() + ".part";
  PODIUM_TRY(RemoveTree(part));
  PODIUM_TRY(Maker(task, prepared, part).Make());
  PODIUM_TRY(RemoveTree(dir));
  fs::rename(part, dir, ec);
  if (ec) return Fail(ErrorCode::kIo, "cannot rename " + part.string() + ": " + ec.message());
  return SplitAt(task, prepared, dir);
}

namespace {

struct OwnId {
  Part part;
  std::string id;
};

Result<std::vector<OwnId>> ReadIds(const HiddenSplit& split) {
  PODIUM_ASSIGN(auto text, ReadFile(split.agent.private_dir / kIds));
  CsvReader reader(text);
  std::vector<std::string_view> cells;
  std::vector<OwnId> out;
  for (;;) {
    PODIUM_ASSIGN(bool more, reader.Next(cells));
    if (!more) return out;
    if (cells.size() != 2 || cells[0].size() != 1)
      return Fail(ErrorCode::kIo, (split.agent.private_dir / kIds).string() + " is damaged");
    out.push_back({static_cast<Part>(cells[0][0]), std::string(cells[1])});
  }
}

// The place that an id names, from 0; "12" and "12.0" are one.
std::optional<std::size_t> PlaceOf(std::string_view id, std::size_t count) {
  std::string text(id);
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  bool whole = !text.empty() && *end == 0 && value >= 1 && value <= static_cast<double>(count) &&
               std::floor(value) == value;
  if (!whole) return std::nullopt;
  return static_cast<std::size_t>(value) - 1;
}

}  // namespace

Status TakeHeldRows(const HiddenSplit& split, const fs::path& file, const fs::path& search,
                    const fs::path& choice) {
  PODIUM_ASSIGN(auto ids, ReadIds(split));
  PODIUM_ASSIGN(auto rows, Rows::Open(split.search.task, file));
  PODIUM_ASSIGN(std::size_t id, rows.Need(split.search.task.split->id));
  std::map<Part, std::string> out;
  for (Part part : {Part::kTest, Part::kSearch, Part::kChoice}) out[part] = Line(rows.names());
  std::vector<std::string_view> cells;
  for (;;) {
    PODIUM_ASSIGN(bool more, rows.Next(cells));
    if (!more) break;
    auto place = PlaceOf(cells[id], ids.size());
    if (!place)
      return Fail(ErrorCode::kUsage, "id '" + Printable(cells[id].substr(0, 40)) +
                                         "' is none of sample_submission.csv");
    std::vector<std::string> line(cells.begin(), cells.end());
    const OwnId& own = ids[*place];
    if (own.part == Part::kTest) line[id] = own.id;
    out[own.part] += Line(line);
  }
  PODIUM_TRY(WriteFileAtomic(search, out[Part::kSearch]));
  PODIUM_TRY(WriteFileAtomic(choice, out[Part::kChoice]));
  return WriteFileAtomic(file, out[Part::kTest]);
}

}  // namespace podium::tasks
