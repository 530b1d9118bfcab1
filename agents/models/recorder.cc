#include "agents/models/recorder.h"

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

constexpr std::uint64_t kFileBytes = 8192;         // two files take a block each at the least
constexpr std::uint64_t kMostCompared = 64 << 20;  // of recorded requests, for one difference

// The request's text goes in as it is: it is JSON already.
std::string KeyOf(const Turn& turn) {
  return R"({"number":)" + std::to_string(turn.number) + R"(,"path":)" + DumpJson(Json(turn.path)) +
         R"(,"request":)" + turn.request + "}";
}

std::size_t Alike(std::string_view a, std::string_view b) {
  auto front = std::ranges::mismatch(a, b).in1 - a.begin();
  std::size_t most = std::min(a.size(), b.size()) - static_cast<std::size_t>(front);
  std::size_t back = 0;
  while (back < most && a[a.size() - 1 - back] == b[b.size() - 1 - back]) ++back;
  return static_cast<std::size_t>(front) + back;
}

std::string Short(const Json& value) { return HeadTail(DumpJson(value), 200, 100); }

// The first few places where two requests differ.
std::string Places(const Json& recorded, const Json& asked) {
  std::string out;
  int shown = 0;
  const Json patch = Json::diff(recorded, asked);
  for (const Json& step : patch) {
    if (++shown > 5) break;
    Json::json_pointer place(step["path"].get<std::string>());
    out += "\n  " + step["path"].get<std::string>() + ": ";
    out += recorded.contains(place) ? "recorded " + Short(recorded[place]) : "not recorded";
    out += step.contains("value") ? ", asked " + Short(step["value"]) : ", not asked";
  }
  if (patch.size() > 5) out += "\n  and " + std::to_string(patch.size() - 5) + " more";
  return out;
}

}  // namespace

Turn Recorder::Begin(std::string_view path, std::string request) {
  Turn turn{std::string(path), std::move(request), 0, {}};
  Asked& asked = asked_[Digest::Of(turn.path + "\n" + turn.request).hex()];
  if (!asked.free.empty()) {
    turn.number = *asked.free.begin();
    asked.free.erase(asked.free.begin());
    turn.digest = Digest::Of(KeyOf(turn)).hex();
    return turn;
  }
  do {
    turn.number = asked.next++;
    turn.digest = Digest::Of(KeyOf(turn)).hex();
  } while (used_.contains(turn.digest));
  return turn;
}

void Recorder::Abandon(const Turn& turn) {
  asked_[Digest::Of(turn.path + "\n" + turn.request).hex()].free.insert(turn.number);
}

std::optional<RecordedAnswer> Recorder::Find(const Turn& turn) const {
  auto stored = store_.Find(KeyOf(turn));
  if (!stored) return std::nullopt;
  std::size_t line = std::min(stored->find('\n'), stored->size());
  auto head = ParseJson(std::string_view(*stored).substr(0, line), "a recorded answer");
  if (!head || line == stored->size()) return std::nullopt;
  return RecordedAnswer{JsonOr(*head, "status", 200),
                        JsonOr<std::string>(*head, "content_type", "application/json"),
                        stored->substr(line + 1), Digest::Of(*stored).hex()};
}

Result<std::string> Recorder::Save(const Turn& turn, const RecordedAnswer& answer) const {
  Json head = {{"status", answer.status}, {"content_type", answer.content_type}};
  bytes_ += turn.request.size() + answer.body.size() + kFileBytes;
  std::string text = DumpJson(head) + "\n" + answer.body;
  PODIUM_TRY(store_.Save(KeyOf(turn), text));
  return Digest::Of(text).hex();
}

std::string Recorder::Difference(const Turn& turn) const {
  std::string best;
  std::size_t best_alike = 0;
  for (auto& stored : store_.Requests(KeyOf(turn).size(), kMostCompared)) {
    std::size_t alike = Alike(stored, KeyOf(turn));
    if (stored.starts_with(R"({"number":)") && (best.empty() || alike > best_alike)) {
      best_alike = alike;
      best = std::move(stored);
    }
  }
  if (best.empty()) return "nothing is recorded";
  auto recorded = ParseJson(best, "a recorded request");
  auto asked = ParseJson(KeyOf(turn), "the request");
  if (!recorded || !asked) return "the record cannot be read";
  return "the nearest recorded request differs at" + Places(*recorded, *asked);
}

}  // namespace podium::agents
