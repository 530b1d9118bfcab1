#include "base/http/tls_identity.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <chrono>
#include <cstdio>
#include <map>

#include "base/deadlines.h"
#include "base/text.h"

namespace podium {
namespace {

namespace ssl = boost::asio::ssl;

template <auto free>
struct Freed {
  template <class T>
  void operator()(T* p) const {
    free(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Bytes = std::unique_ptr<BIO, Freed<BIO_free>>;

tl::unexpected<Error> Failed(const std::string& what) {
  char text[256] = "";
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return Fail(ErrorCode::kInternal, "OpenSSL cannot " + what + ": " + text);
}

bool IsHostName(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

bool SetTimes(X509* certificate, WallTime now) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate),
                       std::chrono::system_clock::to_time_t(now - kCertificateSkew)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate),
                       std::chrono::system_clock::to_time_t(now + kCertificateLife)) != nullptr;
}

bool SetSerial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7f;
  std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

bool SetName(X509_NAME* name, const std::string& common) {
  auto add = [name](const char* field, const std::string& text) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                                      reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1,
                                      0) == 1;
  };
  return add("O", "Podium") && add("CN", common);
}

using Extensions = std::vector<std::pair<int, std::string>>;

// A certificate for `key`, signed by `issuer`'s key; `issuer` may be the certificate itself.
Result<Certificate> Sign(EVP_PKEY* key, const std::string& name, X509* issuer, EVP_PKEY* issuer_key,
                         const Extensions& extensions, WallTime now) {
  Certificate out(X509_new());
  if (!out || X509_set_version(out.get(), X509_VERSION_3) != 1 || !SetSerial(out.get()) ||
      !SetTimes(out.get(), now) || !SetName(X509_get_subject_name(out.get()), name) ||
      X509_set_pubkey(out.get(), key) != 1)
    return Failed("make a certificate");
  if (!issuer) issuer = out.get();
  if (X509_set_issuer_name(out.get(), X509_get_subject_name(issuer)) != 1)
    return Failed("name a certificate's issuer");
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, out.get(), nullptr, nullptr, 0);
  for (const auto& [nid, value] : extensions) {
    Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    if (!extension || X509_add_ext(out.get(), extension.get(), -1) != 1)
      return Failed("write '" + value + "' into a certificate");
  }
  if (X509_sign(out.get(), issuer_key, EVP_sha256()) == 0) return Failed("sign a certificate");
  return out;
}

Result<std::string> Pem(X509* certificate) {
  Bytes out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509(out.get(), certificate) != 1) return Failed("write a certificate");
  char* text = nullptr;
  long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

Extensions OfAuthority(const std::vector<std::string>& hosts) {
  std::string names = "critical";
  for (const auto& host : hosts) names += ",permitted;DNS:" + host;
  return {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
          {NID_key_usage, "critical,keyCertSign,cRLSign"},
          {NID_subject_key_identifier, "hash"},
          {NID_name_constraints, names}};
}

Extensions OfHost(const std::string& host) {
  return {{NID_basic_constraints, "critical,CA:FALSE"},
          {NID_key_usage, "critical,digitalSignature"},
          {NID_ext_key_usage, "serverAuth"},
          {NID_subject_key_identifier, "hash"},
          {NID_authority_key_identifier, "keyid"},
          {NID_subject_alt_name, "DNS:" + host}};
}

// HTTP/1.1 is all that is spoken here; who speaks only something else is told so.
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  int found =
      SSL_select_next_proto(&chosen, out_size, kOurs, sizeof kOurs - 1, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

struct TlsIdentity::State {
  std::vector<std::string> hosts;
  std::string authority, hashed_name;
  Key key;  // of all hosts' certificates
  std::map<std::string, Certificate, std::less<>> certificates;
  std::function<void(std::string_view)> stranger;
  ssl::context context{ssl::context::tls_server};

  Status MakeCertificates(WallTime now) {
    Key authority_key(EVP_EC_gen("P-256"));
    key.reset(EVP_EC_gen("P-256"));
    if (!authority_key || !key) return Failed("make a key");
    unsigned char id[6];
    if (RAND_bytes(id, sizeof id) != 1) return Failed("get random bytes");
    PODIUM_ASSIGN(auto signer, Sign(authority_key.get(), "trial " + Hex(id), nullptr,
                                    authority_key.get(), OfAuthority(hosts), now));
    for (const auto& host : hosts) {
      PODIUM_ASSIGN(certificates[host], Sign(key.get(), "gateway", signer.get(),
                                             authority_key.get(), OfHost(host), now));
    }
    PODIUM_ASSIGN(authority, Pem(signer.get()));
    char name[16];
    std::snprintf(name, sizeof name, "%08lx.0",
                  X509_NAME_hash(X509_get_subject_name(signer.get())));
    hashed_name = name;
    return {};
  }

  template <std::size_t n>
  static std::string Hex(const unsigned char (&bytes)[n]) {
    std::string out;
    char two[3];
    for (unsigned char b : bytes) {
      std::snprintf(two, sizeof two, "%02x", b);
      out += two;
    }
    return out;
  }

  // Nothing is kept between two connections, nobody can ask for a handshake in one, and none costs
  // more than others: of the groups that OpenSSL knows some take a hundred times as long.
  Status SetUp() {
    SSL_CTX* raw = context.native_handle();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    if (SSL_CTX_set1_groups_list(raw, "X25519:P-256") != 1) return Failed("choose its groups");
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(raw, 0);
    SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(raw, ChooseProtocol, nullptr);
    SSL_CTX_set_tlsext_servername_callback(raw, ChooseCertificate);
    SSL_CTX_set_tlsext_servername_arg(raw, this);
    return {};
  }

  static int ChooseCertificate(SSL* connection, int* alert, void* self) {
    auto& state = *static_cast<State*>(self);
    const char* asked = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
    std::string name = asked ? Lower(asked) : "";
    auto found = state.certificates.find(name);
    if (found != state.certificates.end() &&
        SSL_use_certificate(connection, found->second.get()) == 1 &&
        SSL_use_PrivateKey(connection, state.key.get()) == 1)
      return SSL_TLSEXT_ERR_OK;
    if (state.stranger && found == state.certificates.end()) state.stranger(name);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
};

TlsIdentity::TlsIdentity(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<TlsIdentity>> TlsIdentity::Make(std::vector<std::string> hosts,
                                                       WallTime now) {
  if (hosts.empty()) return Fail(ErrorCode::kUsage, "a TLS server needs the name of a host");
  for (const auto& host : hosts) {
    if (!IsHostName(host)) return Fail(ErrorCode::kUsage, "'" + host + "' is no name of a host");
  }
  auto state = std::make_unique<State>();
  state->hosts = std::move(hosts);
  PODIUM_TRY(state->MakeCertificates(now));
  PODIUM_TRY(state->SetUp());
  return std::shared_ptr<TlsIdentity>(new TlsIdentity(std::move(state)));
}

const std::vector<std::string>& TlsIdentity::hosts() const { return state_->hosts; }
const std::string& TlsIdentity::authority() const { return state_->authority; }
const std::string& TlsIdentity::hashed_name() const { return state_->hashed_name; }
void TlsIdentity::OnStranger(std::function<void(std::string_view)> stranger) {
  state_->stranger = std::move(stranger);
}
ssl::context& TlsIdentity::context() { return state_->context; }

}  // namespace podium
