#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/async/reactor.h"
#include "base/clock.h"
#include "base/http/tls_identity.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace podium {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// A request as it came, already within the server's limits.
struct ServedRequest {
  std::string method;
  std::string target;   // begins with "/"
  HttpHeaders headers;  // names in lower case
  std::string_view body;

  // The first of that name (lower case); empty when there is none.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
  // Of the Host header, in lower case and without its port.
  [[nodiscard]] std::string HostName() const;
  // The target without its query.
  [[nodiscard]] std::string_view Path() const;
};

// Whether a request may send its body. A ticket is held until the request has ended, however it
// ends; without one the answer is sent, and the connection ends unless the body is small.
struct Admission {
  std::shared_ptr<void> ticket;
  int status = 429;
  HttpHeaders headers;
  std::string body;
};

// What a server takes. Whoever exceeds a size is answered (431, 413) and cut off; whoever is too
// slow is cut off.
struct ServerLimits {
  std::uint32_t header_bytes = 32 << 10;
  std::uint64_t body_bytes = std::uint64_t{32} << 20;
  // Bodies above 1 MiB lie in a nameless file of this folder instead of in memory; empty: never.
  std::filesystem::path spool_dir;
  // At once. Beyond it the connection that has been idle longest is closed; where none is idle
  // others wait in the socket's queue.
  int connections = 64;
  // Asked when the header is there and before a byte of the body is kept; empty: all may send.
  std::function<Admission(const ServedRequest&)> admit;
  // Steps in which peers are served: a connection taken, a request begun, 64 KiB of a body read. A
  // second's worth goes at once; what is beyond it waits, so that a peer that never tires takes a
  // small part of the event loop.
  int steps_a_second = 1000;
  Millis handshake_time{10'000};  // of TLS
  Millis header_time{10'000};
  Millis body_time{60'000};
  Millis write_time{60'000};  // for a peer that does not read
  Millis idle_time{120'000};  // between two requests of one connection
  // At the cap an idle connection makes room for the next, but not before it had so long for its
  // first request.
  Millis first_request_grace{1'000};
  // What the Host header may name, beside a port. A page or a proxy that means another host is
  // answered 421.
  std::vector<std::string> hosts = {"localhost", "127.0.0.1"};
  // HTTPS where it is set. A handshake counts as ten steps.
  std::shared_ptr<TlsIdentity> tls;
};

// One request and the way to answer it: with Answer, or with Begin, Send and End in pieces
// (chunked). Every call fails once the peer is gone or does not read for write_time; a handler then
// just returns. A handler that returns without an answer closes the connection.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  [[nodiscard]] virtual const ServedRequest& request() const = 0;
  [[nodiscard]] virtual Task<Status> Answer(int status, HttpHeaders headers, std::string body) = 0;
  [[nodiscard]] virtual Task<Status> Begin(int status, HttpHeaders headers) = 0;
  [[nodiscard]] virtual Task<Status> Send(std::string piece) = 0;
  [[nodiscard]] virtual Task<Status> End() = 0;
};

using HttpHandler = std::function<Task<void>(HttpExchange&)>;

// Serves HTTP/1.1 to whoever connects to `listener` (TCP or a unix socket), a coroutine a
// connection on the caller's loop, until it is cancelled; then every connection is closed and
// waited for. What comes from a connection is hostile: only origin-form targets, no CONNECT, no
// upgrade, no compressed bodies, no second length.
[[nodiscard]] Task<void> ServeHttp(UniqueFd listener, ServerLimits limits, HttpHandler handler);

}  // namespace podium
