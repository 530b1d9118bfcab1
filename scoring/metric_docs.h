#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace podium::scoring {

// The catalogue for a person: one line a metric.
[[nodiscard]] std::string MetricTable();
// One metric with its parameters and source; an unknown name is an Error with a suggestion.
[[nodiscard]] Result<std::string> MetricText(std::string_view name);
// "podium-metrics/1": all metrics, or the one of that name, as JSON.
[[nodiscard]] std::string MetricsJson();
[[nodiscard]] Result<std::string> MetricJson(std::string_view name);

}  // namespace podium::scoring
