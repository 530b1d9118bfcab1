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

// (file, included file) of every quoted include of a Podium folder.
std::vector<std::pair<std::string, std::string>> IncludedFiles(const std::string& folder) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
    if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
    std::string text = *ReadFile(entry.path());
    for (auto line : Split(text, '\n')) {
      if (!line.starts_with("#include \"")) continue;
      line.remove_prefix(10);
      std::string included(line.substr(0, line.find('"')));
      if (kFolders.contains(included.substr(0, included.find('/'))))
        out.emplace_back(entry.path().lexically_relative(kSource).string(), included);
    }
  }
  return out;
}

TEST(DependenciesTest, IncludesGoOnlyWhereTheFolderSaysThatItDepends) {
  auto declared = DeclaredDependencies();
  std::size_t seen = 0;
  for (const auto& folder : kFolders) {
    for (const auto& [file, path] : IncludedFiles(folder)) {
      std::string included = path.substr(0, path.find('/'));
      ++seen;
      // podium-score's verbs; what runs and watches trials never sees scoring.
      bool known = file.starts_with("harness/score/") && included == "scoring";
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

// A room is a folder below one of kFolders. The files that lie in the folder itself are looked at
// one by one: its headers are what its rooms share, its sources put the rooms together.
std::string RoomOf(const fs::path& file) {
  fs::path folder = file.parent_path();
  return folder.has_parent_path() ? folder.string() : file.string();
}

// Rooms and files to those that they include.
std::map<std::string, std::set<std::string>> RoomIncludes() {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& folder : kFolders) {
    for (const auto& [file, included] : IncludedFiles(folder)) {
      std::string from = RoomOf(file), to = RoomOf(included);
      out[to];
      if (from != to) out[from].insert(to);
    }
  }
  return out;
}

// What is left when everything has gone that includes nothing of what is left.
std::set<std::string> InCycles(const std::map<std::string, std::set<std::string>>& includes) {
  std::set<std::string> left;
  for (const auto& [room, others] : includes) left.insert(room);
  for (bool gone = true; gone;) {
    gone = std::erase_if(left, [&](const auto& room) {
             const auto& others = includes.at(room);
             return std::ranges::none_of(others, [&](const auto& o) { return left.contains(o); });
           }) > 0;
  }
  return left;
}

TEST(DependenciesTest, NoRoomIsBelowItself) {
  auto includes = RoomIncludes();
  EXPECT_GT(includes.size(), 40u) << "the includes were not found";
  std::string left;
  for (const auto& room : InCycles(includes)) left += "  " + room + "\n";
  EXPECT_EQ(left, "") << "these are in a cycle or above one";
  includes["base/async"].insert("sandbox/host");
  EXPECT_TRUE(InCycles(includes).contains("sandbox/host")) << "a cycle is noticed";
}

// Programs to the libraries and objects on their link lines, of a build by Ninja.
std::map<std::string, std::string> LinkLines() {
  std::map<std::string, std::string> out;
  auto text = ReadFile(fs::path(PODIUM_BINARY_DIR) / "build.ninja", std::size_t{1} << 30);
  if (!text) return out;
  std::string program;
  for (auto line : Split(*text, '\n')) {
    constexpr std::string_view kLibraries = "  LINK_LIBRARIES = ";
    if (line.starts_with("build bin/") && line.find("_EXECUTABLE_LINKER") != line.npos)
      program = std::string(line.substr(10, line.find_first_of(" :", 10) - 10));
    if (line.empty()) program.clear();
    if (!program.empty() && line.starts_with(kLibraries))
      out[program] = std::string(line.substr(kLibraries.size())) + " ";
  }
  return out;
}

bool Links(const std::string& line, const std::string& library) {
  return line.find("libpodium_" + library + ".a ") != std::string::npos;
}

TEST(LinkTest, TheProgramsHoldWhatTheyMay) {
  auto lines = LinkLines();
  if (lines.empty()) GTEST_SKIP() << "not built by Ninja";
  ASSERT_TRUE(lines.contains("podium") && lines.contains("podium-score") &&
              lines.contains("podium-grade"));
  EXPECT_TRUE(Links(lines["podium"], "harness"));
  EXPECT_FALSE(Links(lines["podium"], "scoring")) << "it serves agents' requests";
  EXPECT_TRUE(Links(lines["podium-score"], "scoring"));
  EXPECT_TRUE(Links(lines["podium-grade"], "scoring"));
  for (const char* none : {"async", "http", "sandbox", "agents", "harness", "tasks"})
    EXPECT_FALSE(Links(lines["podium-grade"], none)) << none;
}

TEST(LinkTest, TheEscapeSuiteIsLinkedByItsVerbAndItsTestAlone) {
  auto lines = LinkLines();
  if (lines.empty()) GTEST_SKIP() << "not built by Ninja";
  std::set<std::string> linked;
  for (const auto& [program, line] : lines) {
    if (Links(line, "escape")) linked.insert(program);
  }
  EXPECT_TRUE(linked.contains("podium"));
  linked.erase("podium");
  linked.erase("podium_escape_test");
  EXPECT_EQ(linked, std::set<std::string>{});
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
      {"agents/programs/program.cc", {"directory_iterator it(folder"}},
      {"agents/scaffolds/search.cc", {}},
      {"harness/score/import_mle_bench.cc", {}},
      {"harness/store/history.cc", {"O_NOFOLLOW"}},
      {"harness/store/journal.cc", {"path.c_str(), kFlags"}},
      {"harness/store/lease.cc", {"kFlags", "O_NOFOLLOW"}},
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

// (file, line) of every line of the folders' sources that says `pattern`, comments apart. Only what
// holds one of `parts` is looked at: a regular expression over every line takes seconds.
std::vector<std::pair<std::string, std::string>> LinesWith(
    const std::vector<std::string_view>& parts, const std::string& pattern) {
  std::vector<std::pair<std::string, std::string>> out;
  const std::regex wanted(pattern);
  for (const auto& folder : kFolders) {
    for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
      if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
      std::string text = *ReadFile(entry.path());
      for (auto line : Split(text, '\n')) {
        auto code = line.substr(0, line.find("//"));
        auto holds = [&](std::string_view part) { return code.find(part) != code.npos; };
        if (std::ranges::any_of(parts, holds) && std::regex_search(std::string(code), wanted))
          out.emplace_back(entry.path().lexically_relative(kSource).string(), code);
      }
    }
  }
  return out;
}

// What a test sets cannot reach a clock that is read elsewhere. The exceptions cannot link base or
// ask for something else: PID 1 and the probe are libc alone, and one case measures CPU time.
TEST(TimeTest, TheMachinesClocksAreReadInOnePlace) {
  const std::map<std::string, std::string> may = {
      {"base/clock.cc", "_clock::now()"},
      {"sandbox/init/now.h", "CLOCK_MONOTONIC"},
      {"sandbox/escape/probe.cc", "CLOCK_REALTIME"},
      {"agents/escape/gateway_cases.cc", "CLOCK_PROCESS_CPUTIME_ID"}};
  std::set<std::string> used;
  const std::string reads =
      "[cC]lock::now\\(|\\bclock_gettime\\(|\\bgettimeofday\\(|\\btime\\((nullptr|NULL|0|&)";
  for (const auto& [file, line] : LinesWith({"now(", "time(", "timeofday("}, reads)) {
    auto known = may.find(file);
    bool allowed = known != may.end() && line.find(known->second) != line.npos;
    EXPECT_TRUE(allowed) << file << ": " << line << "\nAsk a Clock, or SteadyNow() of base/clock.h";
    used.insert(file);
  }
  for (const auto& [file, part] : may) EXPECT_TRUE(used.contains(file)) << file << " reads none";
}

// The escape suite's cases wait for what their attack does.
TEST(TimeTest, HowLongIsWaitedStandsInOneHeader) {
  const std::string length = "(std::chrono::[a-z]+|Millis)[({][0-9']*[1-9]";
  const std::string waits =
      "(Deadline::In\\(|sleep_for\\(|expires_after\\(|constexpr .* k[A-Za-z]+.*)";
  int named = 0;
  for (const auto& [file, line] : LinesWith({"chrono::", "Millis"}, waits + length)) {
    named += file == "base/deadlines.h";
    bool may = file == "base/deadlines.h" || file.find("/escape/") != file.npos ||
               file == "harness/grading/grader_cases.cc";
    EXPECT_TRUE(may) << file << ": " << line << "\nName it in base/deadlines.h";
  }
  EXPECT_GT(named, 30) << "the lengths were not found";
}

TEST(DependenciesTest, EveryFolderSaysWhatItIsFor) {
  for (const auto& folder : kFolders) {
    auto text = ReadFile(kSource / folder / "README.md");
    ASSERT_TRUE(text) << folder << " has no README.md";
    EXPECT_LE(std::ranges::count(*text, '\n'), 40) << folder;
    EXPECT_EQ(text->find("\n<<<<<<< "), std::string::npos) << folder << ": left by a merge";
  }
}

TEST(DependenciesTest, ARoomWithATargetSaysWhatItIsFor) {
  int rooms = 0;
  for (const auto& folder : kFolders) {
    for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
      if (entry.path().filename() != "CMakeLists.txt") continue;
      ++rooms;
      EXPECT_TRUE(fs::exists(entry.path().parent_path() / "README.md")) << entry.path();
    }
  }
  EXPECT_GT(rooms, 10);
}

}  // namespace
}  // namespace podium
