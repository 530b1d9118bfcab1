#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agents/gateway/gateway.h"
#include "sandbox/escape/cases.h"

namespace podium::agents {

// A request as the scripted provider saw it.
struct ProviderSaw {
  std::string target;
  HttpHeaders headers;
  std::string body;
};

// One case's surroundings: a sandbox, the gateway at its 127.0.0.1:8000 (and 443, with the hosts of
// vendors), a provider at the host's loopback, and beside them another trial's gateway that must
// not notice.
class GatewayStage {
 public:
  virtual ~GatewayStage() = default;

  // Runs a Python script in the sandbox, after a prelude that defines TOKEN, KEY (something else),
  // call(path, body, method, headers) -> (status, code), raw(bytes) -> bytes,
  // want(what, seen, *wanted). Held unless it fails or `want` saw something else.
  [[nodiscard]] virtual Task<sandbox::escape::CaseResult> Python(std::string script) = 0;

  [[nodiscard]] virtual Gateway& gateway() = 0;
  [[nodiscard]] virtual const Spent& spent() const = 0;
  [[nodiscard]] virtual const std::vector<ProviderSaw>& provider() const = 0;
  // How often an event was flagged with this code, and whether any event or any request to the
  // provider holds the text.
  [[nodiscard]] virtual int Flags(const std::string& code) const = 0;
  // One call through the other trial's gateway; an error that says how it was answered, when it was
  // not served within five seconds.
  [[nodiscard]] virtual Task<Status> ServeBystander() = 0;
};

struct StageOptions {
  GatewayOptions gateway;    // models and keys are the stage's
  TrialModelsOptions trial;  // the record's folder is
  HttpHandler provider;      // empty: answers as a chat model does
};

using StageBody = std::function<Task<sandbox::escape::CaseResult>(GatewayStage&)>;
[[nodiscard]] Task<sandbox::escape::CaseResult> OnGatewayStage(sandbox::escape::Context& ctx,
                                                               std::string name,
                                                               StageOptions options,
                                                               StageBody body);

// An answer of a chat model that used this many tokens of output.
[[nodiscard]] Task<void> AnswerAsModel(HttpExchange& exchange, int output_tokens);

}  // namespace podium::agents
