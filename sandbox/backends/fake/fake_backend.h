#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/sandbox.h"

namespace podium::sandbox {

// What a scripted command does. Its files are what lies in the sandbox, by absolute path.
struct FakeExec {
  ExecResult result{.exit_code = 0};
  // On the clock. The command's deadline, as far as ExecSpec::moved has moved it, ends it before
  // that (kTimeLimit).
  Millis takes{0};
  // Where it is set, the command goes on until it says true, whatever the clock says.
  std::function<bool()> may_end;
};
// What a scripted job does.
struct FakeJob {
  ExecResult result{.exit_code = 0};     // its end, when `may_end` says true
  std::function<bool()> may_end;         // empty: at once
  std::function<std::string()> printed;  // all of its output so far
};
using FakeFiles = std::map<std::string, std::string>;

// How sandboxes of a FakeBackend behave.
struct FakeScript {
  // Whatever is run; by default every command exits with 0 and does nothing.
  std::function<FakeExec(FakeFiles& files, const ExecSpec& spec)> exec;
  std::function<FakeJob(FakeFiles& files, const ExecSpec& spec)> job;  // the same of StartJob
  // The next calls of an operation ("create", "exec", "start_job", "put_file", "take_file",
  // "take_tree", "snapshot", "restore", "listen", "seal", "destroy") fail with these, one after the
  // other.
  std::map<std::string, std::deque<Error>> faults;
  FakeFiles files;  // that lie there at first
};

// A backend without containers, for tests: files in memory, commands that a script plays. Nothing
// is isolated and nothing is run. Everything happens on the event loop's thread.
class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(FakeScript script) : script_(std::move(script)) {}
  [[nodiscard]] Task<Result<std::unique_ptr<Sandbox>>> Create(SandboxSpec spec,
                                                              Deadline deadline) override;

  // Every operation in order, "exec python3 /home/.podium/node_0.py".
  [[nodiscard]] const std::vector<std::string>& calls() const { return calls_; }
  [[nodiscard]] int alive() const { return alive_; }  // made and not destroyed
  // Snapshots that were taken and whose layer was not dropped.
  [[nodiscard]] std::size_t snapshots() const { return snapshots_.size(); }

 private:
  friend class FakeSandbox;
  // Notes the call; the scripted fault of the operation, if there is one.
  Status Note(const std::string& operation, const std::string& what);
  FakeScript script_;
  std::vector<std::string> calls_;
  int alive_ = 0;
  std::map<std::string, FakeFiles> snapshots_;  // by their topmost layer
  int layers_ = 0;
};

}  // namespace podium::sandbox
