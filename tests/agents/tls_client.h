#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace podium::tests {

// A client of TLS at 127.0.0.1 that trusts one authority (PEM), asks for `host` (none where empty)
// and blocks; every wait ends after 10 s.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const std::string& authority, const std::string& host,
            const char* groups = "X25519:P-256");

  [[nodiscard]] bool connected() const { return error_.empty(); }
  // Why the handshake failed, in OpenSSL's words.
  [[nodiscard]] const std::string& error() const { return error_; }
  // Of the certificate that the server has shown: its first DNS name.
  [[nodiscard]] std::string PeerName() const;
  [[nodiscard]] std::string Protocol() const;  // of ALPN

  bool Send(std::string_view bytes);
  // All until the server's end; `clean` whether that was said and not just done.
  std::string ReceiveToEnd();
  [[nodiscard]] bool ended_cleanly() const { return ended_cleanly_; }
  // Asks for new keys once more; false when nobody listens any more.
  bool UpdateKeys();

 private:
  struct Free {
    void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
    void operator()(SSL* p) const { SSL_free(p); }
  };
  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string error_;
  bool ended_cleanly_ = false;
};

// The first message of a client that asks for `host`, as it goes over the wire.
std::string ClientHello(const std::string& host);

}  // namespace podium::tests
