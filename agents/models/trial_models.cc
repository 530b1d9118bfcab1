#include "agents/models/trial_models.h"

namespace podium::agents {

TrialModels::TrialModels(Reactor& reactor, HttpClient& http, ProviderGate& gate, EventSink& events,
                         TrialModelsOptions options)
    : reactor_(reactor),
      http_(http),
      gate_(gate),
      options_(std::move(options)),
      log_(reactor, events),
      outages_(log_),
      blocked_(outages_),
      ledger_(options_.budget, options_.before),
      recorder_(options_.record_dir, options_.used),
      faults_(options_.faults, options_.seed, log_) {}

}  // namespace podium::agents
