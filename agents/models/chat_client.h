#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/models/conversation.h"
#include "agents/models/model_fault.h"
#include "agents/models/outage.h"
#include "agents/models/provider_gate.h"
#include "base/async/reactor.h"
#include "base/clock.h"
#include "base/http/client.h"
#include "base/result.h"

namespace podium::agents {

struct ModelConfig {
  std::string base_url;  // ".../v1"
  std::string api_key;   // may be empty (local servers)
  std::string model;
  int max_attempts = 5;  // at an answer that can be read
  Millis request_timeout{600'000};
  Millis idle_timeout{300'000};  // without a byte of the answer
  Millis max_outage{3'600'000};  // of the provider, for one answer
  std::set<std::string> omit;    // fields that are not sent
  std::string output_limit_field = "max_tokens";
};

// A client of OpenAI's Chat Completions, streaming, one a trial. Every answer is stored under
// `record_dir` by the digest of its request before it is returned, so an interrupted trial that
// asks the same again is answered from disk and pays nothing.
//
// An outage (no connection, 408, 409, 429, 5xx, also inside a 200) is waited for in the provider's
// queue, which all trials share: it is no attempt, and its time goes into `outages` and moves the
// deadline. What cannot be read is asked again, max_attempts in all. A field that the server
// refuses by name is left out from then on.
class ChatClient {
 public:
  ChatClient(HttpClient& http, ProviderGate& gate, EventSink& events, ModelConfig config,
             std::filesystem::path record_dir);

  // Error kModel: refused for good (401, 400, ...), or no answer that can be read. kUnavailable:
  // the outage was longer than max_outage. kTimeout: the deadline passed, outages not counted.
  Task<Result<ChatReply>> Complete(ChatRequest request, Deadline deadline);

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  // How long the provider has not served this trial so far.
  [[nodiscard]] Millis outage() const { return outages_->total(); }

 private:
  struct Asking;
  [[nodiscard]] Task<Result<ChatReply>> Ask(const ChatRequest& request, Asking& asking);
  [[nodiscard]] Task<HttpResponse> Send(const ChatRequest& request, Asking& asking);
  [[nodiscard]] HttpRequest MakeRequest(const ChatRequest& request) const;
  [[nodiscard]] tl::expected<ChatReply, ModelFault> Judge(const HttpResponse& response) const;
  [[nodiscard]] std::optional<Error> Meet(const ModelFault& fault, Asking& asking);
  [[nodiscard]] std::optional<Error> WaitOut(const ModelFault& fault, Asking& asking);
  [[nodiscard]] bool LeaveOut(const std::string& field);
  [[nodiscard]] Status Keep(const std::string& key, std::string body, ChatReply& reply) const;

  HttpClient& http_;
  ProviderGate& gate_;
  std::unique_ptr<OutageLog> outages_;
  ModelConfig config_;
  ModelConfig sent_;  // the same without what the server has refused
  std::filesystem::path record_dir_;
  std::string provider_;
};

// Whether Complete failed because prompt and answer do not fit the model's context, or because the
// prompt was refused for its content: the asker's affair, not the server's.
[[nodiscard]] bool IsContextOverflow(const Error& error);
[[nodiscard]] bool IsContentRefusal(const Error& error);

// The request as sent: canonical JSON (keys sorted). Exposed for tests.
[[nodiscard]] std::string ChatRequestBody(const ModelConfig& config, const ChatRequest& request);

}  // namespace podium::agents
