#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agents/gateway/blocked_time.h"
#include "agents/gateway/flag_log.h"
#include "agents/gateway/gateway.h"
#include "agents/gateway/one_at_a_time.h"
#include "agents/gateway/recorder.h"
#include "agents/gateway/upstream.h"
#include "agents/models/wire/registry.h"
#include "agents/models/wire/usage_reader.h"

namespace podium::agents {

// What the calls of one gateway share.
struct CallContext {
  Reactor& reactor;
  HttpClient& http;
  ProviderGate& gate;
  const GatewayOptions& options;
  const std::map<std::string, std::string>& keys;  // by model id
  FlagLog& log;
  Ledger& ledger;
  Recorder& recorder;
  std::uint64_t& bytes_under_way;
  BlockedTime& blocked;
  OneAtATime& parsing;  // of what the agent sends

  // By id or alias; nullptr where the trial may not use it.
  [[nodiscard]] const Model* Find(std::string_view name) const;
  [[nodiscard]] std::string ModelNames() const;
};

// Answers in the shape of `format`, so that no client tries again.
[[nodiscard]] Task<Status> AnswerRefusal(HttpExchange& exchange, const WireFormat& format,
                                         Refusal refusal);

// One request to a model, from the agent's bytes to the last of the answer's. Whatever ends it, a
// cancellation too, its part of the budget is settled and its event is written. Its turn at the
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
  [[nodiscard]] std::optional<Refusal> SetAside();
  [[nodiscard]] Task<void> Refuse(Refusal refusal);
  [[nodiscard]] Task<void> Replay(RecordedAnswer answer);
  [[nodiscard]] Task<void> AskProvider();
  [[nodiscard]] Task<void> Pass(HttpStream& stream, HttpHead head);
  [[nodiscard]] Task<bool> TakeTurn(Deadline deadline);
  void LeaveTurn();
  [[nodiscard]] Task<void> PassEvents(HttpStream& stream, HttpHead head);
  [[nodiscard]] Task<void> Receive(HttpStream& stream, const HttpHead& head);
  [[nodiscard]] Task<void> Deliver(const HttpHead& head);
  [[nodiscard]] Task<void> Changed();
  [[nodiscard]] Task<void> PassWhole(HttpStream& stream, HttpHead head);
  [[nodiscard]] HttpRequest MakeRequest(std::string body);
  [[nodiscard]] std::int64_t NominalOutput() const;
  [[nodiscard]] Task<std::string> FinishedBody(std::int64_t output_limit) const;
  void Settle(std::optional<TokenCount> used);
  [[nodiscard]] Task<void> Keep(int status, std::string_view content_type, const std::string& body);
  void Close(std::string_view end);

  CallContext context_;
  Route route_;
  bool events_;
  HttpExchange& exchange_;
  Screened request_;
  const Model* model_ = nullptr;
  std::optional<Turn> turn_;
  bool kept_ = false;  // the record has this turn's answer
  std::int64_t output_limit_ = 0;
  std::optional<Reservation> reservation_;
  int status_ = 0;
  TokenCount used_;
  Usd cost_;
  std::chrono::steady_clock::time_point begun_, asked_;
  Millis held_{0};
  std::uint64_t bytes_ = 0;  // counted in bytes_under_way
  bool open_ = false;        // its event is still to be written
  std::optional<ProviderGate::Pass> pass_;

  // Of a stream, while it is received and handed on side by side.
  std::string whole_;
  bool received_ = false;  // to its end, or as far as it came
  bool complete_ = false;
  std::optional<boost::asio::steady_timer> changed_;
};

}  // namespace podium::agents
