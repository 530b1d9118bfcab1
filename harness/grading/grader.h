#pragma once

#include <memory>

#include "base/async/reactor.h"
#include "base/records/grade_record.h"
#include "harness/grading/grading.h"

namespace podium::harness {

// Turns what an agent handed in into a record. Which there is for a task is its kind's word. On the
// event loop's thread; one for all trials of a run.
class Grader {
 public:
  virtual ~Grader() = default;
  // A grader's failure is a record ("grader_error"); an Error is the host's, and the grading is
  // tried again. Ends by its own deadline, which begins when the work does.
  [[nodiscard]] virtual Task<Result<records::GradeRecord>> Grade(GradeJob job) = 0;
};

// podium-grade. A record is a function of its request and the bytes: where there are no bytes, the
// same request is answered from memory.
[[nodiscard]] std::unique_ptr<Grader> MakeSealedGrader(Reactor& reactor);

// An error (kConfig) where the task's kind names a grader that there is not.
[[nodiscard]] Status CheckGrader(const tasks::TaskPackage& task);

}  // namespace podium::harness
