#include "tests/agents/loopback_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdlib>

#include "base/async/race.h"

namespace podium::tests {
namespace {

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int WholeAnswers(std::string_view text) {
  int n = 0;
  for (;;) {
    std::size_t head = text.find("\r\n\r\n");
    if (head == std::string_view::npos) return n;
    std::size_t at = text.find("Content-Length: ");
    if (at > head) return n;
    std::size_t size = std::strtoull(text.data() + at + 16, nullptr, 10);
    if (text.size() < head + 4 + size) return n;
    text.remove_prefix(head + 4 + size);
    ++n;
  }
}

}  // namespace

RawConnection::RawConnection(std::uint16_t port)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  timeval limit{10, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address = Loopback(port);
  EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

void RawConnection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;  // the peer has closed: what it said is still to be read
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string RawConnection::Receive(int answers) {
  std::string out;
  char chunk[65536];
  while (WholeAnswers(out) < answers) {
    ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
    if (n <= 0) break;
    out.append(chunk, static_cast<std::size_t>(n));
  }
  return out;
}

std::string RawConnection::ReceiveToEnd() { return Receive(1 << 30); }

std::pair<UniqueFd, std::uint16_t> ListenOnLoopback() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd.get(), 64), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return {std::move(fd), ntohs(address.sin_port)};
}

void ServeFor(Reactor& reactor, ServerLimits limits, HttpHandler handler,
              std::function<void(std::uint16_t port)> client) {
  auto [listener, port] = ListenOnLoopback();
  auto job = [client, port = port] {
    client(port);
    return true;
  };
  auto main = [&, fd = std::make_shared<UniqueFd>(std::move(listener))]() -> Task<Status> {
    auto ended = co_await Race(reactor.Blocking(job), ServeHttp(std::move(*fd), limits, handler));
    if (ended.index() != 0) co_return Fail(ErrorCode::kInternal, "the server ended by itself");
    co_return Status{};
  };
  auto status = reactor.Run(main);
  EXPECT_TRUE(status) << status.error().message;
}

}  // namespace podium::tests
