#include "harness/store/find_trial.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "base/foreign_folder.h"
#include "base/records/run_lock.h"
#include "base/text.h"
#include "harness/store/run_folder.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;

std::optional<int> SeedOf(const std::string& part) {
  int seed = 0;
  const char* end = part.data() + part.size();
  if (part.size() < 2 || part[0] != 's') return std::nullopt;
  auto [at, error] = std::from_chars(part.data() + 1, end, seed);
  return error == std::errc() && at == end ? std::optional(seed) : std::nullopt;
}

// The trial that the name's last three parts say, and the run that those before say.
struct Named {
  std::string run;
  std::optional<TrialId> trial;
};

Named Split(const std::string& name) {
  fs::path path = fs::path(name).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  std::vector<std::string> parts;
  for (const auto& part : path) parts.push_back(part.string());
  if (parts.size() < 3) return {path.string(), {}};
  auto seed = SeedOf(parts.back());
  auto task = TaskId::Parse(parts[parts.size() - 3]);
  auto agent = AgentId::Parse(parts[parts.size() - 2]);
  if (!seed || !task || !agent) return {path.string(), {}};
  fs::path run = path.parent_path().parent_path().parent_path();
  if (run.filename() == "trials") run = run.parent_path();
  return {run.string(), TrialId{*task, *agent, *seed}};
}

std::string Some(std::vector<std::string> names) {
  constexpr std::size_t kShown = 8;
  std::size_t all = names.size();
  if (all > kShown) names.resize(kShown);
  return Join(names, ", ") + (all > kShown ? " and " + std::to_string(all - kShown) + " more" : "");
}

}  // namespace

Result<std::vector<std::string>> TrialNames(const fs::path& run_dir) {
  PODIUM_ASSIGN(auto run, ForeignFolder::Open(run_dir));
  PODIUM_ASSIGN(auto text, run.Read("lock.json", 64 << 20));
  PODIUM_ASSIGN(auto lock, records::ParseRunLock(text, (run_dir / "lock.json").string()));
  std::vector<std::string> out;
  for (const auto& t : lock.trials)
    out.push_back(t.task + "/" + t.agent + "/s" + std::to_string(t.seed));
  return out;
}

Result<FoundTrial> FindTrial(const std::string& name) {
  Named named = Split(name);
  PODIUM_ASSIGN(auto run_dir, FindRun(named.run));
  PODIUM_ASSIGN(auto known, TrialNames(run_dir));
  if (!named.trial && known.size() == 1) named = Split(known.front());
  if (named.trial && std::ranges::find(known, named.trial->str()) != known.end())
    return FoundTrial{run_dir, *named.trial};
  std::string asked = named.trial ? "has no trial '" + named.trial->str() + "'." +
                                        Suggest(named.trial->str(), known)
                                  : "has several trials: name one.";
  return Fail(ErrorCode::kNotFound,
              "run '" + run_dir.filename().string() + "' " + asked + " It has " + Some(known));
}

}  // namespace podium::harness
