#include "every_class.h"

#include <set>

#include "base/text.h"
#include "tasks/grading_request.h"

namespace examples {
namespace {

using namespace podium;
using namespace podium::tasks;

class EveryClass final : public TaskKind {
 public:
  std::string_view name() const override { return "every-class"; }
  std::string_view help() const override { return "a CSV whose one column takes several values"; }

  Status Check(const TaskPackage& task) const override {
    if (task.submission.rules.columns.size() == 1) return {};
    return Fail(ErrorCode::kConfig,
                (task.dir / "task.yaml").string() + ": kind 'every-class' wants one column");
  }

  Result<ShapeReport> CheckShape(const TaskPackage& task, const PreparedTask& prepared,
                                 std::string_view bytes) const override {
    PODIUM_ASSIGN(auto report, ValidateShape(task, prepared.sample_submission(), bytes));
    if (!report.valid) return report;
    std::set<std::string_view> values;
    auto lines = Split(Trim(bytes), '\n');
    for (std::size_t i = 1; i < lines.size(); ++i)
      values.insert(Trim(lines[i].substr(lines[i].find(',') + 1)));
    if (values.size() > 1) return report;
    return ShapeReport{false, "one_class",
                       "Submission invalid (one_class): all rows are the same."};
  }

  records::GradeRequest Request(const TaskPackage& task, const PreparedTask& prepared,
                                records::HandOver hand_over) const override {
    return MakeGradeRequest(task, prepared, std::move(hand_over));
  }
};

}  // namespace

std::unique_ptr<TaskKind> MakeEveryClassKind() { return std::make_unique<EveryClass>(); }

}  // namespace examples
