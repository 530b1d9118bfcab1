#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/models/trial_models.h"
#include "agents/models/wire/usage_reader.h"
#include "agents/models/wire/wire_format.h"

namespace podium::agents {

// Whom a call asks.
struct CallTarget {
  std::string model;  // as the trial names it
  const WireFormat* format = nullptr;
  std::string provider;                // whose answers the record keeps apart
  std::string origin;                  // scheme and host of its address: they share one queue
  std::optional<TokenPrices> prices;   // nothing: not known
  std::vector<RateLimit> limits = {};  // a minute
};

// What came back of one request.
struct ModelAnswer {
  HttpHead head;
  std::optional<Millis> wish;      // how long the provider asks to wait
  std::string body;                // as far as it came
  bool events = false;             // it is a stream of server-sent events
  bool complete = false;           // and came to its end
  bool failed = false;             // it reports an error after all
  bool made_up = false;            // by an injected fault: nothing was asked
  std::optional<TokenCount> used;  // what it says that it used
};

// One call on the way that all calls take: record, budget, turn, transport. The stages are called
// in this order, Enter to Finish again for every further request of the same call:
//   Begin     the record's answer, where this was asked before
//   Reserve   the part of the budget that it may use
//   Enter     waits for the provider's turn
//   Send      sends, and gives the head of the answer
//   Receive   reads the answer; the turn ends with it
//   Keep      puts the answer into the record
//   Finish    books what was used and writes the event "model_call"
// Destroyed in between, a cancellation included, what was reserved is booked, the event is written,
// the turn and the record's place are given back.
class ModelCall {
 public:
  ModelCall(TrialModels& models, CallTarget target);
  ~ModelCall();
  ModelCall(const ModelCall&) = delete;
  ModelCall& operator=(const ModelCall&) = delete;

  // `path` of the provider and `body` name it in the record.
  [[nodiscard]] std::optional<RecordedAnswer> Begin(std::string_view path, std::string body);
  // Writes the event of an answer that comes from the record.
  [[nodiscard]] Task<void> Replayed(const RecordedAnswer& answer);
  // For a person: in what it differs from the nearest recorded request.
  [[nodiscard]] Task<std::string> Difference();

  // Which budget does not hold it; "" where it is set aside.
  [[nodiscard]] std::string_view Reserve(std::int64_t input, std::int64_t output);
  // False where no turn came in time. The wait stands in `own` where that is given, which begins
  // unless it has begun and ends with the turn; else in the trial's blocked time.
  [[nodiscard]] Task<bool> Enter(Deadline deadline, OutageWait* own = nullptr);
  void LeaveTurn();
  [[nodiscard]] Task<void> Send(HttpRequest request, Deadline deadline);
  // `on_piece` is told of each piece, which is in answer().body by then; whoever hands pieces on is
  // given none of a key that comes over several of them.
  [[nodiscard]] Task<void> Receive(std::function<void()> on_piece);
  [[nodiscard]] Task<void> Keep(std::string body);
  // In place of Enter, Send and Receive: an injected fault's answer, after its silence. A trial
  // that is replayed does not wait for it.
  [[nodiscard]] Task<void> Pretend(MadeUpAnswer made, Deadline deadline);
  // `used`: nothing where nobody knows.
  [[nodiscard]] Task<void> Finish(std::string_view end, std::optional<TokenCount> used);
  // Nothing was served: what was set aside is free again, and no event is written.
  void Release();

  [[nodiscard]] const CallTarget& target() const { return target_; }
  [[nodiscard]] const std::optional<Turn>& turn() const { return turn_; }
  // Where the record has its answer, once Keep has put it there.
  [[nodiscard]] records::AnswerRef KeptAnswer() const;
  [[nodiscard]] const ModelAnswer& answer() const { return answer_; }
  [[nodiscard]] ModelAnswer& answer() { return answer_; }
  [[nodiscard]] bool open() const { return open_; }
  // The last request was sent.
  [[nodiscard]] Deadline::Clock::time_point sent_at() const { return sent_at_; }

 private:
  [[nodiscard]] Task<bool> TakeTurn(Deadline deadline);
  void CheckBound(const TokenCount& used);
  [[nodiscard]] records::ModelCall Book(std::string_view end, std::optional<TokenCount> used);

  TrialModels& models_;
  CallTarget target_;
  std::optional<Turn> turn_;
  bool kept_ = false;          // the record has this turn's answer
  std::string answer_digest_;  // of what it has, where this call put it there
  std::optional<Reservation> reservation_;
  bool open_ = false;  // its event is still to be written
  std::optional<ProviderGate::Pass> pass_;
  std::optional<RateGate::Turn> rate_;
  bool counted_ = false;  // the pass is in the trial's blocked time
  std::unique_ptr<HttpStream> stream_;
  std::vector<std::string> secrets_;  // of the request that was sent
  ModelAnswer answer_;
  Deadline::Clock::time_point begun_, asked_, sent_at_;
  Millis held_{0};
};

}  // namespace podium::agents
