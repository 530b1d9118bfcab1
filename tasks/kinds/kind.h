#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/records/grade_request.h"
#include "base/result.h"
#include "tasks/prepare.h"
#include "tasks/task_package.h"
#include "tasks/validate_submission.h"

namespace podium::tasks {

// What is handed in for a task and how it is graded: the `kind` of task.yaml. A kind holds no
// state; any thread.
class TaskKind {
 public:
  virtual ~TaskKind() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual std::string_view help() const = 0;  // a line

  // What task.yaml must say for this kind beyond what all tasks say. An error names it.
  [[nodiscard]] virtual Status Check(const TaskPackage& task) const = 0;

  // Whether what lies at submission.path can be graded, without knowing any answer: what the
  // validation service says of it and what a search goes by. An Error only where the task's own
  // files cannot be read. Blocks.
  [[nodiscard]] virtual Result<ShapeReport> CheckShape(const TaskPackage& task,
                                                       const PreparedTask& prepared,
                                                       std::string_view bytes) const = 0;

  // Whether the validation service stands beside the agent, at localhost:5000.
  [[nodiscard]] virtual bool has_validator() const { return true; }

  // Who grades (harness/grading/grader.h): "sealed" is podium-grade. A run whose task names a
  // grader that there is not is refused before it begins.
  [[nodiscard]] virtual std::string_view grader() const { return "sealed"; }
  // What that grader is asked, and the files that it gets by descriptor.
  [[nodiscard]] virtual records::GradeRequest Request(const TaskPackage& task,
                                                      const PreparedTask& prepared,
                                                      records::HandOver hand_over) const = 0;
};

[[nodiscard]] const std::vector<std::unique_ptr<TaskKind>>& Kinds();
[[nodiscard]] const TaskKind* FindKind(std::string_view name);  // nullptr: none
[[nodiscard]] std::vector<std::string> KindNames();

// The kind of a task that was loaded.
[[nodiscard]] const TaskKind& KindOf(const TaskPackage& task);

// Adds one. To be called before any task is loaded; an error (kInternal) when the name is taken.
[[nodiscard]] Status RegisterKind(std::unique_ptr<TaskKind> kind);

}  // namespace podium::tasks
