#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/async/reactor.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace podium::sandbox {

// A registry that a build may reach: its host in lower case, and its port where the URL names one
// (0: those of HTTP and HTTPS).
struct RegistryHost {
  std::string name;
  int port = 0;
  friend bool operator==(const RegistryHost&, const RegistryHost&) = default;
};
// Of a URL or "host[:port]". An error where it is neither.
[[nodiscard]] Result<RegistryHost> RegistryHostOf(const std::string& url);

// What the first lines of a client's request ask a proxy for.
struct ProxyRequest {
  RegistryHost to;
  bool tunnel = false;  // CONNECT
  std::string head;     // what goes to the server in its place; empty for a tunnel
};
[[nodiscard]] Result<ProxyRequest> ParseProxyRequest(const std::string& head);

// The way out of a build's sandbox: an HTTP proxy on a socket that listens inside, which connects
// to registries and refuses all other names with 403. One thread (the event loop's). Where this
// host itself reaches the network through a proxy (`through`, "host:port"), that one is asked.
class RegistryProxy {
 public:
  RegistryProxy(std::vector<RegistryHost> allowed, std::string through);
  ~RegistryProxy();
  RegistryProxy(const RegistryProxy&) = delete;
  RegistryProxy& operator=(const RegistryProxy&) = delete;

  // Serves until its coroutine is cancelled; no connection is left then.
  Task<void> Serve(UniqueFd listener);

  // Names that were refused, each once.
  [[nodiscard]] const std::vector<std::string>& refused() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "host:port" of this process's https_proxy, or empty.
[[nodiscard]] std::string HostsOwnProxy();

}  // namespace podium::sandbox
