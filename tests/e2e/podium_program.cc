#include "tests/e2e/podium_program.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"
#include "sandbox/images/image.h"
#include "sandbox/sandbox.h"
#include "tests/support/host_traces.h"
#include "tests/support/tiny_task.h"

namespace podium::tests {

void PodiumProgram::SetUp() {
  auto made = TempDir::Make("podium-e2e");
  ASSERT_TRUE(made);
  temp_.emplace(std::move(*made));
  ASSERT_TRUE(MakeDirs(dir() / "cache"));
  fs::create_directory_symlink(CacheDir() / "images", dir() / "cache" / "images");
}

void PodiumProgram::TearDown() {
  if (!temp_) return;  // skipped before it had a world
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(runs(), ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (it->path().filename() == "journal.jsonl")
      EXPECT_THAT(Traces(it->path().parent_path()), testing::IsEmpty()) << it->path();
  }
}

std::set<std::string> PodiumProgram::Traces(const fs::path& trial_dir) {
  return SandboxTraces(Digest::Of(fs::absolute(trial_dir).string()).hex().substr(0, 16));
}

std::vector<std::pair<std::string, std::string>> PodiumProgram::Environment(
    const std::map<std::string, std::string>& more) const {
  std::map<std::string, std::string> all = {
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"HOME", dir().string()},
      {"PODIUM_CACHE", (dir() / "cache").string()},
      {"PODIUM_RUNS", runs().string()},
      {"PODIUM_HOST_STATE", (dir() / "host").string()},
      {"PODIUM_RETRIES_PAUSE", "off"}};
  for (const auto& [key, value] : more) all[key] = value;
  return {all.begin(), all.end()};
}

ProcessResult PodiumProgram::Podium(std::vector<std::string> args,
                                    std::map<std::string, std::string> env,
                                    std::chrono::seconds limit) {
  ProcessSpec spec;
  spec.argv = {(ProgramDir() / "podium").string()};
  spec.argv.insert(spec.argv.end(), args.begin(), args.end());
  spec.env = Environment(env);
  spec.cwd = dir();
  auto result = RunProcess(spec, Deadline::In(limit));
  EXPECT_TRUE(result) << result.error().message;
  if (!result) return {};
  EXPECT_FALSE(result->timed_out) << "podium did not end: " << result->err;
  return *result;
}

pid_t PodiumProgram::Start(const std::vector<std::string>& args, const fs::path& log,
                           std::map<std::string, std::string> env) {
  std::vector<std::string> argv = {(ProgramDir() / "podium").string()};
  argv.insert(argv.end(), args.begin(), args.end());
  std::vector<char*> words;
  for (auto& a : argv) words.push_back(a.data());
  words.push_back(nullptr);
  std::vector<std::string> lines;
  for (const auto& [key, value] : Environment(env)) lines.push_back(key + "=" + value);
  std::vector<char*> variables;
  for (auto& l : lines) variables.push_back(l.data());
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = -1;
  EXPECT_EQ(::posix_spawn(&pid, words[0], &actions, nullptr, words.data(), variables.data()), 0);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

int PodiumProgram::Wait(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return -1000;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string PodiumProgram::ProgramAgent(const std::string& id, const std::string& script) {
  fs::path folder = dir() / "agents" / id;
  EXPECT_TRUE(MakeDirs(folder));
  EXPECT_TRUE(WriteFileAtomic(folder / "start.sh", "cd /home/submission\n" + script + "\n", 0755));
  fs::path yaml = dir() / "agents" / (id + ".yaml");
  EXPECT_TRUE(WriteFileAtomic(yaml, "schema: podium-agent/1\nid: " + id +
                                        "\nscaffold: program\nprogram: {folder: " + id +
                                        ", snapshot_every: 1 s}\n"));
  return yaml;
}

std::string PodiumProgram::Task(const std::string& id) {
  fs::path folder = dir() / "tasks" / id;
  if (!fs::exists(folder)) WriteTinyTask(folder, id);
  return folder;
}

fs::path PodiumProgram::TrialDir(const std::string& run, const std::string& agent,
                                 const std::string& task, int seed) const {
  return runs() / run / "trials" / task / agent / ("s" + std::to_string(seed));
}

Json PodiumProgram::Verdict(const std::string& run, const std::string& agent,
                            const std::string& task, int seed) const {
  fs::path file = TrialDir(run, agent, task, seed) / "verdict.json";
  auto text = ReadFile(file);
  EXPECT_TRUE(text) << file;
  auto json = ParseJson(text.value_or("{}"), file.string());
  return json.value_or(Json::object());
}

std::vector<Json> PodiumProgram::EventBodies(const fs::path& trial_dir, const std::string& type) {
  std::vector<Json> out;
  auto text = ReadFile(trial_dir / "journal.jsonl");
  EXPECT_TRUE(text) << trial_dir;
  if (!text) return out;
  for (auto line : Split(*text, '\n')) {
    if (line.empty()) continue;
    auto event = ParseJson(line, "event");
    EXPECT_TRUE(event) << line;
    if (event && (type.empty() || (*event)["type"] == type))
      out.push_back(type.empty() ? (*event)["type"] : (*event)["body"]);
  }
  return out;
}

std::vector<std::string> PodiumProgram::Events(const fs::path& trial_dir) const {
  std::vector<std::string> out;
  for (const Json& type : EventBodies(trial_dir, "")) out.push_back(type);
  return out;
}

void SandboxedProgram::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  if (!sandbox::FindImage("podium-ml", CacheDir()))
    GTEST_SKIP() << "image podium-ml is not built (podium image build podium-ml)";
  for (const auto& check : sandbox::CheckHost()) {
    if (check.required && !check.ok) GTEST_SKIP() << check.name << ": " << check.found;
  }
  PodiumProgram::SetUp();
}

void SandboxedProgram::UseOwnImages() {
  fs::path images = dir() / "cache" / "images", host = fs::read_symlink(images);
  fs::remove(images);
  ASSERT_TRUE(MakeDirs(images));
  for (const auto& entry : fs::directory_iterator(host)) {
    if (entry.path().filename().string().starts_with("podium-ml-"))
      fs::create_directory_symlink(entry.path(), images / entry.path().filename());
  }
}

}  // namespace podium::tests
