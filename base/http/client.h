#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/async/reactor.h"
#include "base/clock.h"
#include "base/result.h"

namespace podium {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;           // "Name: value"
  std::string body;                           // POSTed
  std::size_t response_cap_bytes = 64 << 20;  // of Post
  Millis idle{0};  // longest wait for the next byte of the answer; 0: as long as the deadline lets
};

struct HttpResponse {
  int status = 0;                                            // 0: no answer; see transport_error
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string transport_error;  // "Connection refused", ...; with a status: where it broke off
  bool lasting = false;         // of transport_error: another try meets the same
};

// The head of an answer that is read in pieces.
struct HttpHead {
  int status = 0;                                            // 0: no answer; see transport_error
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string transport_error;
  bool sent = false;  // without an answer: the whole request had left, so it may have been acted on
  bool lasting =
      false;  // without an answer: another try meets the same (an address, a certificate)
};

// The body of an answer while it comes, decompressed. The server is held back once a megabyte waits
// to be read; destruction drops the connection. One coroutine reads; on the event loop's thread.
class HttpStream {
 public:
  virtual ~HttpStream() = default;
  // Waits for the head; failure to reach the server is a head with status 0.
  [[nodiscard]] virtual Task<HttpHead> Head() = 0;
  // The next piece, empty after the last; an error when the answer was cut or the deadline passed.
  [[nodiscard]] virtual Task<Result<std::string>> Next() = 0;
};

// HTTP POST over libcurl. One thread of its own drives any number of transfers (transfers.h);
// results come back to the calling coroutine's loop. Redirects are not followed and no netrc is
// read; a proxy of the environment is used, never for loopback, and named where it fails. What a
// request must keep secret is taken out of all that comes back: heads, bodies, errors. Destruction
// cancels what is under way and joins the thread; no coroutine may be waiting then.
class HttpClient {
 public:
  // Which texts of a request those are: by default SecretsOf its address and headers.
  using Secrets = std::function<std::vector<std::string>(const HttpRequest&)>;

  HttpClient();
  explicit HttpClient(Secrets secrets);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Always ends by the deadline, at once when its coroutine is cancelled; failure to reach the
  // server is a value with status 0.
  Task<HttpResponse> Post(HttpRequest request, Deadline deadline);

  // Sends the request and gives the answer in pieces. The client must outlive the stream.
  [[nodiscard]] Task<std::unique_ptr<HttpStream>> Open(HttpRequest request, Deadline deadline);

 private:
  struct Impl;
  Secrets secrets_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace podium
