#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "agents/models/blocked_time.h"
#include "agents/models/event_log.h"
#include "agents/models/injected_faults.h"
#include "agents/models/ledger.h"
#include "agents/models/outage.h"
#include "agents/models/provider_gate.h"
#include "agents/models/recorder.h"
#include "base/async/fair_semaphore.h"
#include "base/async/reactor.h"
#include "base/http/client.h"

namespace podium::agents {

struct TrialModelsOptions {
  Budget budget;
  Spent before;                      // by earlier attempts of the trial
  std::set<std::string> used;        // what finished steps were answered by (Recorder)
  std::filesystem::path record_dir;  // the trial's llm/
  bool replay = false;               // answers from the record alone: no key, no network
  std::uint64_t record_cap_bytes = std::uint64_t{4} << 30;  // of all that the record holds
  FaultPlan faults;                                         // made on purpose
  std::uint64_t seed = 0;                                   // of the trial
};

// One trial's way to models, whoever asks: its budget, its record, its events, its turns at the
// providers. ModelCall is one call on that way. On the event loop's thread; outlived by what it is
// given, and outlives its calls.
class TrialModels {
 public:
  TrialModels(Reactor& reactor, HttpClient& http, ProviderGate& gate, EventSink& events,
              TrialModelsOptions options);
  TrialModels(const TrialModels&) = delete;
  TrialModels& operator=(const TrialModels&) = delete;

  [[nodiscard]] Reactor& reactor() { return reactor_; }
  [[nodiscard]] HttpClient& http() { return http_; }
  [[nodiscard]] ProviderGate& gate() { return gate_; }
  [[nodiscard]] EventLog& log() { return log_; }
  [[nodiscard]] OutageLog& outages() { return outages_; }
  [[nodiscard]] BlockedTime& blocked() { return blocked_; }
  [[nodiscard]] Ledger& ledger() { return ledger_; }
  [[nodiscard]] Recorder& recorder() { return recorder_; }
  [[nodiscard]] FaultInjector& faults() { return faults_; }
  // What is done with an agent's bytes, one after the other (apart.h).
  [[nodiscard]] FairSemaphore& parsing() { return parsing_; }
  [[nodiscard]] const TrialModelsOptions& options() const { return options_; }

  [[nodiscard]] const Spent& spent() const { return ledger_.spent(); }
  // How long providers have not served this trial so far.
  [[nodiscard]] Millis outage() const { return outages_.total(); }
  // Writes what is still to be written. An error: what it did could not be recorded.
  [[nodiscard]] Task<Status> Flush() { return log_.Flush(); }

 private:
  Reactor& reactor_;
  HttpClient& http_;
  ProviderGate& gate_;
  TrialModelsOptions options_;
  EventLog log_;
  OutageLog outages_;
  BlockedTime blocked_;
  Ledger ledger_;
  Recorder recorder_;
  FaultInjector faults_;
  FairSemaphore parsing_{1};
};

}  // namespace podium::agents
