#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"

namespace podium::harness {

// What the hand-over gave the grader.
struct HandOver {
  std::string status = "missing";  // "ok", "missing", "invalid"
  std::string reason;              // sandbox::TakeFaultText when invalid
  std::string detail;
  std::optional<std::filesystem::path> file;  // the stored copy, when ok
};

// What a trial's event "sealed" says of it; its file lies in the trial's folder.
[[nodiscard]] Result<HandOver> SealedHandOver(const std::string& sealed_json,
                                              const std::filesystem::path& trial_dir);

// What podium-grade is handed, by descriptor. An empty board path is an empty board.
struct GraderCall {
  std::string request;  // podium-grade-request/1 or podium-competition-request/1
  std::filesystem::path answers;
  std::filesystem::path board;
  std::optional<std::filesystem::path> submission;
};
// The sealed record of one grading; an Error with the evidence: kGrader where the grader crashed,
// used up its CPU time or wrote nonsense, another code where the host failed (no memory, a limit
// too low, the deadline), which says nothing about the submission. Blocking.
[[nodiscard]] Result<std::string> RunGrader(const GraderCall& call, Deadline deadline);

// Grades in a separate process (podium-grade: no network, memory and time caps, nothing but the
// descriptors it needs) and returns its sealed record, JSON. A grader that crashes, uses up its CPU
// time or writes nonsense gives a record with verdict "grader_error" and the evidence, never a
// score; where the host failed there is an Error and no record. Blocking.
[[nodiscard]] Result<std::string> Grade(const tasks::TaskPackage& task,
                                        const tasks::PreparedTask& prepared,
                                        const HandOver& hand_over, Deadline deadline);

}  // namespace podium::harness
