#include "agents/models/trial_models.h"

#include <boost/asio/io_context.hpp>

#include "agents/models/one_at_a_time.h"

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
      parsing_(std::make_unique<OneAtATime>(reactor.io().get_executor())) {}

TrialModels::~TrialModels() = default;

}  // namespace podium::agents
