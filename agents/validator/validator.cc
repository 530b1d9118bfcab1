#include "agents/validator/validator.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "agents/validator/multipart.h"
#include "base/deadlines.h"
#include "base/json.h"
#include "base/log.h"

namespace podium::agents {
namespace {

HttpHeaders JsonHeaders() { return {{"Content-Type", "application/json"}}; }

std::string_view WhatARefusalMeans(std::string_view code) {
  if (code == "too_many_requests") return "too many checks in a short time; try again in a moment";
  if (code == "one_at_a_time")
    return "another file is being checked; try again when it is answered";
  if (code == "no_checks_left") return "this trial has used all its checks";
  if (code == "not_found") return "POST a form with the part 'file' to /validate, or GET /health";
  if (code == "bad_file_name") return "the part's file name is not a plain name";
  if (code == "no_such_part") return "the form has no part 'file'";
  return "send a multipart/form-data form with one part 'file'";
}

}  // namespace

Validator::Validator(Reactor& reactor, CheckShape check, EventSink& events, ValidatorLimits limits)
    : reactor_(reactor),
      check_(std::move(check)),
      events_(events),
      limits_(limits),
      turns_(limits.burst) {}

Task<void> Validator::Serve(UniqueFd listener, std::filesystem::path spool_dir) {
  ServerLimits limits;
  limits.body_bytes = limits_.file_bytes + (64 << 10);
  limits.spool_dir = std::move(spool_dir);
  limits.connections = 8;
  limits.idle_time = kValidatorIdleTime;
  limits.admit = [this](const ServedRequest& request) { return Admit(request); };
  HttpHandler handler = [this](HttpExchange& exchange) { return Handle(exchange); };
  co_await ServeHttp(std::move(listener), std::move(limits), std::move(handler));
}

Task<void> Validator::Handle(HttpExchange& exchange) {
  const ServedRequest& request = exchange.request();
  if (request.Path() == "/health" && request.method == "GET") {
    std::string body = R"({"status": "running"})"
                       "\n";
    auto answered = co_await exchange.Answer(200, JsonHeaders(), std::move(body));
    co_return;
  }
  if (request.Path() != "/validate" || request.method != "POST") {
    co_await Refuse(exchange, 404, "not_found");
  } else {
    co_await Check(exchange);
  }
}

Admission Validator::Admit(const ServedRequest& request) {
  double turns = TurnsOf(request);
  auto refuse = [this, turns](std::string_view code) {
    ++counts_.refused;
    return Admission{nullptr, 429, RefusalHeaders(code, turns), RefusalBody(code)};
  };
  if (request.Path() != "/validate" || request.method != "POST")
    return {std::make_shared<int>(0), 0, {}, {}};
  if (counts_.valid + counts_.invalid >= limits_.calls) return refuse("no_checks_left");
  if (uploads_ >= limits_.uploads) return refuse("one_at_a_time");
  if (!Take(turns)) return refuse("too_many_requests");
  ++uploads_;
  ++unread_;
  auto end = [this](void*) {
    --uploads_;
    if (unread_ <= uploads_) return;
    unread_ = uploads_;
    ++counts_.refused;  // cut off
  };
  return {std::shared_ptr<void>(static_cast<void*>(this), end), 0, {}, {}};
}

// When so many turns will be there again.
HttpHeaders Validator::RefusalHeaders(std::string_view code, double turns) const {
  HttpHeaders headers = JsonHeaders();
  if (code == "too_many_requests" || code == "one_at_a_time") {
    double missing = std::max(1.0, std::ceil(turns - turns_));
    double seconds = std::ceil(missing * static_cast<double>(limits_.interval.count()) / 1000);
    headers.emplace_back("Retry-After", std::to_string(static_cast<std::int64_t>(seconds)));
  }
  return headers;
}

std::string Validator::RefusalBody(std::string_view code) {
  Json answer = {{"error", code}, {"details", WhatARefusalMeans(code)}};
  return DumpJson(answer) + "\n";
}

Task<void> Validator::Check(HttpExchange& exchange) {
  const ServedRequest& request = exchange.request();
  --unread_;
  auto file = FindFormFile(request.Header("content-type"), request.body, "file");
  if (!file) {
    co_await Refuse(exchange, 400, file.error().message);
    co_return;
  }
  std::string_view content = file->content;
  auto job = [check = check_, content] { return check(content); };
  ShapeVerdict verdict = co_await reactor_.Blocking(std::move(job), Pool::kTransfer);
  ++(verdict.valid ? counts_.valid : counts_.invalid);
  records::Validation event{
      .valid = verdict.valid, .reason = verdict.reason, .bytes = content.size()};
  auto recorded = co_await events_.Append(std::move(event));
  if (!recorded) LogError(recorded.error().message);
  Json answer = {{"result", verdict.message}};
  std::string body = DumpJson(answer) + "\n";
  auto answered = co_await exchange.Answer(200, JsonHeaders(), std::move(body));
}

Task<void> Validator::Refuse(HttpExchange& exchange, int status, std::string_view code) {
  ++counts_.refused;
  HttpHeaders headers = RefusalHeaders(code, 1);
  std::string body = RefusalBody(code);
  auto answered = co_await exchange.Answer(status, std::move(headers), std::move(body));
}

double Validator::TurnsOf(const ServedRequest& request) const {
  std::string_view declared = request.Header("content-length");
  std::uint64_t bytes = limits_.file_bytes;  // where none is declared
  std::from_chars(declared.data(), declared.data() + declared.size(), bytes);
  std::uint64_t turns = 1 + bytes / limits_.bytes_a_turn;
  return static_cast<double>(std::min(turns, static_cast<std::uint64_t>(limits_.burst)));
}

bool Validator::Take(double turns) {
  auto now = SteadyNow();
  double gained = std::chrono::duration<double, std::milli>(now - turned_).count() /
                  static_cast<double>(limits_.interval.count());
  turns_ = std::min<double>(limits_.burst, turns_ + gained);
  turned_ = now;
  if (turns_ < turns) return false;
  turns_ -= turns;
  return true;
}

std::string_view ValidateScript() {
  return R"script(#!/bin/bash
# Checks the shape of a submission: columns, ids, number of rows. It knows no score.
# Usage: validate_submission.sh /path/to/submission.csv
if [ "$#" -ne 1 ] || [ ! -f "$1" ]; then
  echo "usage: $0 /path/to/submission.csv" >&2
  exit 2
fi
url=http://localhost:5000/validate
if command -v curl > /dev/null; then
  exec curl --silent --show-error --noproxy '*' -X POST -F "file=@$1;filename=submission.csv" "$url"
fi
exec python3 - "$1" "$url" << 'PYTHON'
import sys, urllib.error, urllib.request

with open(sys.argv[1], "rb") as f:
    content = f.read()
edge = b"podium-form-edge-5b1f0c7d"
head = b'--' + edge + b'\r\nContent-Disposition: form-data; name="file"; filename="submission.csv"\r\n\r\n'
body = head + content + b"\r\n--" + edge + b"--\r\n"
request = urllib.request.Request(
    sys.argv[2], body, {"Content-Type": "multipart/form-data; boundary=" + edge.decode()})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    print(opener.open(request, timeout=120).read().decode(), end="")
except urllib.error.HTTPError as e:
    print(e.read().decode(), end="")
    sys.exit(1)
PYTHON
)script";
}

}  // namespace podium::agents
