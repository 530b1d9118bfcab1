#include "tests/agents/tls_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace podium::tests {
namespace {

constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";

UniqueFd Connect(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  timeval limit{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

void Trust(SSL_CTX* context, const std::string& authority) {
  BIO* text = BIO_new_mem_buf(authority.data(), static_cast<int>(authority.size()));
  X509* certificate = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
  EXPECT_TRUE(certificate);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
  // As Python 3.13 looks at certificates.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_X509_STRICT);
  X509_free(certificate);
  BIO_free(text);
}

std::string LastError() {
  unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason ? reason : "the connection was cut";
}

}  // namespace

TlsClient::TlsClient(std::uint16_t port, const std::string& authority, const std::string& host,
                     const char* groups)
    : fd_(Connect(port)), context_(SSL_CTX_new(TLS_client_method())) {
  ::signal(SIGPIPE, SIG_IGN);
  ERR_clear_error();
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context_.get(), kProtocols, sizeof kProtocols - 1);
  SSL_CTX_set1_groups_list(context_.get(), groups);
  Trust(context_.get(), authority);
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), fd_.get());
  if (!host.empty()) {
    SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
    SSL_set1_host(ssl_.get(), host.c_str());
  }
  if (SSL_connect(ssl_.get()) != 1) error_ = LastError();
}

std::string TlsClient::PeerName() const {
  std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(ssl_.get()),
                                                    X509_free);
  auto* names = shown ? static_cast<GENERAL_NAMES*>(
                            X509_get_ext_d2i(shown.get(), NID_subject_alt_name, nullptr, nullptr))
                      : nullptr;
  std::string out;
  if (sk_GENERAL_NAME_num(names) > 0) {
    const auto* name = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
    out.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
               static_cast<std::size_t>(ASN1_STRING_length(name)));
  }
  GENERAL_NAMES_free(names);
  return out;
}

std::string TlsClient::Protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

bool TlsClient::Send(std::string_view bytes) {
  return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

std::string TlsClient::ReceiveToEnd() {
  std::string out;
  char chunk[65536];
  for (;;) {
    int n = SSL_read(ssl_.get(), chunk, sizeof chunk);
    if (n <= 0) {
      ended_cleanly_ = SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
      ERR_clear_error();
      return out;
    }
    out.append(chunk, static_cast<std::size_t>(n));
  }
}

bool TlsClient::UpdateKeys() {
  return SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
         SSL_do_handshake(ssl_.get()) == 1;
}

std::string ClientHello(const std::string& host) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = SSL_new(context);
  SSL_set_tlsext_host_name(ssl, host.c_str());
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
  SSL_connect(ssl);
  char* bytes = nullptr;
  long size = BIO_get_mem_data(out, &bytes);
  std::string hello(bytes, static_cast<std::size_t>(size));
  SSL_free(ssl);
  SSL_CTX_free(context);
  ERR_clear_error();
  return hello;
}

}  // namespace podium::tests
