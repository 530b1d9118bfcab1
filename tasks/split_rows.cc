#include "tasks/split_rows.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "base/digest.h"
#include "base/files.h"
#include "base/text.h"

namespace podium::tasks {

std::string SplitHash(std::string_view purpose, const TaskPackage& task, std::string_view text) {
  return Digest::Of(std::string(purpose) + "\n" + task.id.str() + "\n" + std::string(text))
      .hex()
      .substr(0, 24);
}

tl::unexpected<Error> UnfitForSplit(const TaskPackage& task, const std::string& why) {
  return Fail(ErrorCode::kConfig, (task.dir / "task.yaml").string() + ": split: " + why);
}

Result<SplitRows> SplitRows::Open(const TaskPackage& task, const fs::path& file) {
  SplitRows out(task);
  PODIUM_ASSIGN(auto text, ReadFile(file));
  out.text_ = std::make_unique<std::string>(std::move(text));
  out.reader_.emplace(*out.text_);
  std::vector<std::string_view> cells;
  PODIUM_ASSIGN(bool more, out.reader_->Next(cells));
  if (!more) return UnfitForSplit(task, file.filename().string() + " is empty");
  out.names_.assign(cells.begin(), cells.end());
  out.file_ = file.filename().string();
  return out;
}

Result<bool> SplitRows::Next(std::vector<std::string_view>& cells) {
  PODIUM_ASSIGN(bool more, reader_->Next(cells));
  if (more && cells.size() != names_.size())
    return UnfitForSplit(*task_, file_ + ":" + std::to_string(reader_->line()) + " has " +
                                     std::to_string(cells.size()) + " cells, its header " +
                                     std::to_string(names_.size()));
  return more;
}

std::optional<std::size_t> SplitRows::Find(std::string_view name) const {
  auto at = std::ranges::find(names_, name);
  if (at == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(at - names_.begin());
}

Result<std::size_t> SplitRows::Need(std::string_view name) const {
  if (auto at = Find(name)) return *at;
  return UnfitForSplit(
      *task_, file_ + " has no column '" + std::string(name) + "'." + Suggest(name, names_));
}

std::string SplitLine(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) out += (i ? "," : "") + CsvCell(cells[i]);
  return out + "\n";
}

namespace {

// What a group is, or a time, of each row; the row's own number where neither is asked for.
Result<std::vector<std::string>> Keys(const TaskPackage& task, const fs::path& table) {
  const SplitSpec& spec = *task.split;
  PODIUM_ASSIGN(auto rows, SplitRows::Open(task, table));
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
  for (const auto& key : out) hash[key] = SplitHash("hold", task, key);
  std::ranges::sort(out, {}, [&](const std::string& key) { return hash[key]; });
  return out;
}

}  // namespace

Result<std::vector<SplitPart>> AssignParts(const TaskPackage& task, const fs::path& table) {
  PODIUM_ASSIGN(auto keys, Keys(task, table));
  auto wanted = static_cast<std::size_t>(
      std::llround(task.split->fraction * static_cast<double>(keys.size())));
  std::map<std::string, std::size_t> count;
  for (const auto& key : keys) ++count[key];
  std::map<std::string, SplitPart> part_of;
  std::size_t held[2] = {0, 0};
  for (const auto& key : InOrder(task, keys)) {
    if (held[0] + held[1] >= wanted) break;
    bool choice = held[1] < held[0];
    part_of[key] = choice ? SplitPart::kChoice : SplitPart::kSearch;
    held[choice ? 1 : 0] += count[key];
  }
  if (held[0] == 0 || held[1] == 0 || held[0] + held[1] >= keys.size())
    return UnfitForSplit(task, "fraction " + FormatDouble(task.split->fraction) + " of " +
                                   std::to_string(keys.size()) + " rows of " + task.split->table +
                                   " leaves nothing for training, search or choice");
  std::vector<SplitPart> out;
  for (const auto& key : keys) {
    auto at = part_of.find(key);
    out.push_back(at == part_of.end() ? SplitPart::kTrain : at->second);
  }
  return out;
}

}  // namespace podium::tasks
