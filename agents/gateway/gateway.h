#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/gateway/policy.h"
#include "agents/models/catalogue.h"
#include "agents/models/trial_models.h"
#include "base/async/reactor.h"
#include "base/http/server.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace podium::agents {

struct GatewayOptions {
  std::vector<Model> models;                // that this trial may use
  std::int64_t bytes_per_token = 1;         // of a prompt at the least, for what is set aside
  std::size_t longest_name = kLongestName;  // of a field, in bytes
  std::uint64_t prompt_cap_bytes = std::uint64_t{8} << 20;
  std::uint64_t prompts_cap_bytes = std::uint64_t{64} << 20;  // of all that are under way at once
  std::uint64_t prompt_flag_bytes = std::uint64_t{1} << 20;   // larger ones are served and flagged
  Millis request_timeout{600'000};                            // of one answer, waiting included
  Millis idle_timeout{300'000};                               // without a byte of a stream
  ServerLimits server;  // its body_bytes, spool_dir and hosts are set here
  // Public servers in whose place it answers over TLS, with certificates of its own; empty: none.
  std::vector<VendorHost> vendor_hosts;
  // The value of an environment variable; std::getenv where empty.
  std::function<std::optional<std::string>(const std::string&)> variable;
};

// The reverse proxy of one trial: the agent's only way to models. It holds the real keys and sends
// them upstream, knows the agent by a random token, lets listed fields of requests through, passes
// them on the way of all calls (ModelCall), and never retries. On the event loop's thread, with
// large bodies read on the pool; what Make is given outlives it.
class Gateway {
 public:
  // An error names the key that is not in the environment.
  [[nodiscard]] static Result<std::unique_ptr<Gateway>> Make(TrialModels& models,
                                                             GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Serves until it is cancelled; any number of listeners at once.
  [[nodiscard]] Task<void> Serve(UniqueFd listener);

  // The same over TLS, under the names of the vendors' hosts, of which there must be some.
  [[nodiscard]] Task<void> ServeTls(UniqueFd listener);
  // Of the latter; nullptr where there are no hosts.
  [[nodiscard]] const TlsIdentity* tls() const;

  // From now on the token is worth nothing.
  void End();

  [[nodiscard]] const std::string& token() const;  // 256 random bits

  // What existing agents read to find their models: addresses, the token as every provider's key,
  // names of models. `authority` is "127.0.0.1:8000".
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> Environment(
      const std::string& authority) const;

 private:
  struct State;
  explicit Gateway(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace podium::agents
