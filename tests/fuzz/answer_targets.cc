// What servers of models, peers and clients of a container's ports send.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "agents/models/retry_after.h"
#include "agents/models/wire/event_stream.h"
#include "agents/models/wire/foreign_json.h"
#include "base/async/race.h"
#include "base/files.h"
#include "base/http/server.h"
#include "base/text.h"
#include "scoring/report/grading_report.h"
#include "scoring/report/submission_list.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/targets.h"

namespace podium::fuzz {
namespace {

std::vector<agents::StreamEvent> EventsOf(std::string_view first, std::string_view second) {
  agents::EventStreamReader reader;
  auto out = reader.Add(first);
  for (auto& event : reader.Add(second)) out.push_back(std::move(event));
  for (auto& event : reader.End()) out.push_back(std::move(event));
  return out;
}

bool Same(const agents::StreamEvent& a, const agents::StreamEvent& b) {
  return a.type == b.type && a.data == b.data;
}

// A listening unix socket and a client of it.
std::pair<UniqueFd, UniqueFd> Connected(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  auto* at = reinterpret_cast<sockaddr*>(&address);
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Require(::bind(listener.get(), at, sizeof address) == 0 && ::listen(listener.get(), 1) == 0 &&
              ::connect(client.get(), at, sizeof address) == 0,
          "a connection");
  return {std::move(listener), std::move(client)};
}

// Until the server closes.
std::size_t ReadAnswer(int fd) {
  char buffer[4096];
  std::size_t total = 0;
  for (;;) {
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) return total;
    total += static_cast<std::size_t>(n);
  }
}

}  // namespace

void Events(std::string_view bytes) {
  auto whole = EventsOf(bytes, {});
  for (std::size_t cut : {std::size_t{1}, bytes.size() / 2}) {
    cut = std::min(cut, bytes.size());
    auto parts = EventsOf(bytes.substr(0, cut), bytes.substr(cut));
    Require(std::ranges::equal(whole, parts, Same), "events do not depend on where pieces end");
  }
  for (const auto& event : whole) Require(!event.data.empty(), "an event has data");
}

void ForeignJson(std::string_view bytes) {
  std::string mended = agents::MendJson(bytes);
  Require(agents::MendJson(mended) == mended, "what is mended stays as it is");
  auto json = agents::ParseForeignJson(bytes, "a fuzzer's text");
  if (!json) return;
  auto again = ParseJson(DumpJson(*json), "the same");
  Require(again && *again == *json, "what was read is written and read again");
}

// The first half is `retry-after`, the rest the answer's own `date`.
void Retry(std::string_view bytes) {
  auto [wish, date] = Halves(bytes);
  auto now = WallTime(std::chrono::seconds(1'800'000'000));
  for (const char* name : {"retry-after", "retry-after-ms"}) {
    auto wait = agents::RetryAfter({{name, std::string(wish)}, {"date", std::string(date)}}, now);
    Require(!wait || wait->count() >= 0, "nobody waits for the past");
  }
  (void)agents::ParseHttpDate(wish, now);
}

void Lines(std::string_view bytes) {
  auto list = scoring::ReadSubmissionList(bytes);
  auto ends = [](char c) { return c == '\n' || c == '\r'; };
  auto lines = static_cast<std::size_t>(std::ranges::count_if(bytes, ends)) + 1;
  Require(list.submissions.size() + list.bad.size() <= lines, "a line is counted once");
  for (const auto& s : list.submissions)
    Require(s.line >= 1 && s.line <= lines, "a submission knows its line");
  auto report = scoring::ReadGradingReport(bytes, "a fuzzer's report");
  if (!report) return;
  auto again = scoring::ReadGradingReport(scoring::GradingReportText(*report), "the same");
  Require(again && again->size() == report->size(), "what was read is written and read again");
}

// Bytes that a client sends to a server of Podium's, which then hangs up.
void HttpHead(std::string_view bytes) {
  if (bytes.size() > 16 << 10) return;  // all fits into the socket at once
  auto temp = TempDir::Make("podium-fuzz");
  Require(temp.has_value(), "a folder");
  auto [listener, client] = Connected((temp->path() / "s").string());
  Require(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(bytes.size()),
          "the bytes are sent");
  ::shutdown(client.get(), SHUT_WR);
  HttpHandler handler = [](HttpExchange& exchange) -> Task<void> {
    const ServedRequest& request = exchange.request();
    Require(request.target.starts_with("/"), "a target begins with a slash");
    for (const auto& [name, value] : request.headers)
      Require(name == Lower(name), "names of headers are in lower case");
    auto answered = co_await exchange.Answer(200, {}, "ok");
    if (!answered) co_return;
  };
  Reactor reactor(1);
  auto served = std::make_shared<UniqueFd>(std::move(listener));
  auto ended = reactor.Run([&]() -> Task<Status> {
    ServerLimits limits;
    limits.header_time = limits.body_time = limits.idle_time = Millis(1000);
    auto read = [&] { return ReadAnswer(client.get()); };
    auto first = co_await Race(ServeHttp(std::move(*served), limits, handler),
                               reactor.Blocking(read, Pool::kTransfer));
    Require(first.index() == 1, "the server outlives its client");
    co_return Status{};
  });
  Require(ended.has_value(), "a client ends no server");
}

}  // namespace podium::fuzz
