#include "agents/models/piece_scrubber.h"

#include <algorithm>
#include <optional>

#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/foreign_json.h"
#include "agents/models/wire/wire_json.h"

namespace podium::agents {
namespace {

constexpr std::size_t kTellingPart = 8;    // characters of a secret that are held back
constexpr std::size_t kRemembered = 1024;  // bytes of what was handed on
constexpr std::size_t kLongestEvent = 16 << 20;

// Where the first event of a text ends, its blank line included; npos: it goes on.
std::size_t EndOfEvent(std::string_view text) {
  std::size_t end = std::string_view::npos;
  for (std::string_view blank : {"\n\n", "\r\n\r\n", "\r\r"}) {
    std::size_t at = text.find(blank);
    if (at != std::string_view::npos) end = std::min(end, at + blank.size());
  }
  return end;
}

std::optional<StreamEvent> EventIn(std::string_view raw) {
  EventStreamReader reader;
  auto events = reader.Add(raw);
  auto rest = reader.End();
  events.insert(events.end(), rest.begin(), rest.end());
  if (events.size() != 1) return std::nullopt;
  return std::move(events.front());
}

std::string Written(const std::string& type, const Json& data) {
  return (type.empty() ? "" : "event: " + type + "\n") + "data: " + DumpJson(data) + "\n\n";
}

using Pieces = std::vector<std::pair<std::string, Json*>>;

}  // namespace

// What of the channel's text can be handed on with this piece.
std::string PieceScrubber::Through(Channel& channel, const std::string& piece, bool last) {
  std::string text = channel.passed + channel.held + piece;
  std::size_t gone = channel.passed.size(), at = 0, known_until = 0;
  std::string out;
  channel.held.clear();
  while (at < text.size()) {
    std::size_t next = std::min(text.find_first_of(secrets_.first(), at), text.size());
    if (next > gone) out += text.substr(std::max(at, gone), next - std::max(at, gone));
    at = next;
    if (at == text.size()) break;
    auto found = secrets_.At(std::string_view(text).substr(at));
    bool open = found.open && found.known >= kTellingPart;
    if (found.length > 0 && at + found.length > gone) {
      out += KeyScrubber::kMark;
      at += found.length;
      gone = known_until = at;
      found_ = true;
    } else if (open && !last) {
      break;
    } else if (open) {
      out += KeyScrubber::kMark;
      found_ = true;
      at = gone = known_until = text.size();
    } else {
      if (at >= gone) out += text[at];
      ++at;
    }
  }
  std::size_t from = std::max(at, gone);
  channel.held = text.substr(from);
  std::size_t begin = std::max(known_until, from > kRemembered ? from - kRemembered : 0);
  channel.passed = text.substr(begin, from - begin);
  return out;
}

// Before the answer's last event: what is held goes on as pieces like those before it.
std::string PieceScrubber::Release() {
  std::string out;
  for (auto& [name, channel] : channels_) {
    if (channel.held.empty()) continue;
    auto event = EventIn(channel.last_event);
    auto data = event ? ParseForeignJson(event->data, "an event") : tl::unexpected(Error{});
    if (!data) continue;
    std::string rest = Through(channel, "", true);
    Pieces pieces;
    format_.Pieces(*data, pieces);
    for (auto& [place, text] : pieces) *text = place == name ? rest : "";
    out += Written(event->type, *data);
  }
  return out;
}

std::string PieceScrubber::Block(std::string_view raw) {
  auto event = EventIn(raw);
  if (!event) return std::string(raw);
  auto data = ParseForeignJson(event->data, "an event");
  Pieces pieces;
  if (data && data->is_object()) format_.Pieces(*data, pieces);
  bool changed = false;
  for (auto& [name, text] : pieces) {
    Channel& channel = channels_[name];
    std::string before = text->get<std::string>();
    std::string after = Through(channel, before, false);
    channel.last_event = raw;
    changed = changed || after != before;
    *text = std::move(after);
  }
  bool last = event->data == "[DONE]" || (data && format_.Ends(*data));
  std::string out = changed ? Written(event->type, *data) : std::string(raw);
  return last ? Release() + out : out;
}

std::string PieceScrubber::Add(std::string_view piece) {
  if (!any_) return std::string(piece);
  std::size_t known = waiting_.size();
  waiting_ += piece;
  std::string out;
  std::string_view rest = waiting_;
  std::size_t looked = known > 3 ? known - 3 : 0;  // a blank line may lie over two pieces
  while (true) {
    std::size_t end = EndOfEvent(rest.substr(std::min(looked, rest.size())));
    if (end == std::string_view::npos) break;
    end += std::min(looked, rest.size());
    out += Block(rest.substr(0, end));
    rest.remove_prefix(end);
    looked = 0;
  }
  if (rest.size() > kLongestEvent) {
    out += rest;
    rest = {};
  }
  waiting_ = std::string(rest);
  return out;
}

std::string PieceScrubber::End() {
  std::string out;
  if (!waiting_.empty()) out = Block(waiting_);
  waiting_.clear();
  return out + Release();
}

}  // namespace podium::agents
