#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"

namespace podium::tests {

namespace fs = std::filesystem;

// The built `podium` in a world of its own: runs, cache and tasks below one temporary folder;
// images are the host's.
class PodiumProgram : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Runs to the end. `env` is added to the world's own.
  ProcessResult Podium(std::vector<std::string> args, std::map<std::string, std::string> env = {},
                       std::chrono::seconds limit = std::chrono::seconds(300));
  // Starts it and returns its pid; `log` gets what it prints.
  pid_t Start(const std::vector<std::string>& args, const fs::path& log,
              std::map<std::string, std::string> env = {});
  // Waits for a started one; its exit code, or -signal.
  static int Wait(pid_t pid);

  // An agent of scaffold `program` whose start.sh is `script`; returns the path of its YAML.
  std::string ProgramAgent(const std::string& id, const std::string& script);
  std::string Task(const std::string& id = "tiny");  // the package's folder

  fs::path TrialDir(const std::string& run, const std::string& agent,
                    const std::string& task = "tiny", int seed = 0) const;
  Json Verdict(const std::string& run, const std::string& agent, const std::string& task = "tiny",
               int seed = 0) const;
  // Types of a trial's journal events, in order.
  std::vector<std::string> Events(const fs::path& trial_dir) const;
  static std::vector<Json> EventBodies(const fs::path& trial_dir, const std::string& type);

  // What the sandboxes of a trial hold on the host now; ids begin with a digest of its folder.
  static std::set<std::string> Traces(const fs::path& trial_dir);

  [[nodiscard]] const fs::path& dir() const { return temp_->path(); }
  [[nodiscard]] fs::path runs() const { return dir() / "runs"; }

 private:
  std::vector<std::pair<std::string, std::string>> Environment(
      const std::map<std::string, std::string>& more) const;
  std::optional<TempDir> temp_;
};

// The same, skipped with its reason where containers cannot run.
class SandboxedProgram : public PodiumProgram {
 protected:
  void SetUp() override;
  // Images are this world's own from here on, and go with it; of the host's, podium-ml is there.
  void UseOwnImages();
};

}  // namespace podium::tests
