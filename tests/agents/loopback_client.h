#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/http/server.h"

namespace podium::tests {

// A TCP connection to 127.0.0.1 that sends and receives raw bytes; every wait ends after 10 s.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port);
  void Send(std::string_view bytes);
  // What comes until `n` whole HTTP answers with a Content-Length are there, or the peer closes.
  std::string Receive(int answers = 1);
  std::string ReceiveToEnd();

 private:
  UniqueFd fd_;
};

// Serves with `handler` on a free port of 127.0.0.1 while `client`, on a thread of its own, talks
// to it; returns when both have ended.
void ServeFor(Reactor& reactor, ServerLimits limits, HttpHandler handler,
              std::function<void(std::uint16_t port)> client);

// A listening socket at 127.0.0.1 and its port.
std::pair<UniqueFd, std::uint16_t> ListenOnLoopback();

}  // namespace podium::tests
