#include "tasks/kinds/table.h"

#include "tasks/grading_request.h"

namespace podium::tasks {
namespace {

class TableKind final : public TaskKind {
 public:
  std::string_view name() const override { return "table"; }
  std::string_view help() const override { return "a CSV file with a row an id"; }

  Status Check(const TaskPackage& task) const override {
    if (!task.grader.competition.empty() || !task.submission.rules.columns.empty()) return {};
    return Fail(ErrorCode::kConfig, (task.dir / "task.yaml").string() +
                                        ": a task of kind 'table' says its submission's 'id' and "
                                        "'columns', or names a competition");
  }

  Result<ShapeReport> CheckShape(const TaskPackage& task, const PreparedTask& prepared,
                                 std::string_view bytes) const override {
    return ValidateShape(task, prepared.sample_submission(), bytes);
  }

  records::GradeRequest Request(const TaskPackage& task, const PreparedTask& prepared,
                                records::HandOver hand_over) const override {
    return MakeGradeRequest(task, prepared, std::move(hand_over));
  }
};

}  // namespace

std::unique_ptr<TaskKind> MakeTableKind() { return std::make_unique<TableKind>(); }

}  // namespace podium::tasks
