#include "scoring/report/experiment.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "tables/board.h"

namespace podium::scoring {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxReportBytes = std::uint64_t{256} << 20;

tl::unexpected<Error> Refuse(const char* reason, std::string message) {
  return tl::unexpected(Error{ErrorCode::kUsage, std::move(message)}.With("reason", reason));
}

// The file's text; a Git-LFS pointer is explained.
Result<std::string> ReadText(const fs::path& path) {
  PODIUM_ASSIGN(auto text, ReadFile(path, kMaxReportBytes));
  if (IsLfsPointer(text)) return Fail(ErrorCode::kUsage, ExplainLfsPointer(text, path.string()));
  return text;
}

Result<std::vector<std::string>> RunGroups(const fs::path& table, const std::string& experiment) {
  PODIUM_ASSIGN(auto text, ReadText(table));
  std::vector<std::string> groups;
  std::size_t number = 0;
  for (std::string_view line : Split(text, '\n')) {
    ++number;
    if (Trim(line).empty() || line.starts_with("experiment_id")) continue;
    auto comma = line.find(',');
    if (comma == std::string_view::npos)
      return Refuse("bad_experiment_table", table.string() + ":" + std::to_string(number) +
                                                ": expected experiment_id,run_group");
    if (Trim(line.substr(0, comma)) == experiment)
      groups.emplace_back(Trim(line.substr(comma + 1)));
  }
  if (groups.empty())
    return Refuse("unknown_experiment",
                  "experiment '" + experiment + "' is not in " + table.string());
  std::ranges::sort(groups);
  return groups;
}

// The files of a run group's folder that mle-bench would take for a grading report.
std::vector<fs::path> ReportsIn(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder, ec)) {
    std::string name = entry.path().filename();
    bool named = name.ends_with(".json") &&
                 name.substr(0, name.size() - 5).find("grading_report") != std::string::npos;
    if (named && entry.is_regular_file(ec)) out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

Result<std::vector<CompetitionReport>> ReadReports(std::vector<fs::path> files) {
  std::ranges::sort(files, {}, [](const fs::path& p) { return p.string(); });
  std::vector<CompetitionReport> all;
  for (const auto& file : files) {
    PODIUM_ASSIGN(auto text, ReadText(file));
    PODIUM_ASSIGN(auto entries, ReadGradingReport(text, file.string()));
    std::ranges::stable_sort(entries, {}, &CompetitionReport::competition_id);
    all.insert(all.end(), entries.begin(), entries.end());
  }
  return all;
}

Result<std::vector<SeedGroup>> ReadSeedGroups(std::vector<fs::path> files) {
  std::ranges::sort(files, {}, [](const fs::path& p) { return p.string(); });
  std::vector<SeedGroup> groups;
  std::vector<fs::path> seen;
  for (const auto& file : files) {
    std::error_code ec;
    fs::path whole = fs::canonical(file, ec);
    if (!ec && std::ranges::find(seen, whole) != seen.end())
      return Refuse("mixed_seeds", file.string() + " is named twice: it would be two seeds");
    seen.push_back(std::move(whole));
    PODIUM_ASSIGN(auto reports, ReadReports({file}));
    groups.push_back(
        {(file.parent_path().filename() / file.filename()).string(), std::move(reports)});
  }
  return groups;
}

Result<ExperimentReports> FindExperiment(const fs::path& runs, const std::string& experiment) {
  PODIUM_ASSIGN(auto groups, RunGroups(runs / "run_group_experiments.csv", experiment));
  ExperimentReports out;
  for (const auto& group : groups) {
    fs::path folder = runs / group;
    if (!fs::is_directory(folder)) {
      out.skipped.push_back(group + ": no such folder");
      continue;
    }
    auto reports = ReportsIn(folder);
    if (reports.size() > 1)
      return Refuse("two_reports", group + " has " + std::to_string(reports.size()) +
                                       " grading reports; keep the one that counts");
    if (reports.empty()) {
      out.skipped.push_back(group + ": no grading report");
    } else {
      out.files.push_back(reports.front());
    }
  }
  if (out.files.empty())
    return Refuse("no_reports",
                  "no run group of experiment '" + experiment + "' has a grading report");
  return out;
}

}  // namespace podium::scoring
