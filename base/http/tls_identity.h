#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace podium {

// A certificate authority and, signed by it, a certificate for each of a few host names. The keys
// (EC P-256) are made here, lie in this process's memory alone and end with the object. The
// authority's own certificate confines it to those names, so who trusts it trusts nothing more.
// Which certificate a client sees is decided by the name that it asks for (SNI); without one, or
// with another, it is turned away. Of ServeHttp (server.h), on the event loop's thread.
class TlsIdentity {
 public:
  // Host names in lower case, at least one; not before and not long after `now`.
  [[nodiscard]] static Result<std::shared_ptr<TlsIdentity>> Make(std::vector<std::string> hosts,
                                                                 WallTime now);
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;

  [[nodiscard]] const std::vector<std::string>& hosts() const;
  // The authority's certificate, PEM.
  [[nodiscard]] const std::string& authority() const;
  // "8a1b2c3d.0": by which OpenSSL finds it in a folder of certificates.
  [[nodiscard]] const std::string& hashed_name() const;

  // Called with each name that was asked for and is not there; "" where none was.
  void OnStranger(std::function<void(std::string_view name)> stranger);

  [[nodiscard]] boost::asio::ssl::context& context();

 private:
  struct State;
  explicit TlsIdentity(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace podium
