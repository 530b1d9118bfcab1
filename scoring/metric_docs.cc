#include "scoring/metric_docs.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "scoring/metric.h"

namespace podium::scoring {
namespace {

constexpr std::size_t kNameWidth = 26;

const char* DirectionText(const Metric& metric) {
  return metric.lower_is_better ? "lower is better" : "higher is better";
}

// "k: how many guesses count; words: ..." as pairs of name and meaning.
std::vector<std::pair<std::string, std::string>> ParamsOf(const Metric& metric) {
  std::vector<std::pair<std::string, std::string>> params;
  for (std::string_view part : Split(metric.params, ';')) {
    std::size_t colon = part.find(':');
    if (colon == std::string_view::npos) continue;
    params.emplace_back(Trim(part.substr(0, colon)), Trim(part.substr(colon + 1)));
  }
  return params;
}

OrderedJson ToJson(const Metric& metric) {
  OrderedJson out;
  out["name"] = std::string(metric.name);
  out["lower_is_better"] = metric.lower_is_better;
  out["what"] = std::string(metric.what);
  out["params"] = OrderedJson::object();
  for (const auto& [name, meaning] : ParamsOf(metric)) out["params"][name] = meaning;
  out["source"] = std::string(metric.source);
  return out;
}

std::string Document(OrderedJson metrics) {
  OrderedJson out;
  out["schema"] = "podium-metrics/1";
  out["metrics"] = std::move(metrics);
  return DumpJson(out, 2) + "\n";
}

}  // namespace

std::string MetricTable() {
  std::string out;
  for (const Metric& metric : Metrics()) {
    std::string name(metric.name);
    name.resize(std::max(name.size() + 2, kNameWidth), ' ');
    out +=
        name + (metric.lower_is_better ? "lower   " : "higher  ") + std::string(metric.what) + "\n";
  }
  return out;
}

Result<std::string> MetricText(std::string_view name) {
  PODIUM_ASSIGN(const Metric* metric, FindMetric(name));
  std::string out = std::string(metric->name) + ": " + DirectionText(*metric) + "\n" +
                    std::string(metric->what) + "\n";
  for (const auto& [param, meaning] : ParamsOf(*metric))
    out += "  params." + param + ": " + meaning + "\n";
  return out + "as: " + std::string(metric->source) + "\n";
}

std::string MetricsJson() {
  OrderedJson all = OrderedJson::array();
  for (const Metric& metric : Metrics()) all.push_back(ToJson(metric));
  return Document(std::move(all));
}

Result<std::string> MetricJson(std::string_view name) {
  PODIUM_ASSIGN(const Metric* metric, FindMetric(name));
  return Document(OrderedJson::array({ToJson(*metric)}));
}

}  // namespace podium::scoring
