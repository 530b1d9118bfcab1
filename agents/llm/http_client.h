#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/result.h"

namespace podium::agents {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // POSTed
  std::size_t response_cap_bytes = 64 << 20;
};

struct HttpResponse {
  int status = 0;  // 0: no answer; see transport_error
  std::string body;
  std::optional<Millis> retry_after;  // from retry-after-ms or retry-after
  std::optional<bool> should_retry;   // from x-should-retry
  std::string transport_error;        // "Connection refused", "timed out", ...
};

// HTTP POST over libcurl's multi interface. One thread of its own drives any number of transfers;
// results come back to the calling coroutine's loop. Redirects are not followed and no proxy or
// netrc of the user's is read. Destruction cancels what is under way and joins the thread; no
// coroutine may be waiting then.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Always ends by the deadline, at once when its coroutine is cancelled; failure to reach the
  // server is a value with status 0.
  Task<HttpResponse> Post(HttpRequest request, Deadline deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace podium::agents
