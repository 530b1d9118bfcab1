#pragma once

// For base/records' .cc files alone: a grade record inside another record.

#include <string_view>

#include "base/json.h"
#include "base/records/grade_record.h"

namespace podium::records {

[[nodiscard]] OrderedJson GradeRecordJson(const GradeRecord& record);
[[nodiscard]] Result<GradeRecord> GradeRecordFrom(const Json& json, std::string_view where);

}  // namespace podium::records
