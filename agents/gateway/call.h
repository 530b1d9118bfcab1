#pragma once

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <string>

#include "agents/gateway/gateway.h"
#include "agents/gateway/translated_answer.h"
#include "agents/gateway/upstream.h"
#include "agents/models/model_call.h"
#include "agents/models/wire/registry.h"

namespace podium::agents {

// What the calls of one gateway share.
struct CallContext {
  TrialModels& models;
  const GatewayOptions& options;
  const std::map<std::string, std::string>& keys;  // by model id
  const ExtraFields& extra_fields;
  std::uint64_t& bytes_under_way;

  // By id or alias; nullptr where the trial may not use it.
  [[nodiscard]] const Model* Find(std::string_view name) const;
  // As asked at a host: what that calls so itself, else the same.
  [[nodiscard]] const Model* FindAt(std::string_view host, std::string_view name) const;
  [[nodiscard]] std::string ModelNames() const;
};

// Answers in the shape of `format`, so that no client tries again.
[[nodiscard]] Task<Status> AnswerRefusal(HttpExchange& exchange, const WireFormat& format,
                                         Refusal refusal);

// One request to a model, from the agent's bytes to the last of the answer's. Its turn at the
// provider ends with the provider's answer, however slowly the agent reads that.
class Call {
 public:
  // `events`: a stream without server-sent events was not asked for (Gemini's alt=sse).
  Call(CallContext context, Route route, bool events, HttpExchange& exchange);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Task<void> Run();

 private:
  [[nodiscard]] Task<std::optional<Refusal>> Prepare();
  [[nodiscard]] std::optional<Refusal> CheckSize();
  [[nodiscard]] std::optional<Refusal> ChooseModel();
  [[nodiscard]] Task<std::optional<Refusal>> Translate();
  [[nodiscard]] Task<void> TranslateRecorded(RecordedAnswer& answer) const;
  [[nodiscard]] Task<TranslatedAnswer> Translated(int status, std::string_view body) const;
  [[nodiscard]] std::optional<Refusal> CheckRecord() const;
  [[nodiscard]] std::optional<Refusal> SetAside();
  [[nodiscard]] std::optional<Refusal> Reserve(std::int64_t input, std::int64_t output);
  [[nodiscard]] Task<void> Refuse(Refusal refusal);
  [[nodiscard]] Task<void> Miss();
  [[nodiscard]] Task<void> Replay(RecordedAnswer answer);
  [[nodiscard]] Task<void> HandOver(RecordedAnswer answer);
  [[nodiscard]] AskShape ShapeFor(const WireFormat& format) const;
  [[nodiscard]] std::optional<Injection> NextFault();
  [[nodiscard]] Task<void> Break(Injection fault);
  [[nodiscard]] Task<void> AnswerInstead(Injection fault);
  [[nodiscard]] Task<void> PassTruncated();
  [[nodiscard]] Task<void> AskProvider();
  [[nodiscard]] Task<void> Unreachable();
  [[nodiscard]] Task<void> Redirected();
  [[nodiscard]] Task<void> PassOn();
  [[nodiscard]] Task<void> PassEvents();
  [[nodiscard]] Task<void> Receive();
  [[nodiscard]] Task<void> Deliver();
  [[nodiscard]] Task<void> Changed();
  [[nodiscard]] Task<void> PassWhole();
  [[nodiscard]] Task<void> PassReceived();
  void HoldForBody(const ModelAnswer& answer) const;
  [[nodiscard]] HttpRequest MakeRequest(std::string body);
  [[nodiscard]] std::int64_t NominalOutput() const;
  [[nodiscard]] Task<std::string> FinishedBody(std::int64_t output_limit) const;
  [[nodiscard]] std::string UpstreamPath() const;
  [[nodiscard]] bool HidesUsage() const;

  CallContext context_;
  const WireFormat& asked_;  // the agent's format
  Route route_;              // at the provider
  bool events_;
  std::optional<TranslatedAsk> translation_;  // where the two formats differ
  HttpExchange& exchange_;
  Screened request_;
  const Model* model_ = nullptr;
  std::optional<ModelCall> call_;  // once its model is known
  std::optional<RecordedAnswer> recorded_;
  std::int64_t output_limit_ = 0;
  bool truncates_ = false;   // the answer is to be cut, an injected fault
  std::uint64_t bytes_ = 0;  // counted in bytes_under_way

  // Of a stream, while it is received and handed on side by side.
  bool received_ = false;  // to its end, or as far as it came
  std::optional<boost::asio::steady_timer> changed_;
};

}  // namespace podium::agents
