// The direction of dependencies as the folders' CMakeLists.txt state it, against the includes as
// they are.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "base/files.h"
#include "base/text.h"

namespace podium {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = PODIUM_SOURCE_DIR;
const std::set<std::string> kFolders = {"base",    "tables", "scoring", "tasks",
                                        "sandbox", "agents", "harness"};

// Folder to the folders named by the DEPS of its podium_library.
std::map<std::string, std::set<std::string>> DeclaredDependencies() {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& folder : kFolders) {
    std::string text = *ReadFile(kSource / folder / "CMakeLists.txt");
    std::smatch match;
    std::regex library("podium_library\\(NAME " + folder + "\\s+(DEPS ([a-z_ ]+))?\\s*SOURCES");
    EXPECT_TRUE(std::regex_search(text, match, library))
        << folder << " has no podium_library with that name";
    out[folder] = {};
    std::string deps = match[2];
    for (auto word : Split(deps, ' ')) {
      if (kFolders.contains(std::string(word))) out[folder].emplace(word);
    }
  }
  return out;
}

// (file, included folder) of every quoted include of a Podium folder.
std::vector<std::pair<std::string, std::string>> Includes(const std::string& folder) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
    if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
    std::string text = *ReadFile(entry.path());
    for (auto line : Split(text, '\n')) {
      if (!line.starts_with("#include \"")) continue;
      line.remove_prefix(10);
      std::string first(line.substr(0, line.find('/')));
      if (kFolders.contains(first))
        out.emplace_back(entry.path().lexically_relative(kSource).string(), first);
    }
  }
  return out;
}

TEST(DependenciesTest, IncludesGoOnlyWhereTheFolderSaysThatItDepends) {
  auto declared = DeclaredDependencies();
  std::size_t seen = 0;
  for (const auto& folder : kFolders) {
    for (const auto& [file, included] : Includes(folder)) {
      ++seen;
      // The command line prints scoring's catalogue and reports; the engine never sees it.
      bool prints =
          file.starts_with("harness/cli/") || file.starts_with("harness/report/grading_report.");
      bool known = prints && included == "scoring";
      EXPECT_TRUE(included == folder || declared[folder].contains(included) || known)
          << file << " includes " << included << "/, which " << folder
          << "/CMakeLists.txt does not name";
    }
  }
  EXPECT_GT(seen, 200u) << "the includes were not found";
}

TEST(DependenciesTest, ThereIsNoCycle) {
  auto declared = DeclaredDependencies();
  std::set<std::string> placed;
  while (placed.size() < kFolders.size()) {
    std::size_t before = placed.size();
    for (const auto& [folder, deps] : declared) {
      if (std::ranges::includes(placed, deps)) placed.insert(folder);
    }
    ASSERT_GT(placed.size(), before) << "the folders that remain depend on each other";
  }
}

TEST(DependenciesTest, NothingThatAnAgentCanReachKnowsGrading) {
  auto declared = DeclaredDependencies();
  for (const auto& [folder, deps] : declared) EXPECT_FALSE(deps.contains("scoring")) << folder;
}

// What a stranger filled (an agent's folder, a package, a checkout, a run that was sent) is opened
// by ForeignFolder alone, which follows no link and leaves no folder. The exceptions read what is
// Podium's own, or open without following a link.
TEST(DependenciesTest, AStrangersFoldersAreOpenedByOneReader) {
  const std::map<std::string, std::vector<std::string>> guarded = {
      {"tasks/task_package.cc", {"directory_iterator(PackagesDir()"}},
      {"tasks/files.cc", {}},
      {"tasks/mle_bench.cc", {"O_EXCL"}},
      {"tasks/version_history.cc", {}},
      {"tasks/data_source.cc", {"ReadFile(NoteOf("}},
      {"agents/scaffolds/simple.cc", {}},
      {"agents/scaffolds/tree_search.cc", {}},
      {"harness/cli/import_mle_bench.cc", {}},
      {"harness/store/history.cc", {"O_NOFOLLOW"}},
      {"harness/store/journal.cc", {"path.c_str(), kFlags"}},
      {"harness/store/lease.cc", {}},
      {"harness/store/run_folder.cc", {"directory_iterator it(RunsDir()"}},
      {"harness/store/index.cc", {}},
      {"harness/schedule/lock.cc", {"DigestFile(file)", "prepared.board_file"}},
      {"harness/grading/verify.cc", {}},
      {"harness/grading/grading.cc", {"O_NOFOLLOW"}},
      {"harness/trial/trial.cc", {"prepared.private_dir"}},
      {"harness/report/plots.cc", {}}};
  const std::regex opens(
      "ReadFile\\(|DigestFile\\(|DigestTree\\(|ReadYaml\\(|fstream|directory_iterator|"
      "[^a-z_]copy_file\\(|fopen\\(|::open\\(");
  for (const auto& [file, allowed] : guarded) {
    auto text = ReadFile(kSource / file);
    ASSERT_TRUE(text) << file;
    for (auto line : Split(*text, '\n')) {
      bool may = std::ranges::any_of(
          allowed, [&](const auto& part) { return line.find(part) != std::string_view::npos; });
      bool comment = Trim(line).starts_with("//") || Trim(line).starts_with("#include");
      if (may || comment) continue;
      EXPECT_FALSE(std::regex_search(std::string(line), opens)) << file << ": " << line;
    }
  }
  EXPECT_TRUE(std::regex_search(std::string("  auto text = ReadFile(path);"), opens));
}

TEST(DependenciesTest, EveryFolderSaysWhatItIsFor) {
  for (const auto& folder : kFolders) {
    auto text = ReadFile(kSource / folder / "README.md");
    ASSERT_TRUE(text) << folder << " has no README.md";
    EXPECT_LE(std::ranges::count(*text, '\n'), 40) << folder;
    EXPECT_EQ(text->find("\n<<<<<<< "), std::string::npos) << folder << ": left by a merge";
  }
}

}  // namespace
}  // namespace podium
