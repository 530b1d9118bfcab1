#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

#include "base/async/reactor.h"
#include "base/http/tls_identity.h"

namespace podium {

// What one connection of a server is read from and written to: its socket, or TLS over that. The
// socket outlives it; whoever cancels the socket's work cancels this one's.
class PeerStream {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using executor_type = Socket::executor_type;
  using error_code = boost::system::error_code;

  // Plain where there is no identity.
  PeerStream(Socket& socket, TlsIdentity* tls) : socket_(socket) {
    if (!tls) return;
    tls_.emplace(socket, tls->context());
    SSL_set_msg_callback(tls_->native_handle(), CountHandshakes);
    SSL_set_msg_callback_arg(tls_->native_handle(), this);
  }
  PeerStream(const PeerStream&) = delete;
  PeerStream& operator=(const PeerStream&) = delete;

  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
  [[nodiscard]] bool secure() const { return tls_.has_value(); }

  // Of TLS. False: the peer speaks something else, or asked for a host that is not here.
  Task<bool> Handshake() {
    error_code ec;
    co_await tls_->async_handshake(boost::asio::ssl::stream_base::server,
                                   boost::asio::redirect_error(boost::asio::use_awaitable, ec));
    co_return !ec;
  }

  // Says that nothing more comes, so that the peer can tell an end from a cut, and waits for its
  // own word.
  Task<void> Farewell() {
    if (!tls_) co_return;
    error_code ignored;
    co_await tls_->async_shutdown(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (tls_)
            tls_->async_read_some(into, std::move(handler));
          else
            socket_.async_read_some(into, std::move(handler));
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          if (tls_)
            tls_->async_write_some(from, std::move(handler));
          else
            socket_.async_write_some(from, std::move(handler));
        },
        token, buffers);
  }

 private:
  // A handshake takes six messages at most. What comes later asks for new keys, again and again if
  // it likes, and carries nothing of a request: no limit of the server would see it.
  static constexpr int kMostHandshakeMessages = 32;

  static void CountHandshakes(int written, int, int type, const void*, std::size_t, SSL*,
                              void* self) {
    auto& stream = *static_cast<PeerStream*>(self);
    if (written || type != SSL3_RT_HANDSHAKE) return;
    if (++stream.handshake_messages_ > kMostHandshakeMessages)
      ::shutdown(stream.socket_.native_handle(), SHUT_RDWR);
  }

  Socket& socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  int handshake_messages_ = 0;
};

}  // namespace podium
