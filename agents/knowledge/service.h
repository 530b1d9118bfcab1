#pragma once

#include "agents/knowledge/knowledge.h"
#include "base/http/server.h"
#include "base/unique_fd.h"

namespace podium::agents {

// How a program looks things up: GET /search?q=WORDS answers {"text": PASSAGES}; GET /health
// {"status": "running"}. Each look is an event "knowledge". What it is given outlives it.
class KnowledgeService {
 public:
  KnowledgeService(Reactor& reactor, Knowledge knowledge, EventSink& events)
      : reactor_(reactor), knowledge_(std::move(knowledge)), events_(events) {}

  // Serves until cancelled.
  [[nodiscard]] Task<void> Serve(UniqueFd listener);

 private:
  Task<void> Handle(HttpExchange& exchange);

  Reactor& reactor_;
  Knowledge knowledge_;
  EventSink& events_;
  int looks_ = 0;
};

// The value of `name` in a target's query, decoded; "" without one.
[[nodiscard]] std::string QueryValue(std::string_view target, std::string_view name);

inline constexpr std::uint16_t kKnowledgePort = 8001;

}  // namespace podium::agents
