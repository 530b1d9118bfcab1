#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/models/model_call.h"
#include "agents/models/trial_models.h"
#include "agents/models/wire/conversation.h"
#include "agents/models/wire/model_fault.h"
#include "base/clock.h"
#include "base/result.h"

namespace podium::agents {

// In the context of an error: the provider takes no request like it until a person mends a key, a
// bill or a name.
inline const std::pair<std::string, std::string> kForUser = {"to be mended by", "the user"};

// The model that a native scaffold asks, and how. What is not known of it (prices, context) bounds
// nothing.
struct ModelConfig {
  std::string id;                         // as events name it; empty: `model`
  std::string model;                      // as its provider names it
  std::string format = "chat";            // of WireFormats()
  std::string base_url;                   // ".../v1"
  std::string api_key;                    // may be empty (local servers)
  std::string provider;                   // of the catalogue; empty: a server of the user's own
  std::string path;                       // below base_url, where it is not the format's
  std::vector<std::string> headers;       // "Name: value", sent beside the format's
  std::optional<std::string> key_header;  // where it is not the format's
  std::optional<TokenPrices> prices;
  std::int64_t context_tokens = 0;     // 0: not known
  std::int64_t max_output_tokens = 0;  // likewise
  int max_attempts = 5;                // at an answer that can be read
  Millis request_timeout{600'000};
  Millis idle_timeout{300'000};  // without a byte of the answer
  Millis max_outage{3'600'000};  // of the provider, for one answer
  std::set<std::string> omit;    // fields that are not sent
  std::string output_limit_field = "max_tokens";
  std::string reasoning_effort = {};   // as EncodeOptions has it
  bool by_schema = false;              // likewise
  std::vector<RateLimit> limits = {};  // a minute, shared by all trials
  // The same as records name it that were made before catalogues were asked for this model.
  std::string old_limit_field = "max_tokens";
};

// Asks one model for turns of conversations, one a trial, on the way that all calls take
// (ModelCall). Every answer is in the record before it is returned, so that an interrupted trial
// that asks the same again is answered from disk and pays nothing.
//
// An outage (no connection, 408, 409, 429, 5xx, also inside a 200) is waited for in the provider's
// queue, which all trials share: it is no attempt and no part of a budget, and its time moves the
// deadline. What cannot be read is asked again, max_attempts in all. A field that the server
// refuses by name is left out from then on. An injected fault (FaultPlan) is asked through
// likewise, but it is neither an outage nor an attempt, and its pause is working time.
class ChatClient {
 public:
  ChatClient(TrialModels& models, ModelConfig config);

  // Error kModel: refused for good (401, 400, ...), no answer that can be read, or one of the
  // asker's affairs below. kUnavailable: the outage was longer than max_outage. kTimeout: the
  // deadline passed, outages not counted.
  Task<Result<ChatReply>> Complete(ChatRequest request, Deadline deadline);

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  // How long the provider has not served this trial so far.
  [[nodiscard]] Millis outage() const { return models_.outage(); }

 private:
  struct Asking;
  [[nodiscard]] CallTarget Target() const;
  [[nodiscard]] EncodeOptions Writing(const ModelConfig& config) const;
  [[nodiscard]] std::string Path() const;
  [[nodiscard]] Task<Result<ChatReply>> AskAnew(const ChatRequest& request, std::int64_t number,
                                                ModelCall& call, Deadline deadline);
  [[nodiscard]] std::optional<RecordedAnswer> OldRecord(const ChatRequest& request,
                                                        const ModelCall& call) const;
  [[nodiscard]] Task<Result<ChatReply>> Ask(const ChatRequest& request, Asking& asking);
  [[nodiscard]] std::optional<Error> Afford(const ChatRequest& request, Asking& asking) const;
  [[nodiscard]] std::int64_t MostOutput(const ChatRequest& request, const std::string& body) const;
  [[nodiscard]] bool IsBlank(const ChatReply& reply, Asking& asking) const;
  [[nodiscard]] ChatReply Received(ChatReply reply, Asking& asking) const;
  [[nodiscard]] AskShape ShapeOf(const ChatRequest& request) const;
  void NoteFaults(const ChatRequest& request, std::int64_t number);
  [[nodiscard]] Task<void> Send(const ChatRequest& request, Asking& asking);
  [[nodiscard]] HttpRequest MakeRequest(const ChatRequest& request) const;
  using Judged = tl::expected<ChatReply, ModelFault>;
  [[nodiscard]] Task<Judged> Judge(const ModelAnswer& answer) const;
  [[nodiscard]] Task<Judged> Decode(const ModelAnswer& answer) const;
  [[nodiscard]] Task<std::optional<Error>> Meet(ModelFault fault, Asking& asking);
  [[nodiscard]] std::optional<Error> WaitOut(const ModelFault& fault, Asking& asking);
  [[nodiscard]] bool LeaveOut(const std::string& field);
  [[nodiscard]] Task<void> Keep(ChatReply& reply, ModelCall& call) const;

  TrialModels& models_;
  ModelConfig config_;
  ModelConfig sent_;  // the same without what the server has refused
  const WireFormat* format_;
};

// An answer that the trial's record has, read again; an error (kDigest) names the file that is not
// what was stored. Blocks.
[[nodiscard]] Result<ChatReply> ReadKeptReply(const std::filesystem::path& record_dir,
                                              const records::AnswerRef& kept);

// Why Complete failed, where that is the asker's affair and not the server's: prompt and answer do
// not fit the model's context, the prompt was refused for its content, or what is left of the
// trial's budget does not hold the call.
[[nodiscard]] bool IsContextOverflow(const Error& error);
[[nodiscard]] bool IsContentRefusal(const Error& error);
[[nodiscard]] bool IsBudgetExhausted(const Error& error);

}  // namespace podium::agents
