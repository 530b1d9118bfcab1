#include "agents/models/injected_faults.h"

#include <algorithm>

#include "base/text.h"
#include "tasks/counter_rng.h"

namespace podium::agents {
namespace {

constexpr std::uint64_t kStream = 0x6661756c7473;  // "faults": apart from the trial's other draws
constexpr double kMostOften = 0.9;                 // what asks again is answered in the end
// Of one attempt of a trial: a fault costs an agent nothing, and its event takes room on the disk.
constexpr int kMost = 10'000;

struct Named {
  std::string_view name;
  Injection injection;
};
constexpr Named kNames[] = {{"429", Injection::kRateLimit},
                            {"500", Injection::kServerError},
                            {"529", Injection::kOverloaded},
                            {"no_answer", Injection::kNoAnswer},
                            {"cut_stream", Injection::kCutStream},
                            {"error_event", Injection::kErrorEvent},
                            {"hang", Injection::kHang},
                            {"empty", Injection::kEmpty},
                            {"prose", Injection::kProse},
                            {"malformed_tool", Injection::kMalformedTool},
                            {"truncated", Injection::kTruncated}};

// All but hangs, which take minutes each.
void AddFamily(bool transport, std::vector<Injection>& out) {
  for (const auto& [name, injection] : kNames) {
    if (IsOfTransport(injection) == transport && injection != Injection::kHang)
      out.push_back(injection);
  }
}

// False where nothing is called so.
bool AddNamed(const std::string& word, std::vector<Injection>& out) {
  bool all = word == "all";
  if (all || word == "transport") AddFamily(true, out);
  if (all || word == "content") AddFamily(false, out);
  if (all || word == "transport" || word == "content") return true;
  auto found = std::ranges::find(kNames, word, &Named::name);
  if (found == std::end(kNames)) return false;
  out.push_back(found->injection);
  return true;
}

Error NoSuchKind(const OptionReader& options, const std::string& word) {
  std::vector<std::string> known = {"all", "transport", "content"};
  for (const auto& [name, injection] : kNames) known.emplace_back(name);
  return {ErrorCode::kConfig, options.Origin("llm.faults.kinds") +
                                  ": 'llm.faults.kinds': there is no fault '" + Printable(word) +
                                  "'." + Suggest(word, known) + " There are: " + Join(known, ", ")};
}

}  // namespace

std::string_view InjectionName(Injection injection) {
  return std::ranges::find(kNames, injection, &Named::injection)->name;
}

std::string FaultPlan::Text() const {
  if (rate <= 0) return "";
  std::vector<std::string> names;
  for (Injection kind : kinds) names.emplace_back(InjectionName(kind));
  return "llm.faults: " + FormatDouble(rate) + " of " + Join(names, ", ");
}

Result<FaultPlan> ReadFaultPlan(const OptionReader& options) {
  FaultPlan out;
  PODIUM_ASSIGN(out.rate, options.Double("llm.faults.rate", 0, kMostOften));
  for (const auto& word : options.List("llm.faults.kinds")) {
    if (!AddNamed(word, out.kinds)) return tl::unexpected(NoSuchKind(options, word));
  }
  std::ranges::sort(out.kinds);
  auto twice = std::ranges::unique(out.kinds);
  out.kinds.erase(twice.begin(), twice.end());
  if (out.rate > 0 && out.kinds.empty())
    return Fail(ErrorCode::kConfig, options.Origin("llm.faults.kinds") +
                                        ": 'llm.faults.kinds' is empty: name faults, or set "
                                        "llm.faults.rate to 0");
  return out;
}

std::optional<Injection> FaultInjector::Draw(std::int64_t number, int attempt,
                                             const AskShape& shape) const {
  if (noted_ >= kMost) return std::nullopt;
  tasks::CounterRng words(seed_ + kStream, static_cast<std::uint64_t>(number));
  for (int i = 0; i < 2 * attempt; ++i) (void)words.Next();
  double u = static_cast<double>(words.Next() >> 11) * 0x1p-53;
  if (u >= plan_.rate) return std::nullopt;
  std::vector<Injection> possible;
  for (Injection kind : plan_.kinds) {
    if (CanHappen(kind, shape)) possible.push_back(kind);
  }
  if (possible.empty()) return std::nullopt;
  return possible[words.Next() % possible.size()];
}

void FaultInjector::Note(std::int64_t number, int attempt, Injection injection,
                         const std::string& model) {
  ++noted_;
  log_.Post(records::InjectedFault{number, attempt, std::string(InjectionName(injection)), model});
}

std::optional<Injection> FaultDraws::Next(const AskShape& shape) {
  if (over_ || !injector_.any()) return std::nullopt;
  auto out = injector_.Draw(number_, attempt_, shape);
  if (out) injector_.Note(number_, attempt_, *out, shape.model);
  ++attempt_;
  bool again =
      out && (IsOfTransport(*out) || (*out == Injection::kEmpty && !std::exchange(emptied_, true)));
  over_ = !again;
  return out;
}

}  // namespace podium::agents
