#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/records/grade_record.h"
#include "base/records/grade_request.h"
#include "base/result.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"

namespace podium::harness {

// What podium-grade is handed, by descriptor. An empty board path is an empty board.
struct GraderCall {
  records::GradeRequest request;
  std::filesystem::path answers;
  std::filesystem::path board;
  std::optional<std::filesystem::path> submission;
};
// The sealed record of one grading; an Error with the evidence: kGrader where the grader crashed,
// used up its CPU time or wrote nonsense, another code where the host failed (no memory, a limit
// too low, the deadline), which says nothing about the submission. Blocking.
[[nodiscard]] Result<records::GradeRecord> RunGrader(const GraderCall& call, Deadline deadline);

// A submission to be graded. What it points to outlives the grading.
struct GradeJob {
  const tasks::TaskPackage* task = nullptr;
  const tasks::PreparedTask* prepared = nullptr;
  records::HandOver hand_over;
  std::optional<std::filesystem::path> submission;  // the stored copy, when handed over
};

// Grades in a separate process (podium-grade: no network, memory and time caps, nothing but the
// descriptors it needs). A grader that crashes, uses up its CPU time or writes nonsense gives a
// record with verdict "grader_error" and the evidence, never a score; where the host failed there
// is an Error and no record. Blocking.
[[nodiscard]] Result<records::GradeRecord> Grade(const GradeJob& job, Deadline deadline);

}  // namespace podium::harness
